#include "model.h"
#include "names.h"
#include "rows.h"

#include <stdlib.h>
#include <string.h>

enum { NOTES_MOST = 8 };

struct mr_model {
    struct mr_report report; /* first: the frames callback is handed the report */
    const struct mr_reader *ledger;
    struct mr_names *names;
    struct mr_report_class classes[MR_LEDGER_CLASSES], map_classes[MR_LEDGER_CLASSES];
    struct mr_report_map map;
    struct mr_report_finding *findings;
    struct mr_report_moment *timeline;
    const char **notes;
    size_t note_cap;
};

static size_t frames_of(const struct mr_report *report, uint32_t stack, struct mr_report_frame *out, size_t cap)
{
    return mr_names_stack(report->frames_ctx, stack, out, cap);
}

static void note(struct mr_model *model, const char *sentence)
{
    if (model->report.note_count < model->note_cap)
        model->notes[model->report.note_count++] = sentence;
}

/* --- totals ------------------------------------------------------------------------------------------------ */

/* Who writes down the end has written the heap's figures just before. */
static bool told_its_end(const struct mr_ledger_header *header)
{
    return header->end == MR_LEDGER_EXITED || header->end == MR_LEDGER_SIGNALLED;
}

/* The heap writes its own figures now and then, last at the end of the process. Older ones do not go with the
 * sites, which are always exact. */
static bool is_fresh(const struct mr_ledger_header *header, const struct mr_ledger_stats *stats)
{
    uint64_t last = header->end == MR_LEDGER_RUNNING ? header->alive_ms : header->end_ms;
    return stats && header->stats_ms && (told_its_end(header) || header->stats_ms + 100 >= last);
}

static void take_stats(struct mr_model *model, const struct mr_ledger_stats *stats)
{
    struct mr_report *report = &model->report;
    for (size_t i = 0; i < mr_stat_count && i < stats->total_count && i < MR_LEDGER_TOTALS; i++)
        *(uint64_t *)((char *)&report->totals + mr_stats[i].offset) = stats->totals[i];
    report->process_resident_bytes = stats->process_resident_bytes;
    report->class_count = mr_report_map_classes(model->classes, stats);
    report->classes = model->classes;
}

/* The timeline may have seen a peak that the sites had no time for. */
static void raise_peak(struct mr_model *model)
{
    struct mr_totals *totals = &model->report.totals;
    for (size_t i = 0; i < model->report.timeline_count; i++)
        if (model->timeline[i].in_use_bytes > totals->peak_bytes) {
            totals->peak_bytes = model->timeline[i].in_use_bytes;
            totals->peak_ms = model->timeline[i].ms;
        }
}

static void take_site_totals(struct mr_model *model)
{
    const struct mr_ledger_header *header = mr_reader_header(model->ledger);
    struct mr_sum sum = mr_reader_total(model->ledger);
    model->report.totals = (struct mr_totals){
        .allocations = sum.allocs,
        .frees = mr_min(sum.frees, sum.allocs),
        .allocated_bytes = sum.alloc_bytes,
        .freed_bytes = mr_min(sum.freed_bytes, sum.alloc_bytes),
        .in_use_bytes = mr_sum_bytes(&sum),
        .in_use_blocks = mr_sum_blocks(&sum),
        .peak_bytes = mr_max(header->peak_bytes, mr_sum_bytes(&sum)),
        .peak_ms = header->peak_bytes >= mr_sum_bytes(&sum) ? header->peak_ms : model->report.elapsed_ms,
    };
    raise_peak(model);
    if (model->report.timeline_count)
        model->report.process_resident_bytes = model->timeline[model->report.timeline_count - 1].resident_bytes;
    note(model, "bytes are as requested: the heap had no time to write figures of its own");
}

/* Sites that are ahead of the heap have gone on since its figures were written: a program that sleeps, makes a few
 * blocks and is killed has not looked at the clock in between. At an orderly end sites may count more as well: each
 * block that was resized in place is one more allocation there, by who resized it. */
static bool sites_are_ahead(const struct mr_model *model)
{
    const struct mr_ledger_header *header = mr_reader_header(model->ledger);
    return header->trace == MR_LEDGER_TRACE_FULL && !told_its_end(header) &&
           mr_reader_total(model->ledger).allocs > model->report.totals.allocations;
}

static void take_totals(struct mr_model *model)
{
    const struct mr_ledger_stats *stats = mr_reader_stats(model->ledger);
    const struct mr_ledger_header *header = mr_reader_header(model->ledger);
    if (stats && (is_fresh(header, stats) || header->trace == MR_LEDGER_TRACE_OFF)) {
        take_stats(model, stats);
        if (!is_fresh(header, stats))
            note(model, "the figures are of some time before the end: nothing was written after them");
        if (sites_are_ahead(model)) {
            model->report.class_count = 0;
            take_site_totals(model);
        }
    } else {
        take_site_totals(model);
    }
}

/* --- the rest ------------------------------------------------------------------------------------------------ */

static void take_header(struct mr_model *model)
{
    static const enum mr_exit_kind ends[] = {
        [MR_LEDGER_RUNNING] = MR_EXIT_RUNNING,
        [MR_LEDGER_EXITED] = MR_EXIT_EXITED,
        [MR_LEDGER_SIGNALLED] = MR_EXIT_SIGNALLED,
        [MR_LEDGER_EXECED] = MR_EXIT_UNKNOWN,
    };
    const struct mr_ledger_header *header = mr_reader_header(model->ledger);
    model->report = (struct mr_report){
        .version = header->memoir_version,
        .pid = header->pid,
        .command = header->command,
        .exit_kind = ends[header->end],
        .exit_value = (int)header->end_value,
        .elapsed_ms = header->end == MR_LEDGER_RUNNING ? header->alive_ms : header->end_ms,
        .start_wall = header->start_wall,
        .strategy = header->strategy,
        .show_stats = true,
        .show_leaks = true,
        .trace = (enum mr_report_trace)header->trace,
        .sample_interval = header->sample_interval,
        .frames = frames_of,
        .leaks_checked = header->check == MR_LEDGER_CHECKED,
        .check_doubts = header->check_doubts,
    };
    if (header->end == MR_LEDGER_EXECED)
        note(model, "the process went on as another program (exec)");
    if (header->check == MR_LEDGER_CHECKING)
        note(model, "the leak check was cut off: blocks have no classes");
    if (header->lost_sites)
        note(model, "the ledger was full: what came later stands without a call stack");
}

/* Without call stacks the verdict on all blocks is that of site 0, in whole blocks. */
static void take_unnamed_leaks(struct mr_model *model)
{
    static const enum mr_site_kind kinds[MR_LEAK_KIND_COUNT] = {
        [MR_LEAK_DEFINITE] = MR_SITE_DEFINITELY_LOST,
        [MR_LEAK_INDIRECT] = MR_SITE_INDIRECTLY_LOST,
        [MR_LEAK_POSSIBLE] = MR_SITE_POSSIBLY_LOST,
        [MR_LEAK_REACHABLE] = MR_SITE_STILL_REACHABLE,
    };
    const struct mr_ledger_verdict *v = mr_reader_verdict(model->ledger, 0);
    if (model->report.trace != MR_REPORT_TRACE_OFF || !v)
        return;
    for (int i = 0; i < MR_LEAK_KIND_COUNT; i++)
        model->report.leaks[kinds[i]] = (struct mr_report_sum){ v->bytes[i], v->blocks[i] };
}

static bool take_timeline(struct mr_model *model)
{
    uint64_t count = mr_reader_count(model->ledger, MR_SECTION_TIMELINE);
    const struct mr_ledger_moment *moments = mr_reader_timeline(model->ledger);
    model->timeline = calloc(count + 1, sizeof *model->timeline);
    if (!model->timeline)
        return false;
    for (uint64_t i = 0; i < count; i++)
        model->timeline[i] = (struct mr_report_moment){
            .ms = moments[i].ms,
            .in_use_bytes = moments[i].in_use_bytes,
            .in_use_blocks = moments[i].in_use_blocks,
            .resident_bytes = moments[i].resident_bytes,
            .allocations = moments[i].allocs,
            .allocated_bytes = moments[i].alloc_bytes,
        };
    model->report.timeline = model->timeline;
    model->report.timeline_count = count;
    return true;
}

static bool take_findings(struct mr_model *model)
{
    uint64_t count = mr_reader_count(model->ledger, MR_SECTION_FINDINGS);
    model->findings = calloc(count + 1, sizeof *model->findings);
    if (!model->findings)
        return false;
    for (uint64_t i = 0; i < count; i++) {
        const struct mr_ledger_finding *finding = mr_reader_finding(model->ledger, i);
        if (!finding)
            continue;
        model->findings[model->report.finding_count++] = (struct mr_report_finding){
            .kind = mr_finding_name(finding->kind),
            .message = mr_reader_string(model->ledger, finding->message),
            .count = finding->count,
            .address = finding->address,
            .size = finding->size,
            .ms = finding->ms,
            .stack = finding->stack,
            .allocation_stack = finding->allocation_stack,
            .free_stack = finding->free_stack,
        };
    }
    model->report.findings = model->findings;
    return true;
}

static void take_map(struct mr_model *model)
{
    const struct mr_ledger_map *map = mr_reader_map(model->ledger);
    if (!map)
        return;
    mr_report_map_take(&model->map, map, model->map_classes);
    model->report.map = &model->map;
}

static void take_notes_of_modules(struct mr_model *model)
{
    const char *const *sentences;
    size_t count = mr_names_notes(model->names, &sentences);
    for (size_t i = 0; i < count; i++)
        note(model, sentences[i]);
}

static bool fill(struct mr_model *model, const struct mr_model_wishes *wishes)
{
    model->note_cap = NOTES_MOST + mr_reader_count(model->ledger, MR_SECTION_MODULES);
    model->notes = calloc(model->note_cap, sizeof *model->notes);
    model->names = mr_names_new(model->ledger, wishes->symbols);
    if (!model->notes || !model->names)
        return false;
    take_header(model);
    model->report.frames_ctx = model->names;
    if (!take_timeline(model) || !take_findings(model))
        return false;
    take_totals(model);
    take_map(model);
    if (!mr_rows_build(&model->report, model->ledger, model->names, wishes))
        return false;
    take_unnamed_leaks(model);
    take_notes_of_modules(model);
    model->report.notes = model->notes;
    return true;
}

struct mr_model *mr_model_build(const struct mr_reader *ledger, const struct mr_model_wishes *wishes)
{
    struct mr_model *model = calloc(1, sizeof *model);
    if (!model)
        return NULL;
    model->ledger = ledger;
    if (fill(model, wishes))
        return model;
    mr_model_free(model);
    return NULL;
}

struct mr_report *mr_model_report(struct mr_model *model)
{
    return &model->report;
}

void mr_model_free(struct mr_model *model)
{
    if (!model)
        return;
    free((void *)model->report.sites);
    free(model->timeline);
    free(model->findings);
    free(model->notes);
    mr_names_free(model->names);
    free(model);
}
