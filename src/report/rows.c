#include "rows.h"
#include "growth.h"
#include "pattern.h"

#include <stdlib.h>
#include <string.h>

#define IGNORED_NAME "__lsan_disable or __lsan_ignore_object"

/* One distinct stack: all sites of the ledger that read the same. */
struct stack {
    uint64_t key;
    uint32_t stack, held_by_site;
    uint64_t allocs, frees, alloc_bytes, temporary, peak_bytes, peak_blocks;
    struct mr_report_sum kinds[MR_SITE_KIND_COUNT], ignored, in_use;
    uint64_t history[MR_LEDGER_HISTORY];
};

struct building {
    struct mr_report *report;
    const struct mr_reader *ledger;
    struct mr_names *names;
    const struct mr_model_wishes *wishes;
    struct stack *stacks;
    size_t stack_count;
    uint32_t *stack_of_site; /* index of the ledger's site -> stack of its row */
    struct mr_report_site *rows;
    size_t row_count, row_cap;
};

/* --- one site --------------------------------------------------------------------------------------------- */

static struct mr_report_sum take(struct mr_report_sum *from, struct mr_report_sum wanted)
{
    struct mr_report_sum taken = { mr_min(from->bytes, wanted.bytes), mr_min(from->blocks, wanted.blocks) };
    from->bytes -= taken.bytes;
    from->blocks -= taken.blocks;
    return taken;
}

/* What was in use at the check may have been freed since, but for what was lost: that is handed out first. What
 * came since is of no class. */
static void classify(struct stack *stack, const struct mr_ledger_verdict *verdict)
{
    static const enum mr_site_kind kinds[MR_LEAK_KIND_COUNT] = {
        [MR_LEAK_DEFINITE] = MR_SITE_DEFINITELY_LOST,
        [MR_LEAK_INDIRECT] = MR_SITE_INDIRECTLY_LOST,
        [MR_LEAK_POSSIBLE] = MR_SITE_POSSIBLY_LOST,
        [MR_LEAK_REACHABLE] = MR_SITE_STILL_REACHABLE,
    };
    struct mr_report_sum left = stack->in_use;
    for (int i = 0; verdict && i < MR_LEAK_KIND_COUNT; i++)
        stack->kinds[kinds[i]] = take(&left, (struct mr_report_sum){ verdict->bytes[i], verdict->blocks[i] });
    if (verdict)
        stack->ignored = take(&left, (struct mr_report_sum){ verdict->ignored_bytes, verdict->ignored_blocks });
    stack->kinds[MR_SITE_IN_USE] = left;
    stack->held_by_site = verdict ? verdict->held_by : 0;
}

/* Names are worth their price where there is something to complain about, or to filter. */
static bool wants_names(const struct building *b, const struct mr_sum *sum)
{
    return mr_sum_blocks(sum) || b->wishes->function || b->wishes->file;
}

static void look_up_names(struct building *b)
{
    uint64_t count = mr_reader_count(b->ledger, MR_SECTION_SITES);
    for (uint64_t i = 1; i < count; i++) {
        struct mr_reader_site site = mr_reader_site(b->ledger, i);
        if (wants_names(b, &site.sum))
            mr_names_want(b->names, site.stack);
    }
    mr_names_look_up(b->names, b->wishes->progress, b->wishes->ctx);
}

static void read_site(struct building *b, uint64_t i, struct stack *stack)
{
    struct mr_reader_site site = mr_reader_site(b->ledger, i);
    const struct mr_ledger_history *history = mr_reader_history(b->ledger, i);
    *stack = (struct stack){
        .stack = site.stack,
        .allocs = site.sum.allocs,
        .frees = site.sum.frees,
        .alloc_bytes = site.sum.alloc_bytes,
        .temporary = site.sum.temporary,
        .peak_bytes = site.peak_bytes,
        .peak_blocks = site.peak_blocks,
        .in_use = { mr_sum_bytes(&site.sum), mr_sum_blocks(&site.sum) },
    };
    for (size_t h = 0; history && h < MR_LEDGER_HISTORY; h++)
        stack->history[h] = (uint64_t)history->in_use_kib[h] * MR_KIB;
    classify(stack, mr_reader_verdict(b->ledger, i));
    stack->key = mr_names_key(b->names, site.stack, wants_names(b, &site.sum));
}

/* What had no room for a site of its own. */
static void read_rest(struct building *b, struct stack *stack, struct mr_sum sites)
{
    struct mr_sum all = mr_reader_total(b->ledger);
    struct mr_report_sum listed = { mr_sum_bytes(&sites), mr_sum_blocks(&sites) };
    struct mr_report_sum total = { mr_sum_bytes(&all), mr_sum_blocks(&all) };
    take(&total, listed);
    *stack = (struct stack){
        .allocs = all.allocs - mr_min(sites.allocs, all.allocs),
        .frees = all.frees - mr_min(sites.frees, all.frees),
        .alloc_bytes = all.alloc_bytes - mr_min(sites.alloc_bytes, all.alloc_bytes),
        .in_use = total,
    };
    classify(stack, NULL);
}

static bool read_sites(struct building *b)
{
    uint64_t count = mr_reader_count(b->ledger, MR_SECTION_SITES);
    struct mr_sum sum = { 0 };
    b->stacks = calloc(count + 1, sizeof *b->stacks);
    b->stack_of_site = calloc(count + 1, sizeof *b->stack_of_site);
    if (!b->stacks || !b->stack_of_site)
        return false;
    look_up_names(b);
    for (uint64_t i = 1; i < count; i++) {
        struct mr_reader_site site = mr_reader_site(b->ledger, i);
        struct stack *stack = &b->stacks[b->stack_count];
        read_site(b, i, stack);
        b->stack_of_site[i] = site.stack;
        sum.allocs += site.sum.allocs;
        sum.frees += site.sum.frees;
        sum.alloc_bytes += site.sum.alloc_bytes;
        sum.freed_bytes += site.sum.freed_bytes;
        b->stack_count += stack->allocs || stack->in_use.blocks;
    }
    read_rest(b, &b->stacks[b->stack_count], sum);
    b->stack_count += b->stacks[b->stack_count].allocs != 0;
    return true;
}

/* --- sites that read the same -------------------------------------------------------------------------------- */

struct order {
    uint64_t key;
    uint32_t index;
};

static bool same_together(const void *a, const void *b)
{
    const struct order *x = a, *y = b;
    return x->key != y->key ? x->key < y->key : x->index < y->index;
}

static void add_sum(struct mr_report_sum *to, struct mr_report_sum what)
{
    to->bytes += what.bytes;
    to->blocks += what.blocks;
}

static void merge(struct stack *into, struct stack *other)
{
    into->allocs += other->allocs;
    into->frees += other->frees;
    into->alloc_bytes += other->alloc_bytes;
    into->temporary += other->temporary;
    into->peak_bytes += other->peak_bytes;
    into->peak_blocks += other->peak_blocks;
    for (size_t i = 0; i < MR_SITE_KIND_COUNT; i++)
        add_sum(&into->kinds[i], other->kinds[i]);
    for (size_t i = 0; i < MR_LEDGER_HISTORY; i++)
        into->history[i] += other->history[i];
    add_sum(&into->ignored, other->ignored);
    add_sum(&into->in_use, other->in_use);
    into->held_by_site = into->held_by_site ? into->held_by_site : other->held_by_site;
    *other = (struct stack){ 0 };
}

/* The first of those with one key takes the figures of the others, which are then empty. */
static bool merge_stacks(struct building *b)
{
    struct order *order = malloc((b->stack_count + 1) * sizeof *order);
    if (!order)
        return false;
    for (size_t i = 0; i < b->stack_count; i++)
        order[i] = (struct order){ b->stacks[i].key, (uint32_t)i };
    mr_sort(order, b->stack_count, sizeof *order, same_together);
    for (size_t i = 0, first = 0; i < b->stack_count; i++) {
        if (i == first || order[i].key != order[first].key)
            first = i;
        else
            merge(&b->stacks[order[first].index], &b->stacks[order[i].index]);
    }
    free(order);
    return true;
}

/* --- rows ------------------------------------------------------------------------------------------------------- */

static uint64_t rate_of(const struct building *b, const struct stack *stack)
{
    const struct mr_ledger_header *header = mr_reader_header(b->ledger);
    struct mr_growth_point points[MR_LEDGER_HISTORY + 1];
    size_t count = 0;
    for (size_t i = 0; i < MR_LEDGER_HISTORY; i++)
        if (header->history_ms[i] && header->history_ms[i] < b->report->elapsed_ms)
            points[count++] = (struct mr_growth_point){ header->history_ms[i], stack->history[i] };
    points[count++] = (struct mr_growth_point){ b->report->elapsed_ms, stack->in_use.bytes };
    return mr_growth_rate(points, count);
}

static bool any_fits(const char *pattern, const struct mr_report_frame *frames, size_t count, size_t offset)
{
    for (size_t i = 0; i < count; i++) {
        const char *text = *(const char *const *)((const char *)&frames[i] + offset);
        if (text && (mr_pattern_fits(pattern, text) || mr_pattern_fits(pattern, mr_frames_base(text))))
            return true;
    }
    return false;
}

static bool passes(const struct mr_model_wishes *wishes, const struct mr_report_frame *frames, size_t count)
{
    return (!wishes->function || any_fits(wishes->function, frames, count, offsetof(struct mr_report_frame, function))) &&
           (!wishes->module || any_fits(wishes->module, frames, count, offsetof(struct mr_report_frame, module))) &&
           (!wishes->file || any_fits(wishes->file, frames, count, offsetof(struct mr_report_frame, file)));
}

static bool is_wanted(const struct mr_model_wishes *wishes, const struct mr_report_site *row)
{
    if (row->suppressed_by || row->kind == MR_SITE_GONE)
        return false;
    if (wishes->kinds != MR_MODEL_KINDS_DEFAULT)
        return wishes->kinds & MR_MODEL_KIND(row->kind);
    return row->kind != MR_SITE_STILL_REACHABLE || row->growing_bytes_per_second;
}

/* Where the room for rows ends they are counted all the same: there is room for each class of each stack. */
static void add_row(struct building *b, const struct stack *stack, enum mr_site_kind kind, struct mr_report_sum sum,
                    const char *suppressed_by)
{
    uint32_t held_by = kind == MR_SITE_INDIRECTLY_LOST ? stack->held_by_site : 0;
    b->rows[b->row_count++] = (struct mr_report_site){
        .kind = kind,
        .bytes = sum.bytes,
        .blocks = sum.blocks,
        .allocations = stack->allocs,
        .frees = stack->frees,
        .allocated_bytes = stack->alloc_bytes,
        .temporary = stack->temporary,
        .peak_bytes = stack->peak_bytes,
        .peak_blocks = stack->peak_blocks,
        .growing_bytes_per_second = rate_of(b, stack),
        .stack = stack->stack,
        .held_by = held_by < mr_reader_count(b->ledger, MR_SECTION_SITES) ? b->stack_of_site[held_by] : 0,
        .suppressed_by = suppressed_by,
        .is_new = true,
    };
}

static void add_kind(struct building *b, const struct stack *stack, enum mr_site_kind kind,
                     const struct mr_report_frame *frames, size_t count, bool passed)
{
    struct mr_report *report = b->report;
    struct mr_report_sum sum = stack->kinds[kind];
    struct mr_suppress *list = b->wishes->suppressions;
    const char *name = list ? mr_suppress_match(list, kind, frames, count) : NULL;
    if (name)
        mr_suppress_count(list, name, sum.bytes, sum.blocks);
    add_sum(name ? &report->suppressed : &report->leaks[kind], sum);
    ++*(name ? &report->suppressed_sites : &report->leak_sites[kind]);
    if (passed)
        add_row(b, stack, kind, sum, name);
}

static void add_rows(struct building *b, const struct stack *stack, struct mr_report_frame *frames)
{
    struct mr_report *report = b->report;
    bool filters = b->wishes->function || b->wishes->module || b->wishes->file;
    size_t count = 0;
    if (stack->in_use.blocks || filters)
        count = mr_names_stack(b->names, stack->stack, frames, MR_REPORT_FRAMES_MOST);
    bool passed = passes(b->wishes, frames, count);
    for (enum mr_site_kind kind = 0; kind < MR_SITE_GONE; kind++)
        if (stack->kinds[kind].blocks)
            add_kind(b, stack, kind, frames, count, passed);
    if (stack->ignored.blocks) {
        add_sum(&report->suppressed, stack->ignored);
        report->suppressed_sites++;
        if (passed)
            add_row(b, stack, MR_SITE_STILL_REACHABLE, stack->ignored, IGNORED_NAME);
    }
    if (!stack->in_use.blocks && passed)
        add_row(b, stack, MR_SITE_GONE, (struct mr_report_sum){ 0 }, NULL);
    if (!passed && stack->in_use.blocks) {
        add_sum(&report->filtered, stack->in_use);
        report->sites_filtered++;
    }
}

/* --- order ------------------------------------------------------------------------------------------------------- */

const char *const mr_model_sort_names[MR_MODEL_SORT_COUNT] = {
    [MR_MODEL_BYTES] = "bytes",
    [MR_MODEL_BLOCKS] = "blocks",
    [MR_MODEL_ALLOCATIONS] = "allocations",
    [MR_MODEL_PEAK] = "peak",
    [MR_MODEL_TEMPORARY] = "temporary",
    [MR_MODEL_GROWTH] = "growth",
};

struct rank {
    uint64_t group, value, bytes;
    uint32_t stack, index;
};

static uint64_t value_of(enum mr_model_sort sort, const struct mr_report_site *row)
{
    const uint64_t values[MR_MODEL_SORT_COUNT] = {
        [MR_MODEL_BYTES] = row->bytes,
        [MR_MODEL_BLOCKS] = row->blocks,
        [MR_MODEL_ALLOCATIONS] = row->allocations,
        [MR_MODEL_PEAK] = row->peak_bytes,
        [MR_MODEL_TEMPORARY] = row->temporary,
        [MR_MODEL_GROWTH] = row->growing_bytes_per_second,
    };
    return values[sort];
}

static bool larger_first(const void *a, const void *b)
{
    const struct rank *x = a, *y = b;
    if (x->group != y->group)
        return x->group < y->group;
    if (x->value != y->value)
        return x->value > y->value;
    if (x->bytes != y->bytes)
        return x->bytes > y->bytes;
    return x->stack != y->stack ? x->stack < y->stack : x->index < y->index;
}

/* What is wanted comes first, then what is in use, then what is gone. */
static bool sort_rows(struct building *b)
{
    struct rank *ranks = malloc((b->row_count + 1) * sizeof *ranks);
    struct mr_report_site *sorted = malloc((b->row_count + 1) * sizeof *sorted);
    size_t listed = 0;
    for (size_t i = 0; ranks && i < b->row_count; i++) {
        const struct mr_report_site *row = &b->rows[i];
        bool wanted = is_wanted(b->wishes, row);
        listed += wanted;
        ranks[i] = (struct rank){ wanted ? 0 : row->kind != MR_SITE_GONE ? 1 : 2, value_of(b->wishes->sort, row), row->bytes,
                                  row->stack, (uint32_t)i };
    }
    if (ranks && sorted) {
        mr_sort(ranks, b->row_count, sizeof *ranks, larger_first);
        for (size_t i = 0; i < b->row_count; i++)
            sorted[i] = b->rows[ranks[i].index];
        b->report->sites = sorted;
        b->report->site_count = b->row_count;
        b->report->listed_count = b->wishes->top ? mr_min(listed, b->wishes->top) : listed;
    }
    if (!ranks || !sorted)
        free(sorted);
    bool good = ranks && sorted;
    free(ranks);
    return good;
}

static bool make_rows(struct building *b)
{
    struct mr_report_frame *frames = malloc(MR_REPORT_FRAMES_MOST * sizeof *frames);
    size_t most = 1;
    for (size_t i = 0; i < b->stack_count; i++) {
        for (size_t kind = 0; kind < MR_SITE_GONE; kind++)
            most += b->stacks[i].kinds[kind].blocks != 0;
        most += 2;
    }
    b->rows = calloc(most, sizeof *b->rows);
    for (size_t i = 0; frames && b->rows && i < b->stack_count; i++)
        if (b->stacks[i].allocs || b->stacks[i].in_use.blocks)
            add_rows(b, &b->stacks[i], frames);
    bool good = frames && b->rows;
    free(frames);
    return good;
}

bool mr_rows_build(struct mr_report *report, const struct mr_reader *ledger, struct mr_names *names,
                   const struct mr_model_wishes *wishes)
{
    struct building b = { .report = report, .ledger = ledger, .names = names, .wishes = wishes };
    bool good = read_sites(&b) && merge_stacks(&b) && make_rows(&b) && sort_rows(&b);
    free(b.stacks);
    free(b.stack_of_site);
    free(b.rows);
    return good;
}
