/* cache.h: a few spans a heap keeps at hand, so that taking and giving the same size again and again costs
 * neither the space's lock nor its search.
 *
 *   sum of the slices of the spans in the cache <= MR_CACHE_SLICES
 *
 * Spans here are dirty, taken as far as the pool knows, and of kind MR_KIND_CACHED. */
#ifndef MR_HEAP_CACHE_H
#define MR_HEAP_CACHE_H

#include "thread_heap.h"

/* A span of that many slices, from the cache or the space; as mr_space_take with no alignment. The caller
 * owns the heap. */
struct mr_slab *mr_cache_take(struct mr_heap *heap, uint32_t slices, bool *zero);

/* Gives a span to the cache, or to the space when it is too large for it. */
void mr_cache_give(struct mr_heap *heap, struct mr_slab *head, bool clean);

/* Gives all of it to the space. */
void mr_cache_drop(struct mr_heap *heap);

#endif
