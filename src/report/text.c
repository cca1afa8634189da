#include "text.h"
#include "numbers.h"

#include <signal.h>
#include <string.h>

/* At most 100 columns. Every block of figures can be added up by eye: a row's sign says how it enters
 * the next row that begins with '='. */

#define SIZES_LISTED 20     /* rows of the table of what is in use, largest first */
#define PREVIEW 16          /* bytes shown of a block in use */

const char *mr_text_when(const struct mr_report *report)
{
    return report->exit_kind == MR_EXIT_RUNNING ? "now" : "at the end";
}

/* --- the parts ------------------------------------------------------------------------------------ */

static void put_exit(const struct mr_report *report, struct mr_fmt *out)
{
    const char *name;
    switch (report->exit_kind) {
    case MR_EXIT_EXITED:
        mr_fmt_print(out, "ended: exit code %d after ", report->exit_value);
        break;
    case MR_EXIT_SIGNALLED:
        name = sigabbrev_np(report->exit_value);
        mr_fmt_print(out, "ended: killed by signal %d%s%s%s after ", report->exit_value, name ? " (" : "",
                     name ? name : "", name ? ")" : "");
        break;
    case MR_EXIT_RUNNING:
        mr_fmt_print(out, "is running, since ");
        break;
    case MR_EXIT_UNKNOWN:
        mr_fmt_print(out, "ended after ");
    }
    mr_numbers_duration(out, report->elapsed_ms);
}

static void put_header(const struct mr_report *report, struct mr_fmt *out)
{
    size_t word = strcspn(report->command, " "), base = word;
    while (base > 0 && report->command[base - 1] != '/')
        base--;
    mr_fmt_print(out, "== memoir == ");
    mr_numbers_text(out, report->command + base, word - base, 40);
    mr_fmt_print(out, " (pid %ld) ", report->pid);
    put_exit(report, out);
    mr_fmt_print(out, "\n   command   ");
    mr_numbers_text(out, report->command, strlen(report->command), 84);
    mr_fmt_print(out, "\n   memoir    %s, strategy %s\n", report->version, report->strategy);
    if (report->integrity_checked)
        mr_fmt_print(out, "   integrity: %s\n", report->integrity ? report->integrity : "whole");
    if (report->threads_running)
        mr_fmt_print(out, "   note      other threads went on meanwhile: sums may be off by what they did\n");
}

void mr_text_paint(const struct mr_report *report, struct mr_fmt *out, enum mr_text_colour colour)
{
    static const char *const codes[] = { "0", "1", "1;31", "1;32", "1;33" };
    if (report->colour)
        mr_fmt_print(out, "\x1b[%sm", codes[colour]);
}

void mr_text_row(struct mr_fmt *out, char sign, const char *label, uint64_t blocks, uint64_t bytes)
{
    mr_fmt_print(out, "   %c %-28s", sign, label);
    if (blocks == MR_TEXT_NO_COUNT)
        mr_fmt_print(out, "%16s", "");
    else
        mr_numbers_count(out, 16, blocks);
    mr_numbers_count(out, 22, bytes);
    mr_numbers_size(out, 12, bytes);
}

void mr_text_line(struct mr_fmt *out, char sign, const char *label, uint64_t blocks, uint64_t bytes)
{
    mr_text_row(out, sign, label, blocks, bytes);
    mr_fmt_char(out, '\n');
}

/* A figure beside the sums, left out where it says nothing. */
static void put_nonzero(struct mr_fmt *out, const char *label, uint64_t bytes)
{
    if (bytes)
        mr_text_line(out, ' ', label, MR_TEXT_NO_COUNT, bytes);
}

static void put_events(const struct mr_totals *totals, struct mr_fmt *out)
{
    mr_fmt_print(out, "     failed requests             ");
    mr_numbers_count(out, 16, totals->failed);
    if (totals->foreign_frees) {
        mr_fmt_print(out, "\n     freed by another thread     ");
        mr_numbers_count(out, 16, totals->foreign_frees);
    }
    if (totals->threads_peak) {
        mr_fmt_print(out, "\n     thread heaps                ");
        mr_numbers_count(out, 16, totals->threads);
        mr_fmt_print(out, " now, ");
        mr_numbers_count(out, 0, totals->threads_peak);
        mr_fmt_print(out, " ever made");
    }
    mr_fmt_char(out, '\n');
}

static void put_summary(const struct mr_report *report, struct mr_fmt *out)
{
    const struct mr_totals *t = &report->totals;
    mr_fmt_print(out, "\n   %-30s%16s%22s\n", "HEAP", "blocks", "bytes");
    mr_text_line(out, ' ', "allocated", t->allocations, t->allocated_bytes);
    mr_text_line(out, '-', "freed", t->frees, t->freed_bytes);
    mr_text_line(out, '=', report->exit_kind == MR_EXIT_RUNNING ? "in use now" : "in use at the end", t->in_use_blocks,
             t->in_use_bytes);
    mr_text_row(out, ' ', "largest in use", MR_TEXT_NO_COUNT, t->peak_bytes);
    mr_fmt_print(out, " after ");
    mr_numbers_duration(out, t->peak_ms);
    mr_fmt_char(out, '\n');
    put_events(t, out);
}

/* in use + slack + dirty + metadata - never touched = resident. `Never touched` is what is left over: memory the heap has
 * set aside in slabs, blocks and the spans it keeps, and that nobody has written to, so the kernel has not provided it. */
static void put_heap_sum(const struct mr_totals *t, struct mr_fmt *out)
{
    uint64_t held = t->in_use_bytes + t->slack_bytes + t->dirty_bytes + t->metadata_bytes;
    mr_text_line(out, '+', "in use", MR_TEXT_NO_COUNT, t->in_use_bytes);
    mr_text_line(out, '+', "free in slabs in use", MR_TEXT_NO_COUNT, t->slack_bytes);
    mr_text_line(out, '+', "free spans, kept for a while", MR_TEXT_NO_COUNT, t->dirty_bytes);
    mr_text_line(out, '+', "memoir's own tables", MR_TEXT_NO_COUNT, t->metadata_bytes);
    if (held >= t->resident_bytes)
        mr_text_line(out, '-', "never touched", MR_TEXT_NO_COUNT, held - t->resident_bytes);
    else
        mr_text_line(out, '+', "not accounted for", MR_TEXT_NO_COUNT, t->resident_bytes - held);
    mr_text_line(out, '=', "resident in the heap", MR_TEXT_NO_COUNT, t->resident_bytes);
}

static void put_memory_sum(const struct mr_report *report, struct mr_fmt *out)
{
    const struct mr_totals *t = &report->totals;
    mr_fmt_print(out, "\n   MEMORY %-39s%22s\n", mr_text_when(report), "bytes");
    put_heap_sum(t, out);
    if (report->process_resident_bytes >= t->resident_bytes)
        mr_text_line(out, '+', "rest of the process", MR_TEXT_NO_COUNT, report->process_resident_bytes - t->resident_bytes);
    else if (report->process_resident_bytes)
        mr_text_line(out, '-', "not yet counted by the kernel", MR_TEXT_NO_COUNT,
                 t->resident_bytes - report->process_resident_bytes);
    if (report->process_resident_bytes)
        mr_text_line(out, '=', "resident in the process", MR_TEXT_NO_COUNT, report->process_resident_bytes);
    put_nonzero(out, "given back so far", t->purged_bytes);
    put_nonzero(out, "free spans that cost nothing", t->clean_bytes);
    put_nonzero(out, "address space made writable", t->committed_bytes);
    put_nonzero(out, "address space set aside", t->reserved_bytes);
}

/* The most that blocks in use can hold beyond what was asked for. A block of size s was asked for with at
 * least one byte more than the next smaller class, so at most s - below - 1 of it are rounding. */
static uint64_t rounding_bound(const struct mr_report *report, uint64_t *bytes)
{
    uint64_t bound = 0, below = 0;
    *bytes = 0;
    for (size_t i = 0; i < report->class_count; i++) {
        const struct mr_report_class *class = &report->classes[i];
        if (class->large)
            continue;
        below = mr_max(below, class->below);
        if (below < class->size)
            bound += class->in_use_blocks * (class->size - below - 1);
        *bytes += class->in_use_bytes;
        below = class->size;
    }
    return bound;
}

static void put_share(struct mr_fmt *out, const char *name, uint64_t part, uint64_t whole, const char *meaning)
{
    mr_fmt_print(out, "     %-9s", name);
    mr_numbers_percent(out, 9, whole ? part : 0, whole ? whole : 1);
    mr_fmt_print(out, "  %s\n", meaning);
}

static void put_fragmentation(const struct mr_report *report, struct mr_fmt *out)
{
    const struct mr_totals *t = &report->totals;
    uint64_t small_bytes, bound = rounding_bound(report, &small_bytes);
    uint64_t lying_free = t->slack_bytes + t->dirty_bytes;
    mr_fmt_print(out, "\n   FRAGMENTATION %s\n", mr_text_when(report));
    put_share(out, "overhead", t->resident_bytes - mr_min(t->in_use_bytes, t->resident_bytes), t->resident_bytes,
              "of the resident heap is not in use");
    put_share(out, "external", lying_free, t->in_use_bytes + lying_free,
              "of the space in slabs, blocks and kept spans lies free, touched or not");
    if (strcmp(report->strategy, "slab") == 0)
        put_share(out, "internal", mr_min(bound, small_bytes), small_bytes,
                  "at most, of the slab blocks in use is rounding");
}

/* A process that was killed left no figures of its heap's memory. */
static void put_memory(const struct mr_report *report, struct mr_fmt *out)
{
    if (report->totals.resident_bytes || report->totals.metadata_bytes) {
        put_memory_sum(report, out);
        put_fragmentation(report, out);
    } else if (report->process_resident_bytes) {
        mr_text_line(out, ' ', "resident, when last seen", MR_TEXT_NO_COUNT, report->process_resident_bytes);
    }
}

/* Blocks of slabs have the size of their row; all others may be smaller. */
static const char *size_mark(const struct mr_report *report, const struct mr_report_class *class)
{
    return class->large || strcmp(report->strategy, "slab") != 0 ? "<=" : "  ";
}

static void put_class(const struct mr_report *report, const struct mr_report_class *class, struct mr_fmt *out)
{
    uint64_t room = class->in_use_blocks + class->free_blocks;
    mr_fmt_print(out, "   %s", size_mark(report, class));
    mr_numbers_count(out, 14, class->size);
    mr_numbers_count(out, 15, class->allocations);
    mr_numbers_count(out, 15, class->frees);
    mr_numbers_count(out, 13, class->in_use_blocks);
    mr_numbers_size(out, 13, class->in_use_bytes);
    if (class->slabs == 0 || room == 0)
        mr_fmt_print(out, "%9s%10s\n", "-", "-");
    else {
        mr_numbers_count(out, 9, class->slabs);
        mr_numbers_percent(out, 10, class->in_use_blocks, room);
        mr_fmt_char(out, '\n');
    }
}

static void put_classes(const struct mr_report *report, struct mr_fmt *out)
{
    if (report->class_count == 0)
        return;
    mr_fmt_print(out, "\n   SIZE CLASSES\n   %16s%15s%15s%13s%13s%9s%10s\n", "size", "allocated", "freed", "in use",
                 "bytes", "slabs", "full");
    for (size_t i = 0; i < report->class_count; i++)
        put_class(report, &report->classes[i], out);
}

/* --- what is still in use --------------------------------------------------------------------------- */

/* Order of the rows: most bytes first, then as in the table. */
static bool comes_before(const struct mr_report_class *a, const struct mr_report_class *b)
{
    return a->in_use_bytes > b->in_use_bytes || (a->in_use_bytes == b->in_use_bytes && a < b);
}

/* The row with blocks in use that follows `last` in that order (NULL: the first one), or NULL. */
static const struct mr_report_class *next_by_bytes(const struct mr_report *report, const struct mr_report_class *last)
{
    const struct mr_report_class *best = NULL;
    for (size_t i = 0; i < report->class_count; i++) {
        const struct mr_report_class *class = &report->classes[i];
        if (class->in_use_blocks && (!last || comes_before(last, class)) && (!best || comes_before(class, best)))
            best = class;
    }
    return best;
}

static void put_sizes(const struct mr_report *report, struct mr_fmt *out)
{
    const struct mr_report_class *class = NULL;
    uint64_t total = report->totals.in_use_bytes, left_bytes = total, left_blocks = report->totals.in_use_blocks;
    mr_fmt_print(out, "   %16s%15s%20s%13s%10s\n", "size", "blocks", "bytes", "", "share");
    for (int i = 0; i < SIZES_LISTED && (class = next_by_bytes(report, class)) != NULL; i++) {
        mr_fmt_print(out, "   %s", size_mark(report, class));
        mr_numbers_count(out, 14, class->size);
        mr_numbers_count(out, 15, class->in_use_blocks);
        mr_numbers_count(out, 20, class->in_use_bytes);
        mr_numbers_size(out, 13, class->in_use_bytes);
        mr_numbers_percent(out, 10, mr_min(class->in_use_bytes, total), mr_max(total, 1));
        mr_fmt_char(out, '\n');
        left_bytes -= mr_min(class->in_use_bytes, left_bytes);
        left_blocks -= mr_min(class->in_use_blocks, left_blocks);
    }
    if (left_blocks) {
        mr_fmt_print(out, "   %16s", "other sizes");
        mr_numbers_count(out, 15, left_blocks);
        mr_numbers_count(out, 20, left_bytes);
        mr_numbers_size(out, 13, left_bytes);
        mr_fmt_char(out, '\n');
    }
}

/* One block as a hex dump does it: where, how large, its first bytes as text and as numbers. */
static void put_block(const struct mr_report_block *block, struct mr_fmt *out)
{
    const unsigned char *bytes = (const unsigned char *)block->address;
    size_t shown = mr_min(block->size, PREVIEW);
    mr_fmt_print(out, "   0x%012lx", block->address);
    mr_numbers_count(out, 13, block->size);
    mr_fmt_print(out, "  |");
    for (size_t i = 0; i < shown; i++)
        mr_fmt_char(out, bytes[i] >= 0x20 && bytes[i] < 0x7f ? (char)bytes[i] : '.');
    mr_fmt_print(out, "|%*s", (int)(PREVIEW - shown), "");
    for (size_t i = 0; i < shown; i++)
        mr_fmt_print(out, "%s%02x", i % 8 ? " " : "  ", bytes[i]);
    mr_fmt_char(out, '\n');
}

static void put_blocks(const struct mr_report *report, struct mr_fmt *out)
{
    mr_fmt_print(out, "\n   %14s%13s  %-18s  %s\n", "address", "size", "begins with", "the same in hexadecimal");
    for (size_t i = 0; i < report->block_count; i++)
        put_block(&report->blocks[i], out);
    if (report->blocks_left_out) {
        mr_fmt_print(out, "   and ");
        mr_numbers_noun(out, report->blocks_left_out, "block");
        mr_fmt_print(out, " more: there was no memory left to list them\n");
    }
}

static void put_leaks(const struct mr_report *report, struct mr_fmt *out)
{
    mr_fmt_print(out, "\n   STILL IN USE %s\n", mr_text_when(report));
    put_sizes(report, out);
    if (report->show_blocks)
        put_blocks(report, out);
    else
        mr_fmt_print(out, "   (MEMOIR_LEAKS=full or --leaks=full lists each block)\n");
}

static void put_notes(const struct mr_report *report, struct mr_fmt *out)
{
    for (size_t i = 0; i < report->note_count; i++) {
        mr_fmt_print(out, "%s   note      ", i ? "" : "\n");
        mr_numbers_text(out, report->notes[i], strlen(report->notes[i]), 400);
        mr_fmt_char(out, '\n');
    }
    if (report->ledger) {
        mr_fmt_print(out, "\n   all of it: memoir report ");
        mr_numbers_text(out, report->ledger, strlen(report->ledger), 4096);
        mr_fmt_print(out, "   (--format=json|pprof|folded|openmetrics)\n");
    }
}

void mr_text_write(const struct mr_report *report, struct mr_fmt *out)
{
    bool has_stacks = report->trace != MR_REPORT_TRACE_OFF && (report->site_count || report->sites_filtered);
    put_header(report, out);
    if (report->show_stats) {
        put_summary(report, out);
        put_memory(report, out);
        put_classes(report, out);
    }
    if (report->show_map)
        mr_text_map(report, out);
    if (report->show_leaks && (has_stacks || report->leaks_checked))
        mr_text_leak_sums(report, out);
    if (report->show_leaks && has_stacks)
        mr_text_sites(report, out);
    if (report->show_leaks && report->totals.in_use_blocks && (report->show_blocks || !has_stacks))
        put_leaks(report, out);
    if (report->show_stats && has_stacks)
        mr_text_rankings(report, out);
    mr_text_findings(report, out);
    put_notes(report, out);
    mr_text_verdict(report, out);
    mr_fmt_flush(out);
}

void mr_text_write_map(const struct mr_report *report, struct mr_fmt *out)
{
    put_header(report, out);
    mr_text_map(report, out);
    mr_fmt_flush(out);
}
