/* html.c: the data of the page. Its keys are an agreement with src/report/html/data.ts, of the same build. */
#include "diff.h"
#include "html.h"
#include "html_page.h"
#include "html_stacks.h"
#include "json.h"
#include "text.h"

#include <string.h>

static void put_text(struct mr_fmt *out, const char *key, const char *text)
{
    mr_fmt_print(out, "\"%s\":", key);
    mr_html_text(out, text, text ? strlen(text) : 0);
    mr_fmt_char(out, ',');
}

/* --- the run ------------------------------------------------------------------------------------------------ */

static void put_run(const struct mr_report *report, struct mr_fmt *out)
{
    put_text(out, "memoir", report->version);
    put_text(out, "command", report->command);
    put_text(out, "strategy", report->strategy);
    put_text(out, "ledger", report->ledger);
    mr_fmt_print(out, "\"pid\":%ld,\"elapsed_ms\":%lu,\"start_wall\":%lu,", report->pid, report->elapsed_ms, report->start_wall);
    mr_json_exit(report, out);
    mr_fmt_char(out, ',');
    mr_json_trace(report, out);
    mr_fmt_char(out, ',');
}

static void put_verdict(const struct mr_report *report, struct mr_fmt *out)
{
    static const char *const tones[] = { "good", "warn", "bad" };
    struct mr_report plain = *report;
    char text[4096];
    struct mr_fmt f = mr_fmt_to_buffer(text, sizeof text);
    plain.colour = false;
    mr_text_verdict_words(&plain, &f);
    put_text(out, "verdict", mr_fmt_end_string(&f));
    mr_fmt_print(out, "\"tone\":\"%s\",", tones[mr_text_verdict_tone(&plain)]);
}

static void put_stats(struct mr_fmt *out)
{
    static const char *const units[] = { [MR_UNIT_COUNT] = "count", [MR_UNIT_BYTES] = "bytes", [MR_UNIT_MILLIS] = "millis" };
    mr_fmt_print(out, "\"stats\":[");
    for (size_t i = 0; i < mr_stat_count; i++)
        mr_fmt_print(out, "%s[\"%s\",\"%s\",\"%s\"]", i ? "," : "", mr_stats[i].name, units[mr_stats[i].unit],
                     mr_stats[i].sentence);
    mr_fmt_print(out, "],");
}

static void put_classes(const struct mr_report *report, struct mr_fmt *out)
{
    mr_fmt_print(out, "\"classes\":[");
    for (size_t i = 0; i < report->class_count; i++) {
        const struct mr_report_class *c = &report->classes[i];
        mr_fmt_print(out, "%s[%lu,%lu,%lu,%lu,%lu,%lu,%lu,%lu,%d]", i ? "," : "", c->size, c->below, c->allocations, c->frees,
                     c->in_use_blocks, c->in_use_bytes, c->slabs, c->free_blocks, c->large);
    }
    mr_fmt_print(out, "],");
}

static void put_timeline(const struct mr_report *report, struct mr_fmt *out)
{
    mr_fmt_print(out, "\"timeline\":[");
    for (size_t i = 0; i < report->timeline_count; i++) {
        const struct mr_report_moment *m = &report->timeline[i];
        mr_fmt_print(out, "%s[%lu,%lu,%lu,%lu,%lu,%lu]", i ? "," : "", m->ms, m->in_use_bytes, m->in_use_blocks,
                     m->resident_bytes, m->allocations, m->allocated_bytes);
    }
    mr_fmt_print(out, "],");
}

/* Cells as address, then the bytes of each state; the states have names. */
static void put_map(const struct mr_report_map *map, struct mr_fmt *out)
{
    mr_fmt_print(out, "\"map\":{\"ms\":%lu,\"cell_bytes\":%lu,\"largest_gap\":%lu,\"states\":[", map->ms, map->cell_bytes,
                 map->largest_gap);
    for (int i = 0; i < MR_MAP_STATE_COUNT; i++)
        mr_fmt_print(out, "%s\"%s\"", i ? "," : "", mr_report_map_states[i]);
    mr_fmt_print(out, "],\"gaps\":[");
    for (int i = 0; i < MR_LEDGER_GAPS; i++)
        mr_fmt_print(out, "%s[%lu,%lu]", i ? "," : "", map->gaps[i].count, map->gaps[i].bytes);
    mr_fmt_print(out, "],\"cells\":[");
    for (size_t i = 0; i < map->cell_count; i++) {
        mr_fmt_print(out, "%s[\"0x%lx\"", i ? "," : "", map->cells[i].address);
        for (int state = 0; state < MR_MAP_STATE_COUNT; state++)
            mr_fmt_print(out, ",%u", map->cells[i].bytes[state]);
        mr_fmt_char(out, ']');
    }
    mr_fmt_print(out, "]},");
}

static void put_notes(const struct mr_report *report, struct mr_fmt *out)
{
    mr_fmt_print(out, "\"notes\":[");
    for (size_t i = 0; i < report->note_count; i++) {
        mr_fmt_bytes(out, ",", i > 0);
        mr_html_text(out, report->notes[i], strlen(report->notes[i]));
    }
    mr_fmt_print(out, "],");
}

/* --- sites -------------------------------------------------------------------------------------------------- */

/* The figures of a site: a column of the data each. Behind them come kind, node, holder, suppression, new. */
static const struct {
    const char *name;
    size_t offset;
} figures[] = {
    { "bytes", offsetof(struct mr_report_site, bytes) },
    { "blocks", offsetof(struct mr_report_site, blocks) },
    { "allocations", offsetof(struct mr_report_site, allocations) },
    { "frees", offsetof(struct mr_report_site, frees) },
    { "allocated_bytes", offsetof(struct mr_report_site, allocated_bytes) },
    { "temporary", offsetof(struct mr_report_site, temporary) },
    { "peak_bytes", offsetof(struct mr_report_site, peak_bytes) },
    { "peak_blocks", offsetof(struct mr_report_site, peak_blocks) },
    { "growing", offsetof(struct mr_report_site, growing_bytes_per_second) },
};

static void put_columns(struct mr_fmt *out)
{
    mr_fmt_print(out, "\"kinds\":[");
    for (int i = 0; i < MR_SITE_KIND_COUNT; i++)
        mr_fmt_print(out, "%s\"%s\"", i ? "," : "", mr_site_kind_names[i]);
    mr_fmt_print(out, "],\"site_columns\":[");
    for (size_t i = 0; i < MR_COUNT(figures); i++)
        mr_fmt_print(out, "\"%s\",", figures[i].name);
    mr_fmt_print(out, "\"kind\",\"node\",\"held_by\",\"suppressed_by\",\"is_new\"],");
}

static void put_site(const struct mr_report *report, const struct mr_report_site *site, struct mr_html_stacks *stacks,
                     struct mr_fmt *out)
{
    for (size_t i = 0; i < MR_COUNT(figures); i++)
        mr_fmt_print(out, "%lu,", *(const uint64_t *)((const char *)site + figures[i].offset));
    mr_fmt_print(out, "%d,%u,%u,%u,%d", (int)site->kind, mr_html_stacks_node(stacks, report, site->stack),
                 mr_html_stacks_node(stacks, report, site->held_by), mr_html_stacks_string(stacks, site->suppressed_by),
                 site->is_new);
}

/* All of them, listed or not: whoever looks at the page has filters of his own. */
static void put_sites(const struct mr_report *report, struct mr_html_stacks *stacks, struct mr_fmt *out)
{
    put_columns(out);
    mr_fmt_print(out, "\"sites\":[");
    for (size_t i = 0; i < report->site_count; i++) {
        mr_fmt_bytes(out, ",", i > 0);
        put_site(report, &report->sites[i], stacks, out);
    }
    mr_fmt_print(out, "],\"filtered\":{\"sites\":%lu,\"bytes\":%lu,\"blocks\":%lu},", report->sites_filtered,
                 report->filtered.bytes, report->filtered.blocks);
}

static void put_findings(const struct mr_report *report, struct mr_html_stacks *stacks, struct mr_fmt *out)
{
    mr_fmt_print(out, "\"findings\":[");
    for (size_t i = 0; i < report->finding_count; i++) {
        const struct mr_report_finding *f = &report->findings[i];
        mr_fmt_print(out, i ? ",{" : "{");
        put_text(out, "kind", f->kind);
        put_text(out, "message", f->message);
        mr_fmt_print(out, "\"count\":%lu,\"address\":\"0x%lx\",\"size\":%lu,\"ms\":%lu", f->count, f->address, f->size, f->ms);
        mr_fmt_print(out, ",\"nodes\":[%u", mr_html_stacks_node(stacks, report, f->stack));
        mr_fmt_print(out, ",%u", mr_html_stacks_node(stacks, report, f->allocation_stack));
        mr_fmt_print(out, ",%u]}", mr_html_stacks_node(stacks, report, f->free_stack));
    }
    mr_fmt_print(out, "],");
}

/* --- a difference ------------------------------------------------------------------------------------------------ */

static void put_side(const char *key, const struct mr_report *report, struct mr_report_sum sum, struct mr_fmt *out)
{
    mr_fmt_print(out, "\"%s\":{", key);
    put_text(out, "command", report->command);
    mr_fmt_print(out, "\"pid\":%ld,\"elapsed_ms\":%lu,\"bytes\":%lu,\"blocks\":%lu},", report->pid, report->elapsed_ms,
                 sum.bytes, sum.blocks);
}

static void put_diff(const struct mr_diff *diff, size_t top, struct mr_html_stacks *stacks, struct mr_fmt *out)
{
    size_t listed = top ? mr_min(top, diff->count) : diff->count;
    mr_fmt_print(out, "\"diff\":{");
    put_side("before", diff->before, diff->before_sum, out);
    put_side("after", diff->after, diff->after_sum, out);
    mr_fmt_print(out, "\"changed\":%lu,\"fates\":[", diff->count);
    for (int i = 0; i < MR_DIFF_FATE_COUNT; i++)
        mr_fmt_print(out, "%s\"%s\"", i ? "," : "", mr_diff_fate_names[i]);
    mr_fmt_print(out, "],\"rows\":[");
    for (size_t i = 0; i < listed; i++) {
        const struct mr_diff_row *row = &diff->rows[i];
        mr_fmt_print(out, "%s[%d,%lu,%lu,%lu,%lu,%u]", i ? "," : "", (int)row->fate, row->before.bytes, row->before.blocks,
                     row->after.bytes, row->after.blocks, mr_html_stacks_node(stacks, row->shown, row->stack));
    }
    mr_fmt_print(out, "]},");
}

/* --- the page ---------------------------------------------------------------------------------------------------- */

/* What the stacks are made of is known when all of them were met: strings, frames and nodes come last. */
static void put_data(const struct mr_report *report, const struct mr_diff *diff, size_t top, struct mr_fmt *out)
{
    struct mr_html_stacks stacks = mr_html_stacks_begin();
    mr_fmt_char(out, '{');
    put_run(report, out);
    put_verdict(report, out);
    put_stats(out);
    mr_json_totals(&report->totals, out);
    mr_fmt_print(out, ",\"process_resident_bytes\":%lu,", report->process_resident_bytes);
    mr_json_leaks(report, out);
    mr_fmt_char(out, ',');
    put_classes(report, out);
    put_timeline(report, out);
    if (report->map)
        put_map(report->map, out);
    put_notes(report, out);
    put_sites(report, &stacks, out);
    put_findings(report, &stacks, out);
    if (diff)
        put_diff(diff, top, &stacks, out);
    mr_html_source_write(&stacks, report, out);
    mr_fmt_char(out, ',');
    mr_html_stacks_write(&stacks, out);
    mr_fmt_char(out, '}');
    mr_html_stacks_free(&stacks);
}

static void put_page(const struct mr_report *report, const struct mr_diff *diff, size_t top, struct mr_fmt *out)
{
    const char *page = mr_html_page, *end = page + mr_html_page_bytes;
    const char *mark = memmem(page, mr_html_page_bytes, MR_HTML_PAGE_MARK, strlen(MR_HTML_PAGE_MARK));
    const char *rest = mark ? mark + strlen(MR_HTML_PAGE_MARK) : end;
    mr_fmt_bytes(out, page, mark ? (size_t)(mark - page) : 0);
    put_data(report, diff, top, out);
    mr_fmt_bytes(out, rest, (size_t)(end - rest));
    mr_fmt_flush(out);
}

bool mr_html_is_built(void)
{
    return mr_html_page_bytes > 0;
}

void mr_html_write(const struct mr_report *report, struct mr_fmt *out)
{
    put_page(report, NULL, 0, out);
}

void mr_html_diff(const struct mr_diff *diff, size_t top, struct mr_fmt *out)
{
    put_page(diff->after, diff, top, out);
}
