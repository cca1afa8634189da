#include "top.h"
#include "os.h"
#include "symbol.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct mr_top_column mr_top_columns[MR_TOP_KEY_COUNT] = {
    [MR_TOP_IN_USE] = { "in_use", "IN USE", 'u', 10 },
    [MR_TOP_BLOCKS] = { "blocks", "BLOCKS", 'b', 10 },
    [MR_TOP_BYTES] = { "bytes", "BYTES/S", 'r', 10 },
    [MR_TOP_CALLS] = { "calls", "CALLS/S", 'c', 11 },
    [MR_TOP_GROWTH] = { "growth", "GROWTH/S", 'g', 11 },
};

/* ---- names --------------------------------------------------------------------------------------------- */

static bool open_names(struct mr_top *top)
{
    if (!top->symbols) {
        struct mr_symbol_source *source = mr_dw_open(false);
        top->symbols = source ? mr_symbol_remember(source) : NULL;
    }
    if (!top->names)
        top->names = mr_names_new(top->ledger, top->symbols);
    return top->names != NULL;
}

static void describe(const struct mr_report_frame *frame, char *text, size_t cap)
{
    const char *module = frame->module ? mr_frames_base(frame->module) : NULL;
    if (frame->function && frame->file)
        snprintf(text, cap, "%s  %s:%u", frame->function, mr_frames_base(frame->file), frame->line);
    else if (frame->function)
        snprintf(text, cap, "%s%s%s", frame->function, module ? "  " : "", module ? module : "");
    else if (module)
        snprintf(text, cap, "%s+0x%lx", module, (unsigned long)frame->offset);
    else
        snprintf(text, cap, "0x%lx", (unsigned long)frame->address);
}

static struct mr_report_frame frames[MR_REPORT_FRAMES_MOST]; /* of the stack that is looked at */

const char *mr_top_name(struct mr_top *top, struct mr_top_row *row)
{
    char text[512] = "(call stacks there was no room for)";
    if (row->name)
        return row->name;
    if (!open_names(top))
        return "(out of memory)";
    size_t count = row->site ? mr_names_stack(top->names, row->stack, frames, MR_COUNT(frames)) : 0;
    if (count)
        describe(mr_frames_culprit(frames, count), text, sizeof text);
    row->name = strdup(text);
    return row->name ? row->name : "(out of memory)";
}

void mr_top_frame(struct mr_top *top, uint32_t stack, size_t i, char *line, size_t cap)
{
    size_t count = open_names(top) ? mr_names_stack(top->names, stack, frames, MR_COUNT(frames)) : 0;
    *line = '\0';
    if (i < count)
        describe(&frames[i], line, cap);
}

/* ---- order --------------------------------------------------------------------------------------------- */

static double value(const struct mr_top_row *row, enum mr_top_key key)
{
    switch (key) {
    case MR_TOP_BLOCKS:
        return (double)row->blocks;
    case MR_TOP_BYTES:
        return row->bytes;
    case MR_TOP_CALLS:
        return row->calls;
    case MR_TOP_GROWTH:
        return row->growth;
    default:
        return (double)row->in_use;
    }
}

/* Largest first; what is equal stays in the order of sites, so that lines do not dance. */
static int by_key(const void *a, const void *b, void *ctx)
{
    const struct mr_top *top = ctx;
    const struct mr_top_row *x = &top->rows[*(const uint32_t *)a], *y = &top->rows[*(const uint32_t *)b];
    double p = value(x, top->key), q = value(y, top->key);
    if (p != q)
        return p < q ? 1 : -1;
    if (x->in_use != y->in_use)
        return x->in_use < y->in_use ? 1 : -1;
    return (x->site > y->site) - (x->site < y->site);
}

/* Rows that fit the filter move to the front. Those whose names there was no time to look up are left out for now. */
static void apply_filter(struct mr_top *top, uint64_t ms)
{
    uint64_t until = mr_clock_ms() + ms;
    size_t kept = 0;
    for (size_t i = 0; i < top->listed; i++) {
        struct mr_top_row *row = &top->rows[top->order[i]];
        if (!row->name && ms && mr_clock_ms() >= until)
            top->unnamed++;
        else if (strcasestr(mr_top_name(top, row), top->filter))
            top->order[kept++] = top->order[i];
    }
    top->listed = kept;
}

void mr_top_arrange(struct mr_top *top, uint64_t ms)
{
    top->listed = top->unnamed = 0;
    for (size_t i = 0; i < top->row_count; i++)
        if (top->rows[i].sum.allocs)
            top->order[top->listed++] = (uint32_t)i;
    qsort_r(top->order, top->listed, sizeof *top->order, by_key, top);
    if (*top->filter)
        apply_filter(top, ms);
}
