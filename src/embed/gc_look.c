/* gc_look.c: statistics and the check. */
#include "gc_inside.h"

void memoir_gc_stats(struct memoir_gc *gc, struct memoir_gc_stats *stats)
{
    const struct mr_gc *g = mr_gc_whole(gc);
    uint64_t objects = g->granted_objects, bytes = g->granted_bytes;
    for (uint32_t k = 0; k < g->type_count * MEMOIR_GC_CLASSES; k++) {
        size_t left = (size_t)(g->face.runs[k].end - g->face.runs[k].at);
        objects -= left ? left / (8 * mr_gc_class_size(k % MEMOIR_GC_CLASSES)) : 0;
        bytes -= left;
    }
    *stats = g->stats;
    stats->allocated_objects = objects;
    stats->allocated_bytes = bytes;
    stats->objects = objects - stats->freed_objects;
    stats->bytes = bytes - stats->freed_bytes;
    stats->heap_bytes = (g->pool.units - g->pool.free_units + g->pool.dirty_units) << MR_GC_UNIT_SHIFT;
}

/* ---- the check -------------------------------------------------------------------------------------- */

struct sums { uint64_t objects, bytes; };

static const char *check_free(const struct mr_gc *g, uint32_t from, uint32_t to)
{
    for (uint32_t u = from; u < to; u++)
        if (g->cards[u].count != 0)
            return "a free unit has objects";
    return NULL;
}

static bool is_right(const struct mr_gc_card *card, uint32_t start, uint32_t units)
{
    if (card->start != start)
        return false;
    if (card->class == 0)
        return card->count == 1 && card->inverse == 0 && mr_gc_bytes(card) == (size_t)units << MR_GC_UNIT_SHIFT;
    return card->class < MEMOIR_GC_CLASSES && card->size == mr_gc_class_size(card->class) &&
           card->count == (units << MR_GC_UNIT_SHIFT) / mr_gc_bytes(card);
}

static const char *check_taken(const struct mr_gc *g, uint32_t start, uint32_t units, struct sums *sums)
{
    const struct mr_gc_card *card = &g->cards[start];
    for (uint32_t u = start; u < start + units; u++)
        if (!is_right(&g->cards[u], start, units) || g->cards[u].type >= g->type_count)
            return "a card does not fit its span";
    for (uint32_t i = 0; i < units * MR_GC_WORDS; i++) {
        const struct mr_gc_bits *bits = mr_gc_bits_of(g, start, i * 64);
        uint32_t valid = card->count > i * 64 ? (uint32_t)mr_min(card->count - i * 64, 64) : 0;
        if (bits->marked || (valid < 64 && bits->used >> valid))
            return "a bit is set that belongs to no object in use";
        sums->objects += (uint64_t)__builtin_popcountl(bits->used);
        sums->bytes += (uint64_t)__builtin_popcountl(bits->used) * mr_gc_bytes(card);
    }
    return NULL;
}

static bool is_in_its_slab(const struct mr_gc *g, const struct memoir_gc_run *run, uint32_t k)
{
    uint32_t i, last;
    const struct mr_gc_card *card = mr_gc_find(g, (uintptr_t)run->at, &i);
    const struct mr_gc_card *end = mr_gc_find(g, (uintptr_t)run->end - 1, &last);
    return card && end && end->start == card->start && mr_gc_object(g, card, i) == run->at &&
           (uint32_t)card->type * MEMOIR_GC_CLASSES + card->class == k;
}

static const char *check_runs(const struct mr_gc *g)
{
    for (uint32_t k = 0; k < g->type_count * MEMOIR_GC_CLASSES; k++) {
        const struct memoir_gc_run *run = &g->face.runs[k];
        if (run->at > run->end)
            return "a run ends before it begins";
        if (run->at < run->end && !is_in_its_slab(g, run, k))
            return "a run does not lie in a slab of its kind";
    }
    return NULL;
}

const char *memoir_gc_check(struct memoir_gc *gc)
{
    const struct mr_gc *g = mr_gc_whole(gc);
    struct sums sums = { 0 };
    const char *why = mr_pool_check(&g->pool);
    for (uint32_t at = 0, units; !why && at < g->pool.units; at += units) {
        units = mr_pool_size(&g->pool, at);
        why = mr_pool_is_free(&g->pool, at) ? check_free(g, at, at + units) : check_taken(g, at, units, &sums);
    }
    if (!why)
        why = check_runs(g);
    bool right = sums.objects == g->granted_objects - g->stats.freed_objects &&
                 sums.bytes == g->granted_bytes - g->stats.freed_bytes;
    return why ? why : right ? NULL : "the statistics are not those of the objects in use";
}
