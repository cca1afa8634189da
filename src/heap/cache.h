/* cache.h: a few spans a heap keeps at hand, so that taking and giving the same size again and again costs
 * neither the space's lock nor its search.
 *
 *   sum of the slices of the spans in the cache <= MR_CACHE_SLICES
 *
 * Spans here are dirty, taken as far as the pool knows, and of kind MR_KIND_CACHED. */
#ifndef MR_HEAP_CACHE_H
#define MR_HEAP_CACHE_H

#include "purge.h"
#include "thread_heap.h"

/* A span of 1 to MR_CACHE_SLICES slices that is in the cache, or NULL. The caller owns the heap. */
MR_INLINE struct mr_slab *mr_cache_try(struct mr_heap *heap, uint32_t slices)
{
    struct mr_slab *head = heap->cache[slices - 1];
    if (MR_LIKELY(head != NULL)) {
        heap->cache[slices - 1] = head->next;
        heap->cache_room += slices;
    }
    return head;
}

/* A span of that many slices, from the cache or the space; as mr_space_take with no alignment. */
struct mr_slab *mr_cache_take(struct mr_heap *heap, uint32_t slices, bool *zero);

/* Gives a span to the cache, or to the space when it is too large for it. */
MR_INLINE void mr_cache_give(struct mr_heap *heap, struct mr_slab *head, bool clean)
{
    uint32_t slices = mr_slab_slices(head);
    if (clean || slices > heap->cache_room) {
        mr_space_give(head, clean);
        return;
    }
    mr_slab_set_kind(head, MR_KIND_CACHED);
    heap->cache_room -= slices;
    head->next = heap->cache[slices - 1];
    heap->cache[slices - 1] = head;
}

/* Gives all of it to the space. */
void mr_cache_drop(struct mr_heap *heap);

/* After a purge ahead of time the process is giving memory back, and a heap joins in with its cache and its kept
 * slabs: its thread may never call again. To be called where nothing else of the heap is under way. */
MR_INLINE void mr_cache_follow_purge(struct mr_heap *heap)
{
    uint32_t count = atomic_load_explicit(&mr_purge_early_count, memory_order_relaxed);
    if (MR_LIKELY(heap->purges_seen == count))
        return;
    heap->purges_seen = count;
    mr_bin_drop_kept(heap);
}

#endif
