#include "escape.h"
#include "intern.h"
#include "report.h"

/* One line per stack, `root;caller;leaf VALUE`: what flamegraph.pl (Brendan Gregg) and its successors read. They
 * find the value behind the last blank, and those for two profiles a second value before it, so a name
 * has no blanks at all. */

static const struct mr_escape in_names[] = { { ';', ":" }, { ' ', "_" }, { 0 } };

/* Figures of a whole stack stand in each of its rows, and are taken from the first. */
static uint64_t weigh(const struct mr_report *report, const struct mr_report_site *site, bool first)
{
    switch (report->cost) {
    case MR_COST_IN_USE:
        return site->bytes;
    case MR_COST_LEAKED:
        return mr_site_kind_is_lost(site->kind) && !site->suppressed_by ? site->bytes : 0;
    case MR_COST_PEAK:
        return first ? site->peak_bytes : 0;
    case MR_COST_ALLOCATIONS:
        return first ? site->allocations : 0;
    case MR_COST_TEMPORARY:
        return first ? site->temporary : 0;
    case MR_COST_COUNT:
        break;
    }
    return 0;
}

static void put_stack(const struct mr_report *report, uint32_t stack, struct mr_fmt *out)
{
    size_t count;
    const struct mr_report_frame *frames = mr_frames_of(report, stack, &count);
    if (count == 0)
        mr_fmt_print(out, "(no_stack)");
    for (size_t i = count; i-- > 0;) {
        mr_escape_frame(out, &frames[i], in_names);
        mr_fmt_bytes(out, ";", i > 0);
    }
}

void mr_folded_write(const struct mr_report *report, struct mr_fmt *out)
{
    struct mr_intern seen = { 0 };
    for (size_t i = 0; i < report->site_count; i++) {
        const struct mr_report_site *site = &report->sites[i];
        uint64_t weight = weigh(report, site, mr_intern_add(&seen, &site->stack, sizeof site->stack));
        if (weight == 0)
            continue;
        put_stack(report, site->stack, out);
        mr_fmt_print(out, " %lu\n", weight);
    }
    mr_intern_free(&seen);
    mr_fmt_flush(out);
}
