#include "escape.h"
#include "intern.h"
#include "report.h"

#include <stdlib.h>
#include <string.h>

/* One exposition in the OpenMetrics text format 1.0, for Prometheus and what reads like it. A family is a TYPE,
 * a UNIT where its name ends in one, a HELP, then its samples; those of a counter end in _total. */

/* Rows of stats.def that only ever grow. */
static const char *const counters[] = {
    "allocations", "frees", "failed", "allocated_bytes", "freed_bytes", "purged_bytes", "foreign_frees",
};

static bool is_counter(const struct mr_stat *stat)
{
    for (size_t i = 0; i < MR_COUNT(counters); i++)
        if (strcmp(counters[i], stat->name) == 0)
            return true;
    return false;
}

static const struct mr_escape in_labels[] = { { '\\', "\\\\" }, { '"', "\\\"" }, { '\n', "\\n" }, { 0 } };

/* `unit` is what the name ends in, or NULL. */
static void put_family(struct mr_fmt *out, const char *name, const char *type, const char *unit, const char *help)
{
    mr_fmt_print(out, "# TYPE memoir_%s %s\n", name, type);
    if (unit)
        mr_fmt_print(out, "# UNIT memoir_%s %s\n", name, unit);
    mr_fmt_print(out, "# HELP memoir_%s %s\n", name, help);
}

static void put_seconds(struct mr_fmt *out, const char *name, uint64_t ms, const char *help)
{
    put_family(out, name, "gauge", "seconds", help);
    mr_fmt_print(out, "memoir_%s %lu.%03lu\n", name, ms / 1000, ms % 1000);
}

static void put_gauge(struct mr_fmt *out, const char *name, const char *unit, uint64_t value, const char *help)
{
    put_family(out, name, "gauge", unit, help);
    mr_fmt_print(out, "memoir_%s %lu\n", name, value);
}

/* --- the totals -------------------------------------------------------------------------------------------- */

static void put_stat(struct mr_fmt *out, const struct mr_stat *stat, uint64_t value)
{
    const char *unit = stat->unit == MR_UNIT_BYTES ? "bytes" : NULL;
    if (stat->unit == MR_UNIT_MILLIS) {
        char name[64];
        struct mr_fmt f = mr_fmt_to_buffer(name, sizeof name);
        mr_fmt_print(&f, "%.*s_seconds", (int)(strlen(stat->name) - strlen("_ms")), stat->name);
        put_seconds(out, mr_fmt_end_string(&f), value, stat->sentence);
    } else if (is_counter(stat)) {
        put_family(out, stat->name, "counter", unit, stat->sentence);
        mr_fmt_print(out, "memoir_%s_total %lu\n", stat->name, value);
    } else
        put_gauge(out, stat->name, unit, value, stat->sentence);
}

static void put_build(struct mr_fmt *out, const struct mr_report *report)
{
    put_family(out, "build_info", "gauge", NULL, "1; the version and the strategy in force");
    mr_fmt_print(out, "memoir_build_info{version=\"");
    mr_escape_text(out, report->version, in_labels);
    mr_fmt_print(out, "\",strategy=\"");
    mr_escape_text(out, report->strategy, in_labels);
    mr_fmt_print(out, "\"} 1\n");
}

/* --- what became of the blocks --------------------------------------------------------------------------------- */

static void put_sums(struct mr_fmt *out, const struct mr_report *report, const char *name, const char *unit,
                     uint64_t (*figure)(const struct mr_report_sum *), const char *help)
{
    put_family(out, name, "gauge", unit, help);
    for (size_t i = 0; i < MR_SITE_GONE; i++)
        if (report->leaks_checked == (i != MR_SITE_IN_USE))
            mr_fmt_print(out, "memoir_%s{kind=\"%s\"} %lu\n", name, mr_site_kind_names[i], figure(&report->leaks[i]));
    mr_fmt_print(out, "memoir_%s{kind=\"suppressed\"} %lu\n", name, figure(&report->suppressed));
}

static uint64_t bytes_of(const struct mr_report_sum *sum) { return sum->bytes; }
static uint64_t blocks_of(const struct mr_report_sum *sum) { return sum->blocks; }

static void put_sites(struct mr_fmt *out, const struct mr_report *report)
{
    uint64_t growing = 0;
    if (report->trace == MR_REPORT_TRACE_OFF)
        return;
    put_sums(out, report, "requested_bytes", "bytes", bytes_of, "bytes asked for and not freed, by what became of them");
    put_sums(out, report, "requested_blocks", NULL, blocks_of, "blocks asked for and not freed, by what became of them");
    for (size_t i = 0; i < report->site_count; i++)
        growing += report->sites[i].growing_bytes_per_second != 0;
    put_gauge(out, "growing_sites", NULL, growing, "call stacks whose blocks in use grew over the run");
}

/* --- tables -------------------------------------------------------------------------------------------------------- */

static void put_class_family(struct mr_fmt *out, const struct mr_report *report, const char *name, const char *unit,
                             uint64_t (*figure)(const struct mr_report_class *), const char *help)
{
    put_family(out, name, "gauge", unit, help);
    for (size_t i = 0; i < report->class_count; i++) {
        const struct mr_report_class *class = &report->classes[i];
        mr_fmt_print(out, "memoir_%s{size=\"%lu\",kind=\"%s\"} %lu\n", name, class->size, class->large ? "large" : "slab",
                     figure(class));
    }
}

static uint64_t class_bytes(const struct mr_report_class *class) { return class->in_use_bytes; }
static uint64_t class_blocks(const struct mr_report_class *class) { return class->in_use_blocks; }

static void put_classes(struct mr_fmt *out, const struct mr_report *report)
{
    if (report->class_count == 0)
        return;
    put_class_family(out, report, "size_class_in_use_blocks", NULL, class_blocks, "blocks in use of up to that size");
    put_class_family(out, report, "size_class_in_use_bytes", "bytes", class_bytes,
                     "bytes of the blocks in use of up to that size");
}

/* Findings of one kind at several stacks are one series. */
static void put_findings(struct mr_fmt *out, const struct mr_report *report)
{
    struct mr_intern kinds = { 0 };
    uint64_t *counts = NULL;
    size_t cap = 0;
    for (size_t i = 0; i < report->finding_count; i++) {
        const struct mr_report_finding *finding = &report->findings[i];
        uint32_t id = mr_intern_id(&kinds, finding->kind, strlen(finding->kind));
        counts = mr_intern_grow(counts, &cap, id + 1u, sizeof *counts);
        counts[id] += finding->count;
    }
    put_family(out, "findings", "counter", NULL, "misuse that was met, by kind");
    for (uint32_t id = 0; id < kinds.count; id++) {
        mr_fmt_print(out, "memoir_findings_total{kind=\"");
        mr_escape_text(out, mr_intern_key(&kinds, id), in_labels);
        mr_fmt_print(out, "\"} %lu\n", counts[id]);
    }
    mr_intern_free(&kinds);
    free(counts);
}

void mr_openmetrics_write(const struct mr_report *report, struct mr_fmt *out)
{
    put_build(out, report);
    put_seconds(out, "elapsed_seconds", report->elapsed_ms, "how long the program had run");
    for (size_t i = 0; i < mr_stat_count; i++)
        put_stat(out, &mr_stats[i], mr_stat_value(&report->totals, &mr_stats[i]));
    if (report->process_resident_bytes)
        put_gauge(out, "process_resident_bytes", "bytes", report->process_resident_bytes,
                  "bytes of the whole process in memory");
    put_sites(out, report);
    put_classes(out, report);
    put_findings(out, report);
    mr_fmt_print(out, "# EOF\n");
    mr_fmt_flush(out);
}
