/* large.h: blocks above MR_SLAB_MAX: spans of their own, no owner, any thread may free them. */
#ifndef MR_HEAP_LARGE_H
#define MR_HEAP_LARGE_H

#include "thread_heap.h"

/* `heap` is one the caller has entered, here and below: the request is counted there. `align` is a power of
 * two. *zero tells whether the block reads as zero. NULL: no memory. */
void *mr_large_take(struct mr_heap *heap, size_t size, size_t align, bool *zero);

/* The same for a size above MR_SLAB_MAX when the heap has a span of that very length at hand; NULL when it
 * has not, and nothing happened. Such a block never reads as zero. */
void *mr_large_take_cached(struct mr_heap *heap, size_t size);

/* Precondition: the head of a large block. */
void mr_large_free(struct mr_heap *heap, struct mr_slab *head);

/* The same where the space cannot be entered (a handler interrupted it): the block is put aside and
 * freed by the next request for a large one. Lock-free. */
void mr_large_free_later(struct mr_slab *head);

/* Resizes where it stands, or in another place, with room to grow behind it. NULL, with nothing changed: no
 * memory, or it is to shrink and cannot where it stands. */
void *mr_large_resize(struct mr_heap *heap, struct mr_slab *head, size_t size);

/* Row of mr_heap.large for a block of that many bytes. */
MR_INLINE unsigned mr_large_row(size_t bytes)
{
    return (unsigned)mr_min(mr_log2_floor((bytes - 1) / MR_SLAB_MAX), MR_LARGE_ROWS - 1);
}

#endif
