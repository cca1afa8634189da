#include "top.h"

#include <stdio.h>
#include <string.h>

/* Right-aligned, with a sign if there is something behind it. */
static void put_size(struct mr_fmt *f, int width, double bytes)
{
    char text[32];
    struct mr_fmt number = mr_fmt_to_buffer(text, sizeof text);
    double size = bytes < 0 ? -bytes : bytes;
    if (bytes <= -0.5)
        mr_fmt_char(&number, '-');
    mr_fmt_size(&number, (uint64_t)(size + 0.5));
    mr_fmt_print(f, "%*s", width, mr_fmt_end_string(&number));
}

static void put_count(struct mr_fmt *f, int width, double n)
{
    char text[32];
    struct mr_fmt number = mr_fmt_to_buffer(text, sizeof text);
    mr_fmt_count(&number, (uint64_t)(n + 0.5));
    mr_fmt_print(f, "%*s", width, mr_fmt_end_string(&number));
}

static void put_clean(struct mr_fmt *f, const char *text)
{
    for (; *text; text++)
        mr_fmt_char(f, (unsigned char)*text < 0x20 || *text == 0x7f ? '.' : *text);
}

static void put_duration(struct mr_fmt *f, uint64_t ms)
{
    uint64_t s = ms / 1000;
    if (s >= 3600)
        mr_fmt_print(f, "%lu:%02lu:%02lu", s / 3600, s / 60 % 60, s % 60);
    else
        mr_fmt_print(f, "%lu:%02lu", s / 60, s % 60);
}

static void put_figures(struct mr_fmt *f, const struct mr_top_row *row)
{
    put_size(f, mr_top_columns[MR_TOP_IN_USE].width, (double)row->in_use);
    put_count(f, mr_top_columns[MR_TOP_BLOCKS].width + 1, (double)row->blocks);
    put_size(f, mr_top_columns[MR_TOP_BYTES].width + 1, row->bytes);
    put_count(f, mr_top_columns[MR_TOP_CALLS].width + 1, row->calls);
    put_size(f, mr_top_columns[MR_TOP_GROWTH].width + 1, row->growth);
    mr_fmt_print(f, "  ");
}

/* ---- the head ------------------------------------------------------------------------------------------ */

static void put_state(struct mr_fmt *f, const struct mr_top *top)
{
    const struct mr_ledger_header *header = mr_reader_header(top->ledger);
    if (top->state == MR_TOP_RUNS)
        mr_fmt_print(f, "has run for ");
    else if (top->state == MR_TOP_GONE)
        mr_fmt_print(f, "was killed after ");
    else if (header->end == MR_LEDGER_EXITED)
        mr_fmt_print(f, "ended with exit code %d after ", (int)header->end_value);
    else if (header->end == MR_LEDGER_SIGNALLED)
        mr_fmt_print(f, "ended by signal %d after ", (int)header->end_value);
    else
        mr_fmt_print(f, "became another program after ");
    put_duration(f, top->elapsed_ms);
}

static void put_title(struct mr_fmt *f, const struct mr_top *top)
{
    mr_fmt_print(f, "memoir top: process %ld ", (long)top->pid);
    put_state(f, top);
    mr_fmt_print(f, ": ");
    put_clean(f, mr_reader_header(top->ledger)->command);
}

static void put_memory(struct mr_fmt *f, const struct mr_top *top)
{
    mr_fmt_print(f, "in use ");
    mr_fmt_size(f, top->total.in_use);
    mr_fmt_print(f, " in ");
    mr_fmt_count(f, top->total.blocks);
    mr_fmt_print(f, " blocks, peak ");
    mr_fmt_size(f, mr_max(mr_reader_header(top->ledger)->peak_bytes, top->total.in_use));
    if (top->resident) {
        mr_fmt_print(f, ", resident ");
        mr_fmt_size(f, top->resident);
    }
    mr_fmt_print(f, ", ");
    uint64_t sites = mr_reader_count(top->ledger, MR_SECTION_SITES);
    mr_fmt_count(f, sites ? sites - 1 : 0);
    mr_fmt_print(f, " sites");
}

static void put_rates(struct mr_fmt *f, const struct mr_top *top)
{
    put_size(f, 0, top->total.bytes);
    mr_fmt_print(f, "/s in ");
    put_count(f, 0, top->total.calls);
    mr_fmt_print(f, " calls/s, growing by ");
    put_size(f, 0, top->total.growth);
    mr_fmt_print(f, "/s%s%s", top->looks == 1 ? " (means since the start)" : "",
                 mr_reader_header(top->ledger)->trace == MR_LEDGER_TRACE_SAMPLE ? " (estimated from samples)" : "");
}

void mr_top_text_head(const struct mr_top *top, unsigned line, char *text, size_t cap)
{
    struct mr_fmt f = mr_fmt_to_buffer(text, cap);
    (line == 0 ? put_title : line == 1 ? put_memory : put_rates)(&f, top);
    mr_fmt_end_string(&f);
}

/* ---- the table ----------------------------------------------------------------------------------------- */

void mr_top_text_titles(const struct mr_top *top, bool sizes, char *text, size_t cap)
{
    struct mr_fmt f = mr_fmt_to_buffer(text, cap);
    for (int i = 0; i < MR_TOP_KEY_COUNT; i++) {
        bool sorts = !sizes && i == (int)top->key;
        mr_fmt_print(&f, "%*s%s", mr_top_columns[i].width + (i > 0) - sorts, mr_top_columns[i].title, sorts ? "*" : "");
    }
    mr_fmt_print(&f, sizes ? "  REQUESTS, IN THE MEAN OF A SITE" : "  SITE");
    mr_fmt_end_string(&f);
}

void mr_top_text_row(struct mr_top *top, struct mr_top_row *row, char *text, size_t cap)
{
    struct mr_fmt f = mr_fmt_to_buffer(text, cap);
    put_figures(&f, row);
    put_clean(&f, mr_top_name(top, row));
    mr_fmt_end_string(&f);
}

void mr_top_text_size(const struct mr_top *top, size_t i, char *text, size_t cap)
{
    struct mr_fmt f = mr_fmt_to_buffer(text, cap);
    put_figures(&f, &top->sizes[i]);
    mr_fmt_print(&f, "below ");
    mr_fmt_size(&f, (uint64_t)1 << i);
    mr_fmt_print(&f, ", %lu site%s", (unsigned long)top->sizes[i].sites, top->sizes[i].sites == 1 ? "" : "s");
    mr_fmt_end_string(&f);
}
