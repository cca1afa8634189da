/* text_verdict.c: the last line says what a reader in a hurry wants to know. */
#include "text.h"
#include "numbers.h"

/* The largest site of which `counts` is true, or NULL. */
static const struct mr_report_site *largest(const struct mr_report *report, bool (*counts)(const struct mr_report_site *))
{
    const struct mr_report_site *best = NULL;
    for (size_t i = 0; i < report->site_count; i++) {
        const struct mr_report_site *site = &report->sites[i];
        if (counts(site) && !site->suppressed_by && (!best || site->bytes > best->bytes))
            best = site;
    }
    return best;
}

static bool is_lost(const struct mr_report_site *site)
{
    return mr_site_kind_is_lost(site->kind);
}

static bool is_growing(const struct mr_report_site *site)
{
    return site->growing_bytes_per_second != 0 && !is_lost(site);
}

static void put_site_name(const struct mr_report *report, const struct mr_report_site *site, struct mr_fmt *out)
{
    size_t count;
    const struct mr_report_frame *frames = mr_frames_of(report, site->stack, &count);
    const struct mr_report_frame *frame = mr_frames_culprit(frames, count);
    if (frame)
        mr_text_frame_name(frame, out);
    else
        mr_fmt_print(out, "without a call stack");
}

struct lost {
    uint64_t bytes, blocks;
    size_t sites;
};

static struct lost sum_lost(const struct mr_report *report)
{
    struct lost lost = { 0, 0, 0 };
    for (enum mr_site_kind kind = 0; mr_site_kind_is_lost(kind); kind++) {
        lost.bytes += report->leaks[kind].bytes;
        lost.blocks += report->leaks[kind].blocks;
        lost.sites += report->leak_sites[kind];
    }
    return lost;
}

static void put_lost(const struct mr_report *report, struct lost lost, struct mr_fmt *out)
{
    const struct mr_report_site *worst = largest(report, is_lost);
    mr_numbers_size(out, 0, lost.bytes);
    mr_fmt_print(out, " lost in ");
    if (report->trace == MR_REPORT_TRACE_OFF) {
        mr_numbers_noun(out, lost.blocks, "block");
        mr_fmt_print(out, "; with MEMOIR_TRACE=full or --trace=full the report says where from");
        return;
    }
    mr_numbers_noun(out, lost.sites, "site");
    if (!worst)
        return;
    mr_fmt_print(out, lost.sites == 1 ? ": " : ": the largest is ");
    put_site_name(report, worst, out);
}

static void put_in_use(const struct mr_report *report, struct mr_fmt *out)
{
    const struct mr_totals *t = &report->totals;
    bool running = report->exit_kind == MR_EXIT_RUNNING, one = t->in_use_blocks == 1;
    if (t->in_use_blocks == 0) {
        mr_fmt_print(out, "nothing is in use: ");
        mr_numbers_noun(out, t->frees, "block");
        mr_fmt_print(out, " allocated, all freed");
        return;
    }
    if (report->leaks_checked)
        mr_fmt_print(out, "nothing is lost: ");
    mr_numbers_noun(out, t->in_use_blocks, "block");
    mr_fmt_print(out, " (");
    mr_numbers_size(out, 0, t->in_use_bytes);
    mr_fmt_print(out, ") %s %s", running ? (one ? "is" : "are") : (one ? "was" : "were"),
                 running ? "in use now" : "still in use at the end");
}

static void put_growing(const struct mr_report *report, const struct mr_report_site *site, struct mr_fmt *out)
{
    mr_fmt_print(out, "; growing ");
    mr_text_rate(site->growing_bytes_per_second, out);
    mr_fmt_print(out, ": ");
    put_site_name(report, site, out);
}

enum mr_text_tone mr_text_verdict_tone(const struct mr_report *report)
{
    if (sum_lost(report).blocks || report->finding_count)
        return MR_TEXT_BAD;
    return largest(report, is_growing) ? MR_TEXT_DOUBTFUL : MR_TEXT_GOOD;
}

void mr_text_verdict_words(const struct mr_report *report, struct mr_fmt *out)
{
    struct lost lost = sum_lost(report);
    const struct mr_report_site *growing = largest(report, is_growing);
    if (lost.blocks)
        put_lost(report, lost, out);
    else
        put_in_use(report, out);
    if (growing)
        put_growing(report, growing, out);
    if (report->totals.failed) {
        mr_fmt_print(out, "; ");
        mr_numbers_noun(out, report->totals.failed, "request");
        mr_fmt_print(out, " failed");
    }
    if (report->finding_count) {
        mr_fmt_print(out, "; ");
        mr_numbers_noun(out, report->finding_count, "finding");
    }
}

void mr_text_verdict(const struct mr_report *report, struct mr_fmt *out)
{
    static const enum mr_text_colour colours[] = {
        [MR_TEXT_GOOD] = MR_TEXT_GREEN,
        [MR_TEXT_DOUBTFUL] = MR_TEXT_YELLOW,
        [MR_TEXT_BAD] = MR_TEXT_RED,
    };
    mr_fmt_print(out, "\n== memoir == ");
    mr_text_paint(report, out, colours[mr_text_verdict_tone(report)]);
    mr_text_verdict_words(report, out);
    mr_text_paint(report, out, MR_TEXT_PLAIN);
    mr_fmt_char(out, '\n');
}
