/* gc_sweep.c: a collection from beginning to end. What was marked is in use, whatever was; no object is touched. */
#include "gc_inside.h"

/* ---- lists ------------------------------------------------------------------------------------------ */

void mr_gc_sweep_list(struct mr_gc *g, uint32_t start)
{
    struct mr_gc_bin *bin = &g->bins[g->cards[start].type * MEMOIR_GC_CLASSES + g->cards[start].class];
    g->nodes[start].listed = true;
    g->nodes[start].next = MR_GC_NONE;
    *(bin->last == MR_GC_NONE ? &bin->first : &g->nodes[bin->last].next) = start;
    bin->last = start;
}

static void empty_lists(struct mr_gc *g)
{
    for (uint32_t k = 0; k < g->type_count * MEMOIR_GC_CLASSES; k++)
        g->bins[k] = (struct mr_gc_bin){ MR_GC_NONE, MR_GC_NONE, MR_GC_NONE };
}

void mr_gc_sweep_give(struct mr_gc *g, uint32_t start)
{
    uint32_t units = mr_pool_size(&g->pool, start);
    for (uint32_t u = start; u < start + units; u++)
        g->cards[u] = (struct mr_gc_card){ .start = u };
    mr_pool_give(&g->pool, start, 1);
}

/* ---- sweeping --------------------------------------------------------------------------------------- */

/* Returns how many objects of the span are kept. */
static uint32_t sweep_bits(struct mr_gc *g, uint32_t start)
{
    struct mr_gc_bits *bits = mr_gc_bits_of(g, start, 0), *end = bits + (g->cards[start].count + 63) / 64;
    uint32_t kept = 0;
    for (; bits < end; bits++) {
        bits->used = bits->marked;
        bits->marked = 0;
        kept += (uint32_t)__builtin_popcountl(bits->used);
    }
    return kept;
}

static void sweep_span(struct mr_gc *g, uint32_t start)
{
    const struct mr_gc_card *card = &g->cards[start];
    uint32_t kept = sweep_bits(g, start);
    g->stats.kept_objects += kept;
    g->stats.kept_bytes += kept * mr_gc_bytes(card);
    g->nodes[start].listed = false;
    g->nodes[start].fresh = false;
    if (kept == 0)
        mr_gc_sweep_give(g, start);
    else if (kept < card->count)
        mr_gc_sweep_list(g, start);
}

/* A span that is given back may merge with its neighbours: where the next one begins is asked before. */
static void sweep(struct mr_gc *g)
{
    g->stats.kept_objects = g->stats.kept_bytes = 0;
    empty_lists(g);
    for (uint32_t at = 0, units; at < g->pool.units; at += units) {
        units = mr_pool_size(&g->pool, at);
        if (!mr_pool_is_free(&g->pool, at))
            sweep_span(g, at);
    }
}

/* Free memory beyond what may be wanted until the next collection goes back to the system. */
static void purge(struct mr_gc *g)
{
    uint64_t keep = g->threshold >> MR_GC_UNIT_SHIFT;
    for (uint32_t head; g->pool.dirty_units > keep + keep / 2 &&
                        (head = mr_pool_find_dirty(&g->pool, UINT32_MAX)) != MR_POOL_NONE;) {
        uint32_t units = mr_pool_size(&g->pool, head);
        mr_pool_take_whole(&g->pool, head);
        bool clean = mr_vm_purge(g->base + ((size_t)head << MR_GC_UNIT_SHIFT), (size_t)units << MR_GC_UNIT_SHIFT);
        mr_pool_give(&g->pool, head, clean ? 0 : 1);
        if (!clean)
            return;
    }
}

/* ---- collecting ------------------------------------------------------------------------------------- */

static void set_threshold(struct mr_gc *g)
{
    g->since = 0;
    g->threshold = mr_max(g->options.least, g->stats.kept_bytes / 100 * g->options.growth);
}

static void note_pause(struct mr_gc *g, uint64_t since)
{
    uint64_t pause = mr_clock_ns() - since;
    g->stats.collections++;
    g->stats.last_ns = pause;
    g->stats.total_ns += pause;
    g->stats.longest_ns = mr_max(g->stats.longest_ns, pause);
}

size_t mr_gc_sweep_collect(struct mr_gc *g)
{
    uint64_t since = mr_clock_ns();
    mr_gc_end_runs(g);
    uint64_t objects = g->granted_objects - g->stats.freed_objects, bytes = g->granted_bytes - g->stats.freed_bytes;
    mr_gc_roots_mark(g);
    mr_gc_final_mark_pending(g);
    mr_gc_mark_drain(g);
    mr_gc_final_mark_ready(g);
    sweep(g);
    g->stats.freed_objects += objects - g->stats.kept_objects;
    g->stats.freed_bytes += bytes - g->stats.kept_bytes;
    set_threshold(g);
    purge(g);
    note_pause(g, since);
    bytes -= g->stats.kept_bytes;
    mr_gc_final_run(g);
    return bytes;
}
