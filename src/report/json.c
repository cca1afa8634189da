#include "json.h"

#include <string.h>

/* The keys are stable: tests/cli/schema.json says which, readers depend on them. */

static void put_string(struct mr_fmt *out, const char *key, const char *text)
{
    mr_fmt_print(out, "\"%s\":\"", key);
    mr_fmt_json(out, text, strlen(text));
    mr_fmt_char(out, '"');
}

void mr_json_exit(const struct mr_report *report, struct mr_fmt *out)
{
    static const char *const kinds[] = {
        [MR_EXIT_UNKNOWN] = "unknown",
        [MR_EXIT_EXITED] = "exited",
        [MR_EXIT_SIGNALLED] = "signalled",
        [MR_EXIT_RUNNING] = "running",
    };
    mr_fmt_print(out, "\"exit\":{\"kind\":\"%s\"", kinds[report->exit_kind]);
    if (report->exit_kind == MR_EXIT_EXITED)
        mr_fmt_print(out, ",\"code\":%d", report->exit_value);
    if (report->exit_kind == MR_EXIT_SIGNALLED)
        mr_fmt_print(out, ",\"signal\":%d", report->exit_value);
    mr_fmt_char(out, '}');
}

void mr_json_totals(const struct mr_totals *totals, struct mr_fmt *out)
{
    mr_fmt_print(out, "\"totals\":{");
    for (size_t i = 0; i < mr_stat_count; i++)
        mr_fmt_print(out, "%s\"%s\":%lu", i ? "," : "", mr_stats[i].name, mr_stat_value(totals, &mr_stats[i]));
    mr_fmt_char(out, '}');
}

static void put_classes(const struct mr_report *report, struct mr_fmt *out)
{
    mr_fmt_print(out, "\"size_classes\":[");
    for (size_t i = 0; i < report->class_count; i++) {
        const struct mr_report_class *class = &report->classes[i];
        mr_fmt_print(out, "%s{\"size\":%lu,\"allocations\":%lu,\"frees\":%lu,\"in_use_blocks\":%lu,\"slabs\":%lu}",
                     i ? "," : "", class->size, class->allocations, class->frees, class->in_use_blocks, class->slabs);
    }
    mr_fmt_char(out, ']');
}

static void put_sum(struct mr_fmt *out, const char *key, uint64_t bytes, uint64_t blocks)
{
    mr_fmt_print(out, "\"%s\":{\"bytes\":%lu,\"blocks\":%lu}", key, bytes, blocks);
}

/* in_use is of whole blocks, as the totals are; the classes are of what the call stacks asked for. */
void mr_json_leaks(const struct mr_report *report, struct mr_fmt *out)
{
    mr_fmt_print(out, "\"leaks\":{");
    put_sum(out, "in_use", report->totals.in_use_bytes, report->totals.in_use_blocks);
    mr_fmt_print(out, ",\"checked\":%s", report->leaks_checked ? "true" : "false");
    for (enum mr_site_kind kind = 0; kind < MR_SITE_IN_USE; kind++) {
        mr_fmt_char(out, ',');
        put_sum(out, mr_site_kind_names[kind], report->leaks[kind].bytes, report->leaks[kind].blocks);
    }
    mr_fmt_char(out, ',');
    put_sum(out, "unclassified", report->leaks[MR_SITE_IN_USE].bytes, report->leaks[MR_SITE_IN_USE].blocks);
    mr_fmt_char(out, ',');
    put_sum(out, "suppressed", report->suppressed.bytes, report->suppressed.blocks);
    if (report->show_blocks) {
        mr_fmt_print(out, ",\"blocks\":[");
        for (size_t i = 0; i < report->block_count; i++)
            mr_fmt_print(out, "%s{\"address\":\"0x%lx\",\"size\":%lu}", i ? "," : "", report->blocks[i].address,
                         report->blocks[i].size);
        mr_fmt_print(out, "],\"blocks_left_out\":%lu", report->blocks_left_out);
    }
    mr_fmt_char(out, '}');
}

/* --- call stacks ---------------------------------------------------------------------------------------- */

/* A key whose value is unknown is left out. */
static void put_known(struct mr_fmt *out, const char *key, const char *text)
{
    if (!text)
        return;
    mr_fmt_char(out, ',');
    put_string(out, key, text);
}

static void put_frame(struct mr_fmt *out, const struct mr_report_frame *frame)
{
    mr_fmt_print(out, "{\"address\":\"0x%lx\"", frame->address);
    put_known(out, "function", frame->function);
    if (frame->linkage && frame->function && strcmp(frame->linkage, frame->function) != 0)
        put_known(out, "linkage", frame->linkage);
    put_known(out, "file", frame->file);
    if (frame->line)
        mr_fmt_print(out, ",\"line\":%u", frame->line);
    if (frame->module) {
        put_known(out, "module", frame->module);
        mr_fmt_print(out, ",\"offset\":\"0x%lx\"", frame->offset);
        put_known(out, "build_id", frame->build_id);
    }
    mr_fmt_print(out, ",\"inlined\":%s}", frame->inlined ? "true" : "false");
}

void mr_json_stack(const struct mr_report *report, uint32_t stack, const char *key, struct mr_fmt *out)
{
    size_t count;
    const struct mr_report_frame *frames = mr_frames_of(report, stack, &count);
    mr_fmt_print(out, "\"%s\":[", key);
    for (size_t i = 0; i < count; i++) {
        if (i)
            mr_fmt_char(out, ',');
        put_frame(out, &frames[i]);
    }
    mr_fmt_char(out, ']');
}

static void put_site(const struct mr_report *report, struct mr_fmt *out, const struct mr_report_site *site)
{
    mr_fmt_print(out, "{\"kind\":\"%s\",\"bytes\":%lu,\"blocks\":%lu", mr_site_kind_names[site->kind], site->bytes,
                 site->blocks);
    mr_fmt_print(out, ",\"allocations\":%lu,\"frees\":%lu,\"allocated_bytes\":%lu,\"temporary\":%lu", site->allocations,
                 site->frees, site->allocated_bytes, site->temporary);
    mr_fmt_print(out, ",\"peak_bytes\":%lu,\"peak_blocks\":%lu,\"growing_bytes_per_second\":%lu,\"new\":%s,",
                 site->peak_bytes, site->peak_blocks, site->growing_bytes_per_second, site->is_new ? "true" : "false");
    if (site->suppressed_by) {
        put_string(out, "suppressed_by", site->suppressed_by);
        mr_fmt_char(out, ',');
    }
    mr_json_stack(report, site->stack, "stack", out);
    mr_fmt_char(out, '}');
}

/* `sites` are those asked for and those suppressed; `freed_sites` have nothing left in use. */
static void put_sites(const struct mr_report *report, struct mr_fmt *out, const char *key, bool freed)
{
    bool any = false;
    mr_fmt_print(out, "\"%s\":[", key);
    for (size_t i = 0; i < report->site_count; i++) {
        const struct mr_report_site *site = &report->sites[i];
        bool wanted = site->kind == MR_SITE_GONE ? freed : !freed && (i < report->listed_count || site->suppressed_by);
        if (!wanted)
            continue;
        if (any)
            mr_fmt_char(out, ',');
        any = true;
        put_site(report, out, site);
    }
    mr_fmt_char(out, ']');
}

static void put_findings(const struct mr_report *report, struct mr_fmt *out)
{
    mr_fmt_print(out, "\"findings\":[");
    for (size_t i = 0; i < report->finding_count; i++) {
        const struct mr_report_finding *finding = &report->findings[i];
        mr_fmt_print(out, i ? ",{" : "{");
        put_string(out, "kind", finding->kind);
        put_known(out, "message", finding->message);
        mr_fmt_print(out, ",\"count\":%lu,\"address\":\"0x%lx\",\"size\":%lu,\"ms\":%lu,", finding->count, finding->address,
                     finding->size, finding->ms);
        mr_json_stack(report, finding->stack, "stack", out);
        mr_fmt_char(out, ',');
        mr_json_stack(report, finding->allocation_stack, "allocation_stack", out);
        mr_fmt_char(out, ',');
        mr_json_stack(report, finding->free_stack, "free_stack", out);
        mr_fmt_char(out, '}');
    }
    mr_fmt_char(out, ']');
}

static void put_timeline(const struct mr_report *report, struct mr_fmt *out)
{
    mr_fmt_print(out, "\"timeline\":[");
    for (size_t i = 0; i < report->timeline_count; i++) {
        const struct mr_report_moment *m = &report->timeline[i];
        mr_fmt_print(out, "%s{\"ms\":%lu,\"in_use_bytes\":%lu,\"in_use_blocks\":%lu", i ? "," : "", m->ms, m->in_use_bytes,
                     m->in_use_blocks);
        mr_fmt_print(out, ",\"resident_bytes\":%lu,\"allocations\":%lu,\"allocated_bytes\":%lu}", m->resident_bytes,
                     m->allocations, m->allocated_bytes);
    }
    mr_fmt_char(out, ']');
}

static void put_cell(const struct mr_ledger_cell *cell, struct mr_fmt *out)
{
    mr_fmt_print(out, "{\"address\":\"0x%lx\"", cell->address);
    for (int state = 0; state < MR_MAP_STATE_COUNT; state++)
        if (cell->bytes[state])
            mr_fmt_print(out, ",\"%s\":%u", mr_report_map_states[state], cell->bytes[state]);
    mr_fmt_char(out, '}');
}

/* Where there is one. A cell's bytes by state, a gap's row by the least size of its free spans: what is 0 is left out. */
static void put_map(const struct mr_report_map *map, struct mr_fmt *out)
{
    mr_fmt_print(out, "\"map\":{\"ms\":%lu,\"cell_bytes\":%lu,\"largest_gap\":%lu,\"gaps\":[", map->ms, map->cell_bytes,
                 map->largest_gap);
    const char *comma = "";
    for (int i = 0; i < MR_LEDGER_GAPS; i++)
        if (map->gaps[i].count) {
            mr_fmt_print(out, "%s{\"from\":%lu,\"count\":%lu,\"bytes\":%lu}", comma, (uint64_t)1 << i, map->gaps[i].count,
                         map->gaps[i].bytes);
            comma = ",";
        }
    mr_fmt_print(out, "],\"cells\":[");
    for (size_t i = 0; i < map->cell_count; i++) {
        mr_fmt_bytes(out, ",", i > 0);
        put_cell(&map->cells[i], out);
    }
    mr_fmt_print(out, "]},");
}

static void put_notes(const struct mr_report *report, struct mr_fmt *out)
{
    mr_fmt_print(out, "\"notes\":[");
    for (size_t i = 0; i < report->note_count; i++) {
        mr_fmt_print(out, i ? ",\"" : "\"");
        mr_fmt_json(out, report->notes[i], strlen(report->notes[i]));
        mr_fmt_char(out, '"');
    }
    mr_fmt_char(out, ']');
}

void mr_json_trace(const struct mr_report *report, struct mr_fmt *out)
{
    static const char *const traces[] = { "off", "sample", "full" };
    mr_fmt_print(out, "\"trace\":\"%s\"", traces[report->trace]);
    if (report->trace == MR_REPORT_TRACE_SAMPLE)
        mr_fmt_print(out, ",\"sample_interval\":%lu", report->sample_interval);
}

void mr_json_write(const struct mr_report *report, struct mr_fmt *out)
{
    mr_fmt_char(out, '{');
    put_string(out, "memoir", report->version);
    mr_fmt_print(out, ",\"pid\":%ld,", report->pid);
    put_string(out, "command", report->command);
    mr_fmt_char(out, ',');
    mr_json_exit(report, out);
    mr_fmt_print(out, ",\"elapsed_ms\":%lu,", report->elapsed_ms);
    put_string(out, "strategy", report->strategy);
    mr_fmt_char(out, ',');
    if (report->integrity_checked) {
        put_string(out, "integrity", report->integrity ? report->integrity : "whole");
        mr_fmt_char(out, ',');
    }
    mr_json_trace(report, out);
    mr_fmt_char(out, ',');
    mr_json_totals(&report->totals, out);
    mr_fmt_char(out, ',');
    put_classes(report, out);
    mr_fmt_char(out, ',');
    mr_json_leaks(report, out);
    mr_fmt_char(out, ',');
    put_sites(report, out, "sites", false);
    mr_fmt_char(out, ',');
    put_sites(report, out, "freed_sites", true);
    mr_fmt_char(out, ',');
    put_findings(report, out);
    mr_fmt_char(out, ',');
    put_timeline(report, out);
    mr_fmt_char(out, ',');
    if (report->map)
        put_map(report->map, out);
    put_notes(report, out);
    mr_fmt_print(out, "}\n");
    mr_fmt_flush(out);
}
