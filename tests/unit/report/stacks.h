/* stacks.h: a synthetic report with call stacks: inlined frames, a stripped library, a mark, JIT code, names
 * with every character some format minds, a stack with blocks of two kinds, one that has freed everything. */
#ifndef STACKS_H
#define STACKS_H

#include "sample.h"

#define SERVER "/opt/app/server"
#define SERVER_ID "0123456789abcdef0123456789abcdef01234567"
#define AT(fn, src, ln, off) { .address = 0x400000 + (off), .function = (fn), .file = (src), .line = (ln), .module = SERVER, \
                               .build_id = SERVER_ID, .offset = (off) }
#define INLINED(fn, src, ln, off) { .address = 0x400000 + (off), .function = (fn), .file = (src), .line = (ln), \
                                    .module = SERVER, .build_id = SERVER_ID, .offset = (off), .inlined = true }
#define LIBRARY(off) { .address = 0x7f0000001000 + (off), .module = "/usr/lib/libz.so.1", .offset = (off) }
#define MAIN AT("main", "/src/app/server.c", 301, 0x1100)

static const struct mr_report_frame stacks_1[] = {
    INLINED("session_new", "/src/app/session.c", 212, 0x1234), AT("accept_one", "/src/app/server.c", 88, 0x1234), MAIN,
};
static const struct mr_report_frame stacks_2[] = {
    AT("std::map<int, char const*>::insert(int; \"x\")", "/src/app/a b:c,d%.cc", 7, 0x2000), MAIN,
};
static const struct mr_report_frame stacks_3[] = {
    LIBRARY(0x5678), LIBRARY(0x9abc), AT("load\xff\n", NULL, 0, 0x3000), MAIN,
};
static const struct mr_report_frame stacks_4[] = {
    { .address = 0x7fff12345678 }, { .function = "[stack ends: no unwind information]" },
};
static const struct mr_report_frame stacks_5[] = { AT("parse", "/src/app/parse.c", 5, 0x4000), MAIN };

static const struct { const struct mr_report_frame *frames; size_t count; } stacks_table[] = {
    { NULL, 0 }, { stacks_1, MR_COUNT(stacks_1) }, { stacks_2, MR_COUNT(stacks_2) }, { stacks_3, MR_COUNT(stacks_3) },
    { stacks_4, MR_COUNT(stacks_4) }, { stacks_5, MR_COUNT(stacks_5) },
};

static inline size_t stacks_frames(const struct mr_report *report, uint32_t stack, struct mr_report_frame *out, size_t cap)
{
    (void)report;
    size_t n = mr_min(stacks_table[stack].count, cap);
    memcpy(out, stacks_table[stack].frames, n * sizeof *out);
    return n;
}

static const struct mr_report_site stacks_sites[] = {
    { .kind = MR_SITE_DEFINITELY_LOST, .bytes = 400000, .blocks = 1000, .allocations = 1500, .frees = 400,
      .allocated_bytes = 600000, .temporary = 20, .peak_bytes = 450000, .peak_blocks = 1125,
      .growing_bytes_per_second = 97850, .stack = 1, .is_new = true },
    { .kind = MR_SITE_STILL_REACHABLE, .bytes = 40000, .blocks = 100, .allocations = 1500, .frees = 400,
      .allocated_bytes = 600000, .temporary = 20, .peak_bytes = 450000, .peak_blocks = 1125, .stack = 1, .is_new = true },
    { .kind = MR_SITE_INDIRECTLY_LOST, .bytes = 24000, .blocks = 1000, .allocations = 1000, .allocated_bytes = 24000,
      .peak_bytes = 24000, .peak_blocks = 1000, .stack = 2, .held_by = 1, .is_new = true },
    { .kind = MR_SITE_POSSIBLY_LOST, .bytes = 100, .blocks = 1, .allocations = 3, .frees = 2, .allocated_bytes = 301,
      .peak_bytes = 200, .peak_blocks = 2, .stack = 3, .is_new = true },
    { .kind = MR_SITE_DEFINITELY_LOST, .bytes = 7, .blocks = 1, .allocations = 1, .allocated_bytes = 7, .peak_bytes = 7,
      .peak_blocks = 1, .stack = 4, .suppressed_by = "a \"known\" one", .is_new = true },
    { .kind = MR_SITE_GONE, .allocations = 5000, .frees = 5000, .allocated_bytes = 80000, .temporary = 4990,
      .peak_bytes = 16, .peak_blocks = 1, .stack = 5, .is_new = true },
};

static const struct mr_report_moment stacks_timeline[] = {
    { .ms = 1000, .in_use_bytes = 100000, .in_use_blocks = 300 },
    { .ms = 2000, .in_use_bytes = 300000, .in_use_blocks = 900 },
    { .ms = 4000, .in_use_bytes = 460000, .in_use_blocks = 2050 },
};

static const struct mr_report_finding stacks_findings[] = {
    { .kind = "double_free", .message = "free(0x1000): freed twice, 100% sure\nsecond line", .count = 2, .stack = 5 },
    { .kind = "invalid_free", .message = "free(0x7): no block", .count = 1 },
    { .kind = "double_free", .message = "free(0x2000): freed twice", .count = 1, .stack = 1 },
};

static inline struct mr_report stacks_report(void)
{
    struct mr_report report = sample_report();
    report.start_wall = 1700000000;
    report.elapsed_ms = 5000;
    report.totals.peak_ms = 3500;
    report.trace = MR_REPORT_TRACE_FULL;
    report.sample_interval = 1;
    report.sites = stacks_sites;
    report.site_count = MR_COUNT(stacks_sites);
    report.listed_count = 4;
    report.frames = stacks_frames;
    report.leaks_checked = true;
    report.leaks[MR_SITE_DEFINITELY_LOST] = (struct mr_report_sum){ 400000, 1000 };
    report.leaks[MR_SITE_INDIRECTLY_LOST] = (struct mr_report_sum){ 24000, 1000 };
    report.leaks[MR_SITE_POSSIBLY_LOST] = (struct mr_report_sum){ 100, 1 };
    report.leaks[MR_SITE_STILL_REACHABLE] = (struct mr_report_sum){ 40000, 100 };
    report.suppressed = (struct mr_report_sum){ 7, 1 };
    report.findings = stacks_findings;
    report.finding_count = MR_COUNT(stacks_findings);
    report.timeline = stacks_timeline;
    report.timeline_count = MR_COUNT(stacks_timeline);
    return report;
}

/* What the writer makes of a report without stacks, findings or a timeline must still be well formed. */
static inline struct mr_report stacks_none(void)
{
    return sample_clean();
}

#endif
