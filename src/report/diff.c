#include "diff.h"
#include "intern.h"
#include "keys.h"

#include <stdlib.h>

const char *const mr_diff_fate_names[MR_DIFF_FATE_COUNT] = {
    [MR_DIFF_APPEARED] = "appeared",
    [MR_DIFF_GREW] = "grew",
    [MR_DIFF_SHRANK] = "shrank",
    [MR_DIFF_VANISHED] = "vanished",
};

struct join {
    struct mr_intern keys;    /* row i belongs to key i */
    struct mr_diff_row *rows;
    size_t cap;
};

static struct mr_diff_row *find_row(struct join *join, const struct mr_report *report, uint32_t stack)
{
    char key[MR_KEYS_MOST];
    size_t count;
    const struct mr_report_frame *frames = mr_frames_of(report, stack, &count);
    uint32_t id = mr_intern_id(&join->keys, key, mr_keys_make(key, frames, count));
    join->rows = mr_intern_grow(join->rows, &join->cap, id + 1u, sizeof *join->rows);
    return &join->rows[id];
}

/* Adds the report's sites to the rows' sums at that offset, and to *total. */
static void add_report(struct join *join, const struct mr_report *report, size_t offset, struct mr_report_sum *total)
{
    for (size_t i = 0; i < report->site_count; i++) {
        const struct mr_report_site *site = &report->sites[i];
        if (site->blocks == 0)
            continue;
        struct mr_diff_row *row = find_row(join, report, site->stack);
        struct mr_report_sum *sum = (struct mr_report_sum *)((char *)row + offset);
        sum->bytes += site->bytes;
        sum->blocks += site->blocks;
        row->shown = report;
        row->stack = site->stack;
        total->bytes += site->bytes;
        total->blocks += site->blocks;
    }
}

static enum mr_diff_fate fate_of(const struct mr_diff_row *row)
{
    if (row->before.blocks == 0)
        return MR_DIFF_APPEARED;
    if (row->after.blocks == 0)
        return MR_DIFF_VANISHED;
    bool more = row->after.bytes != row->before.bytes ? row->after.bytes > row->before.bytes
                                                      : row->after.blocks > row->before.blocks;
    return more ? MR_DIFF_GREW : MR_DIFF_SHRANK;
}

static uint64_t distance(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

/* By bytes, then by blocks, then as the stacks were met: the same order in each run. */
static bool is_larger(const void *a, const void *b)
{
    const struct mr_diff_row *x = a, *y = b;
    uint64_t x_bytes = distance(x->after.bytes, x->before.bytes);
    uint64_t y_bytes = distance(y->after.bytes, y->before.bytes);
    uint64_t x_blocks = distance(x->after.blocks, x->before.blocks);
    uint64_t y_blocks = distance(y->after.blocks, y->before.blocks);
    if (x_bytes != y_bytes)
        return x_bytes > y_bytes;
    if (x_blocks != y_blocks)
        return x_blocks > y_blocks;
    return x->fate != y->fate ? x->fate < y->fate : x->stack < y->stack;
}

static size_t keep_changed(struct mr_diff_row *rows, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (rows[i].before.bytes == rows[i].after.bytes && rows[i].before.blocks == rows[i].after.blocks)
            continue;
        rows[kept] = rows[i];
        rows[kept++].fate = fate_of(&rows[i]);
    }
    return kept;
}

void mr_diff_make(struct mr_diff *diff, const struct mr_report *before, const struct mr_report *after)
{
    struct join join = { 0 };
    *diff = (struct mr_diff){ .before = before, .after = after };
    add_report(&join, before, offsetof(struct mr_diff_row, before), &diff->before_sum);
    add_report(&join, after, offsetof(struct mr_diff_row, after), &diff->after_sum);
    diff->rows = join.rows;
    diff->count = keep_changed(join.rows, join.keys.count);
    mr_sort(diff->rows, diff->count, sizeof *diff->rows, is_larger);
    mr_intern_free(&join.keys);
}

void mr_diff_free(struct mr_diff *diff)
{
    free(diff->rows);
    *diff = (struct mr_diff){ 0 };
}
