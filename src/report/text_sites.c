/* text_sites.c: what call stacks have in use and lost: the sums, each site, the rankings, the last line. */
#include "text.h"
#include "numbers.h"

#include <string.h>

enum { RANKED = 5 };

/* --- sums --------------------------------------------------------------------------------------------- */

static void put_kind(const struct mr_report *report, enum mr_site_kind kind, struct mr_fmt *out)
{
    const struct mr_report_sum *sum = &report->leaks[kind];
    mr_text_row(out, '+', kind == MR_SITE_IN_USE && report->leaks_checked ? "in use, not classified"
                                                                          : mr_site_kind_words[kind], sum->blocks, sum->bytes);
    if (report->leak_sites[kind]) {
        mr_fmt_print(out, "  in ");
        mr_numbers_noun(out, report->leak_sites[kind], "site");
    }
    mr_fmt_char(out, '\n');
}

/* What the totals have beyond the sites, or the other way round. */
static void put_difference(const struct mr_report *report, struct mr_report_sum sites, struct mr_fmt *out)
{
    const struct mr_totals *t = &report->totals;
    bool more_blocks = t->in_use_blocks > sites.blocks, more = t->in_use_bytes >= sites.bytes;
    uint64_t blocks = more_blocks && more ? t->in_use_blocks - sites.blocks : MR_TEXT_NO_COUNT;
    const char *label = report->trace == MR_REPORT_TRACE_SAMPLE ? "what sampling is off by"
                        : !more                                 ? "freed meanwhile"
                        : more_blocks                           ? "without a stack, and rounding"
                                                                : "rounding to block sizes";
    if (more ? t->in_use_bytes == sites.bytes && blocks == MR_TEXT_NO_COUNT : false)
        return;
    mr_text_line(out, more ? '+' : '-', label, blocks, more ? t->in_use_bytes - sites.bytes : sites.bytes - t->in_use_bytes);
}

void mr_text_leak_sums(const struct mr_report *report, struct mr_fmt *out)
{
    struct mr_report_sum sum = report->suppressed;
    mr_fmt_print(out, "\n   %-30s%16s%22s\n", report->leaks_checked ? "LEAKS" : "CALL STACKS", "blocks", "bytes");
    for (enum mr_site_kind kind = 0; kind < MR_SITE_GONE; kind++) {
        bool is_class = kind != MR_SITE_IN_USE;
        sum.bytes += report->leaks[kind].bytes;
        sum.blocks += report->leaks[kind].blocks;
        if (is_class ? report->leaks_checked : !report->leaks_checked || report->leaks[kind].blocks)
            put_kind(report, kind, out);
    }
    if (report->suppressed.blocks)
        mr_text_line(out, '+', "suppressed", report->suppressed.blocks, report->suppressed.bytes);
    put_difference(report, sum, out);
    mr_text_line(out, '=', report->exit_kind == MR_EXIT_RUNNING ? "in use now" : "in use at the end",
                 report->totals.in_use_blocks, report->totals.in_use_bytes);
    if (report->trace == MR_REPORT_TRACE_SAMPLE) {
        mr_fmt_print(out, "   (figures of call stacks are estimates, from one sample every ");
        mr_numbers_size(out, 0, report->sample_interval);
        mr_fmt_print(out, ")\n");
    }
    if (report->check_doubts) {
        mr_fmt_print(out, "   (");
        mr_numbers_noun(out, report->check_doubts, "thread");
        mr_fmt_print(out, " could not be stopped for the check: what only their registers point to counts as lost)\n");
    }
}

/* --- one site ---------------------------------------------------------------------------------------------- */

void mr_text_rate(uint64_t bytes_per_second, struct mr_fmt *out)
{
    bool slow = bytes_per_second < MR_MIB;
    mr_numbers_size(out, 0, slow ? bytes_per_second * 60 : bytes_per_second);
    mr_fmt_print(out, slow ? "/min" : "/s");
}

/* The listed row of the lost block that this one hangs on, counted from 1; 0 when there is none. */
static size_t row_of_holder(const struct mr_report *report, const struct mr_report_site *site)
{
    for (size_t i = 0; site->held_by && i < report->listed_count; i++)
        if (report->sites[i].stack == site->held_by && report->sites[i].kind != MR_SITE_INDIRECTLY_LOST)
            return i + 1;
    return 0;
}

static void put_site(const struct mr_report *report, size_t i, struct mr_fmt *out)
{
    const struct mr_report_site *site = &report->sites[i];
    size_t holder = row_of_holder(report, site);
    mr_text_paint(report, out, mr_site_kind_is_lost(site->kind) ? MR_TEXT_RED : MR_TEXT_BOLD);
    mr_fmt_print(out, "\n   #%lu  ", i + 1);
    mr_numbers_size(out, 0, site->bytes);
    mr_fmt_print(out, " in ");
    mr_numbers_noun(out, site->blocks, "block");
    if (site->growing_bytes_per_second) {
        mr_fmt_print(out, ", growing ");
        mr_text_rate(site->growing_bytes_per_second, out);
    }
    mr_fmt_print(out, ", %s", mr_site_kind_words[site->kind]);
    if (holder)
        mr_fmt_print(out, ", held by #%lu", holder);
    if (site->suppressed_by)
        mr_fmt_print(out, ", suppressed by %s", site->suppressed_by);
    mr_text_paint(report, out, MR_TEXT_PLAIN);
    mr_fmt_char(out, '\n');
    mr_text_stack(report, site->stack, out);
}

static void put_rest(struct mr_fmt *out, size_t sites, struct mr_report_sum sum, const char *why)
{
    if (sites == 0)
        return;
    mr_fmt_print(out, "\n   and ");
    mr_numbers_noun(out, sites, "site");
    mr_fmt_print(out, " with ");
    mr_numbers_size(out, 0, sum.bytes);
    mr_fmt_print(out, " in ");
    mr_numbers_noun(out, sum.blocks, "block");
    mr_fmt_print(out, " %s\n", why);
}

void mr_text_sites(const struct mr_report *report, struct mr_fmt *out)
{
    struct mr_report_sum rest = { 0 };
    size_t sites = 0;
    for (size_t i = 0; i < report->listed_count; i++)
        put_site(report, i, out);
    for (size_t i = report->listed_count; i < report->site_count; i++) {
        if (report->sites[i].kind == MR_SITE_GONE || report->sites[i].suppressed_by)
            continue;
        rest.bytes += report->sites[i].bytes;
        rest.blocks += report->sites[i].blocks;
        sites++;
    }
    put_rest(out, sites, rest, "not shown (--leak-kinds=all --top=0 shows every one)");
    put_rest(out, report->sites_filtered, report->filtered, "that do not fit the filters");
}

/* --- rankings ------------------------------------------------------------------------------------------------- */

static uint64_t by_calls(const struct mr_report_site *site) { return site->allocations; }
static uint64_t by_peak(const struct mr_report_site *site) { return site->peak_bytes; }
static uint64_t by_temporary(const struct mr_report_site *site) { return site->temporary; }

static uint64_t by_leaked(const struct mr_report_site *site)
{
    return mr_site_kind_is_lost(site->kind) && !site->suppressed_by ? site->bytes : 0;
}

typedef uint64_t measure(const struct mr_report_site *site);

/* The site with the largest figure below that of `last` (NULL: of all), the first of equal ones; or NULL. */
static const struct mr_report_site *next_ranked(const struct mr_report *report, measure *of, const struct mr_report_site *last)
{
    const struct mr_report_site *best = NULL;
    for (size_t i = 0; i < report->site_count; i++) {
        const struct mr_report_site *site = &report->sites[i];
        bool is_left = !last || of(site) < of(last) || (of(site) == of(last) && site > last);
        if (of(site) && is_left && (!best || of(site) > of(best)))
            best = site;
    }
    return best;
}

static void put_ranked(const struct mr_report *report, const struct mr_report_site *site, uint64_t count, const char *noun,
                       uint64_t bytes, struct mr_fmt *out)
{
    size_t frames_count;
    const struct mr_report_frame *frames = mr_frames_of(report, site->stack, &frames_count);
    const struct mr_report_frame *frame = mr_frames_culprit(frames, frames_count);
    mr_fmt_print(out, "     ");
    mr_numbers_count(out, 14, count);
    mr_fmt_print(out, " %s%-*s", noun, 7 - (int)strlen(noun), count == 1 ? "" : "s");
    mr_numbers_size(out, 12, bytes);
    mr_fmt_print(out, "   ");
    if (frame)
        mr_text_frame_name(frame, out);
    else
        mr_fmt_print(out, "(no call stack)");
    mr_fmt_char(out, '\n');
}

/* What a line of a ranking shows beside the name. */
struct figures {
    uint64_t count, bytes;
    const char *noun;
};

static struct figures calls_of(const struct mr_report_site *site)
{
    return (struct figures){ site->allocations, site->allocated_bytes, "call" };
}

static struct figures peak_of(const struct mr_report_site *site)
{
    return (struct figures){ site->peak_blocks, site->peak_bytes, "block" };
}

static struct figures leaked_of(const struct mr_report_site *site)
{
    return (struct figures){ site->blocks, site->bytes, "block" };
}

/* Their bytes are not counted apart: as many times the mean request. */
static struct figures temporary_of(const struct mr_report_site *site)
{
    return (struct figures){ site->temporary, site->allocated_bytes / mr_max(site->allocations, 1) * site->temporary, "call" };
}

/* A stack whose blocks are of several kinds has several rows, with the same figures of the whole stack. */
static void put_ranking(const struct mr_report *report, const char *title, measure *of, bool per_stack,
                        struct figures (*figures_of)(const struct mr_report_site *), struct mr_fmt *out)
{
    uint32_t shown[RANKED];
    size_t n = 0;
    const struct mr_report_site *site = NULL;
    while (n < RANKED && (site = next_ranked(report, of, site)) != NULL) {
        bool again = false;
        for (size_t i = 0; per_stack && i < n; i++)
            again |= shown[i] == site->stack;
        if (again)
            continue;
        if (n == 0)
            mr_fmt_print(out, "\n   %s\n", title);
        struct figures f = figures_of(site);
        put_ranked(report, site, f.count, f.noun, f.bytes, out);
        shown[n++] = site->stack;
    }
}

void mr_text_rankings(const struct mr_report *report, struct mr_fmt *out)
{
    put_ranking(report, "MOST CALLS", by_calls, true, calls_of, out);
    put_ranking(report, "MOST IN USE AT THE PEAK", by_peak, true, peak_of, out);
    put_ranking(report, "MOST LEAKED", by_leaked, false, leaked_of, out);
    put_ranking(report, "MOST TEMPORARY (freed as the next thing their thread did)", by_temporary, true, temporary_of, out);
}

/* --- findings ---------------------------------------------------------------------------------------------------- */

static void put_finding_stack(const struct mr_report *report, const char *title, uint32_t stack, struct mr_fmt *out)
{
    if (!stack)
        return;
    mr_fmt_print(out, "     %s\n", title);
    mr_text_stack(report, stack, out);
}

void mr_text_findings(const struct mr_report *report, struct mr_fmt *out)
{
    for (size_t i = 0; i < report->finding_count; i++) {
        const struct mr_report_finding *finding = &report->findings[i];
        mr_text_paint(report, out, MR_TEXT_RED);
        mr_fmt_print(out, "\n   FINDING  ");
        mr_numbers_text(out, finding->message, strlen(finding->message), 400);
        if (finding->count > 1) {
            mr_fmt_print(out, " (");
            mr_numbers_noun(out, finding->count, "time");
            mr_fmt_char(out, ')');
        }
        mr_text_paint(report, out, MR_TEXT_PLAIN);
        mr_fmt_char(out, '\n');
        put_finding_stack(report, "at", finding->stack, out);
        put_finding_stack(report, "allocated at", finding->allocation_stack, out);
        put_finding_stack(report, "freed at", finding->free_stack, out);
    }
}
