/* gc.c: handing objects out, and taking back those that the program frees. */
#include "gc_inside.h"

#include <errno.h>

#include "complain.h"

enum { RUN_BYTES = 4096 }; /* made zero at once: they are in the cache when they are handed out */

/* ---- telling ---------------------------------------------------------------------------------------- */

MR_COLD void mr_gc_tell(const struct memoir_gc_options *options, struct memoir_gc *gc, enum memoir_gc_error kind,
                        const void *pointer, const char *words)
{
    struct mr_complaint complaint = { "gc", options->name, pointer, words };
    if (options->on_error)
        options->on_error(options->ctx, gc, kind, pointer, words);
    else if (gc)
        mr_complain_fatally(&complaint);
    else
        mr_complain(&complaint);
}

bool mr_gc_is_reentered(struct mr_gc *g)
{
    if (MR_LIKELY(!g->tracing))
        return false;
    mr_gc_tell(&g->options, &g->face, MEMOIR_GC_REENTERED, NULL,
               "a function that traces an object called the collector");
    return true;
}

/* ---- runs ------------------------------------------------------------------------------------------- */

static uint32_t bin_of(const struct mr_gc_card *card) { return card->type * MEMOIR_GC_CLASSES + card->class; }

static void set_used(struct mr_gc *g, uint32_t start, uint32_t from, uint32_t to, bool used)
{
    while (from < to) {
        uint32_t n = (uint32_t)mr_min(to - from, 64 - from % 64);
        uint64_t mask = (n == 64 ? ~(uint64_t)0 : ((uint64_t)1 << n) - 1) << from % 64;
        uint64_t *word = &mr_gc_bits_of(g, start, from)->used;
        *word = used ? *word | mask : *word & ~mask;
        from += n;
    }
}

static bool is_used(const struct mr_gc *g, uint32_t start, uint32_t i)
{
    return (mr_gc_bits_of(g, start, i)->used >> i % 64 & 1) != 0;
}

/* The first object from `i` on that is in use (or is not); `count` if there is none. */
static uint32_t next_with(const struct mr_gc *g, uint32_t start, uint32_t i, uint32_t count, bool used)
{
    while (i < count) {
        uint64_t word = mr_gc_bits_of(g, start, i)->used, rest = (used ? word : ~word) >> i % 64;
        if (rest)
            return (uint32_t)mr_min(i + mr_lowest_bit(rest), count);
        i += 64 - i % 64;
    }
    return count;
}

/* The next run of the slab. False: all its objects are in use. */
static bool run_in(struct mr_gc *g, uint32_t start, struct memoir_gc_run *run)
{
    const struct mr_gc_card *card = &g->cards[start];
    struct mr_gc_node *node = &g->nodes[start];
    uint32_t from = next_with(g, start, node->cursor, card->count, false);
    if (from == card->count)
        return false;
    uint32_t most = node->fresh ? card->count : (uint32_t)mr_min(card->count,
                                                                 from + mr_max(1, RUN_BYTES / mr_gc_bytes(card)));
    uint32_t to = next_with(g, start, from, most, true);
    set_used(g, start, from, to, true);
    node->cursor = (uint16_t)to;
    run->at = mr_gc_object(g, card, from);
    run->end = mr_gc_object(g, card, to);
    if (!node->fresh)
        memset(run->at, 0, (size_t)(run->end - run->at));
    g->granted_objects += to - from;
    g->granted_bytes += (uint64_t)(run->end - run->at);
    g->since += (uint64_t)(run->end - run->at);
    return true;
}

static void end_run(struct mr_gc *g, struct memoir_gc_run *run)
{
    uint32_t i;
    const struct mr_gc_card *card = run->at < run->end ? mr_gc_find(g, (uintptr_t)run->at, &i) : NULL;
    if (card) {
        uint32_t left = (uint32_t)((size_t)(run->end - run->at) / mr_gc_bytes(card));
        set_used(g, card->start, i, i + left, false);
        g->nodes[card->start].fresh = false;
        g->granted_objects -= left;
        g->granted_bytes -= (uint64_t)(run->end - run->at);
    }
    *run = (struct memoir_gc_run){ 0 };
}

void mr_gc_end_runs(struct mr_gc *g)
{
    for (uint32_t k = 0; k < g->type_count * MEMOIR_GC_CLASSES; k++)
        end_run(g, &g->face.runs[k]);
}

/* ---- spans ------------------------------------------------------------------------------------------ */

/* Makes more units usable, an eighth of what there is or what is needed, with their part of the mark stack: it can
 * hold every object there may be. */
static bool grow(struct mr_gc *g, uint32_t units)
{
    uint32_t left = g->most_units - g->pool.units, wish = (uint32_t)mr_max(mr_max(units, 64), g->pool.units / 8);
    uint32_t more = (uint32_t)mr_min(wish, left);
    size_t entries = MR_GC_UNIT / 16, at = g->pool.units;
    if (more < units)
        return false;
    if (!mr_vm_commit(g->work + at * entries, more * entries * sizeof *g->work) ||
        !mr_vm_commit(g->base + g->span, (size_t)more << MR_GC_UNIT_SHIFT))
        return false;
    mr_pool_grow(&g->pool, more, 0);
    g->span += (uint64_t)more << MR_GC_UNIT_SHIFT;
    g->stats.peak_bytes = g->span;
    return true;
}

static uint32_t take_units(struct mr_gc *g, uint32_t units, bool *clean)
{
    uint32_t stamp, start = mr_pool_take(&g->pool, units, 1, 0, &stamp);
    if (start == MR_POOL_NONE && grow(g, units))
        start = mr_pool_take(&g->pool, units, 1, 0, &stamp);
    *clean = start != MR_POOL_NONE && stamp == 0;
    return start;
}

/* A span has its units' worth of bits, and they are all clear. */
static uint32_t make(struct mr_gc *g, uint32_t units, const struct mr_gc_card *like)
{
    bool clean;
    uint32_t start = take_units(g, units, &clean);
    if (start == MR_POOL_NONE)
        return MR_GC_NONE;
    for (uint32_t u = start; u < start + units; u++) {
        g->cards[u] = *like;
        g->cards[u].start = start;
    }
    g->nodes[start].next = MR_GC_NONE;
    g->nodes[start].cursor = 0;
    g->nodes[start].listed = false;
    g->nodes[start].fresh = clean;
    return start;
}

static uint32_t make_slab(struct mr_gc *g, uint32_t type, uint32_t class)
{
    uint32_t size = mr_gc_class_size(class), units = size * 8 > MR_GC_NARROW_MOST ? MR_GC_WIDE : 1;
    struct mr_gc_card like = {
        .inverse = (uint32_t)((((uint64_t)1 << 32) - 1) / (size * 8) + 1), .size = size,
        .count = (uint16_t)((units << MR_GC_UNIT_SHIFT) / (size * 8)), .type = (uint8_t)type, .class = (uint8_t)class,
    };
    return make(g, units, &like);
}

/* ---- small objects ---------------------------------------------------------------------------------- */

static bool wants_collection(const struct mr_gc *g)
{
    return g->since >= g->threshold && !g->held && !(g->options.flags & MEMOIR_GC_MANUAL);
}

static uint32_t next_listed(struct mr_gc *g, struct mr_gc_bin *bin)
{
    uint32_t start = bin->first;
    if (start == MR_GC_NONE)
        return start;
    g->nodes[start].listed = false;
    g->nodes[start].cursor = 0;
    bin->first = g->nodes[start].next;
    if (bin->first == MR_GC_NONE)
        bin->last = MR_GC_NONE;
    return start;
}

/* A run from the slabs there are, or with `more` from a new one. */
static bool refill(struct mr_gc *g, uint32_t k, bool more)
{
    struct mr_gc_bin *bin = &g->bins[k];
    while (bin->current == MR_GC_NONE || !run_in(g, bin->current, &g->face.runs[k])) {
        bin->current = next_listed(g, bin);
        if (bin->current == MR_GC_NONE && more)
            bin->current = make_slab(g, k / MEMOIR_GC_CLASSES, k % MEMOIR_GC_CLASSES);
        if (bin->current == MR_GC_NONE)
            return false;
    }
    return true;
}

static void *fail(struct mr_gc *g)
{
    g->stats.failures++;
    errno = ENOMEM;
    return NULL;
}

static void *take_small(struct mr_gc *g, uint32_t type, size_t size)
{
    uint32_t class = mr_gc_class(size), k = type * MEMOIR_GC_CLASSES + class;
    struct memoir_gc_run *run = &g->face.runs[k];
    if (run->at == run->end) {
        if (wants_collection(g))
            mr_gc_sweep_collect(g);
        if (run->at == run->end && !refill(g, k, true)) { /* a finalizer may have allocated of the same kind */
            mr_gc_sweep_collect(g);
            if (run->at == run->end && !refill(g, k, true))
                return fail(g);
        }
    }
    void *p = run->at;
    run->at += (size_t)mr_gc_class_size(class) * 8;
    return p;
}

/* ---- large objects ---------------------------------------------------------------------------------- */

static void *make_large(struct mr_gc *g, uint32_t type, uint32_t units)
{
    struct mr_gc_card like = { .size = units << (MR_GC_UNIT_SHIFT - 3), .count = 1, .type = (uint8_t)type };
    uint32_t start = make(g, units, &like);
    if (start == MR_GC_NONE)
        return NULL;
    size_t bytes = (size_t)units << MR_GC_UNIT_SHIFT;
    char *p = g->base + ((size_t)start << MR_GC_UNIT_SHIFT);
    set_used(g, start, 0, 1, true);
    if (!g->nodes[start].fresh)
        memset(p, 0, bytes);
    g->granted_objects++;
    g->granted_bytes += bytes;
    g->since += bytes;
    return p;
}

static void *take_large(struct mr_gc *g, uint32_t type, size_t size)
{
    if (size > (size_t)g->most_units << MR_GC_UNIT_SHIFT)
        return fail(g);
    uint32_t units = (uint32_t)((size + MR_GC_UNIT - 1) >> MR_GC_UNIT_SHIFT);
    if (wants_collection(g))
        mr_gc_sweep_collect(g);
    void *p = make_large(g, type, units);
    if (!p) {
        mr_gc_sweep_collect(g);
        p = make_large(g, type, units);
    }
    return p ? p : fail(g);
}

/* ---- the public halves ------------------------------------------------------------------------------ */

void *mr_gc_take(struct mr_gc *g, uint32_t type, size_t size)
{
    if (mr_gc_is_reentered(g))
        return NULL;
    return size <= MR_GC_SMALL_MOST ? take_small(g, type, size) : take_large(g, type, size);
}

void *memoir_gc_alloc_slow(struct memoir_gc *gc, size_t size) { return mr_gc_take(mr_gc_whole(gc), MR_GC_ANY, size); }
void *memoir_gc_alloc_leaf_slow(struct memoir_gc *gc, size_t size) { return mr_gc_take(mr_gc_whole(gc),
                                                                                       MR_GC_LEAF, size); }

void *memoir_gc_new_array(const struct memoir_gc_type *type, size_t n)
{
    size_t size;
    if (__builtin_mul_overflow(type->layout.size, n, &size))
        return fail(mr_gc_whole(type->gc));
    return mr_gc_take(mr_gc_whole(type->gc), type->number, size);
}

/* In use, and handed out: what a run has left is marked as used as well. */
static const struct mr_gc_card *find_in_use(const struct mr_gc *g, const void *p, uint32_t *i)
{
    const struct mr_gc_card *card = mr_gc_find(g, (uintptr_t)p, i);
    if (!card || !is_used(g, card->start, *i))
        return NULL;
    const char *object = mr_gc_object(g, card, *i);
    const struct memoir_gc_run *run = &g->face.runs[bin_of(card)];
    return card->class != 0 && object >= run->at && object < run->end ? NULL : card;
}

static void tell_what_is_wrong(struct mr_gc *g, const void *p, bool in_use)
{
    uint32_t i;
    const struct mr_gc_card *place = mr_gc_find(g, (uintptr_t)p, &i);
    if ((uintptr_t)p - (uintptr_t)g->base >= g->span)
        mr_gc_tell(&g->options, &g->face, MEMOIR_GC_FOREIGN_POINTER, p,
                   "a pointer that does not lead into this collector's memory");
    else if (!place || (!in_use && mr_gc_object(g, place, i) == p))
        mr_gc_tell(&g->options, &g->face, MEMOIR_GC_DOUBLE_FREE, p,
                   "an object that was freed before, or never handed out");
    else
        mr_gc_tell(&g->options, &g->face, MEMOIR_GC_NOT_AN_OBJECT, p,
                   "a pointer that leads to no start of an object: see memoir_gc_base");
}

const struct mr_gc_card *mr_gc_demand(struct mr_gc *g, const void *p, uint32_t *i)
{
    const struct mr_gc_card *card = find_in_use(g, p, i);
    if (card && mr_gc_object(g, card, *i) == p)
        return card;
    tell_what_is_wrong(g, p, card != NULL);
    return NULL;
}

/* The slab of the run finds the object by its cursor, others by the list. */
static void offer(struct mr_gc *g, uint32_t start, uint32_t i)
{
    struct mr_gc_node *node = &g->nodes[start];
    node->cursor = (uint16_t)mr_min(node->cursor, i);
    if (g->bins[bin_of(&g->cards[start])].current != start && !node->listed)
        mr_gc_sweep_list(g, start);
}

void memoir_gc_free(struct memoir_gc *gc, void *p)
{
    struct mr_gc *g = mr_gc_whole(gc);
    uint32_t i;
    if (!p || mr_gc_is_reentered(g))
        return;
    const struct mr_gc_card *card = mr_gc_demand(g, p, &i);
    if (!card)
        return;
    size_t bytes = mr_gc_bytes(card);
    mr_gc_final_forget(g, p);
    g->stats.freed_objects++;
    g->stats.freed_bytes += bytes;
    g->since -= mr_min(g->since, bytes);
    set_used(g, card->start, i, i + 1, false);
    g->nodes[card->start].fresh = false;
    if (card->class == 0)
        mr_gc_sweep_give(g, card->start);
    else
        offer(g, card->start, i);
}

void *memoir_gc_base(struct memoir_gc *gc, const void *p)
{
    const struct mr_gc *g = mr_gc_whole(gc);
    uint32_t i;
    const struct mr_gc_card *card = find_in_use(g, p, &i);
    return card ? mr_gc_object(g, card, i) : NULL;
}

size_t memoir_gc_size(struct memoir_gc *gc, const void *p)
{
    const struct mr_gc *g = mr_gc_whole(gc);
    uint32_t i;
    const struct mr_gc_card *card = find_in_use(g, p, &i);
    return card ? mr_gc_bytes(card) : 0;
}

size_t memoir_gc_collect(struct memoir_gc *gc)
{
    struct mr_gc *g = mr_gc_whole(gc);
    return mr_gc_is_reentered(g) ? 0 : mr_gc_sweep_collect(g);
}

void memoir_gc_hold(struct memoir_gc *gc, bool hold) { mr_gc_whole(gc)->held = hold; }
