/* large.h: blocks above MR_SLAB_MAX: spans of their own, no owner, any thread may free them. */
#ifndef MR_HEAP_LARGE_H
#define MR_HEAP_LARGE_H

#include "thread_heap.h"

/* `align` is a power of two. `count` is where the request is counted: a heap the caller owns, or NULL
 * (counted with atomics). *zero tells whether the block reads as zero. NULL: no memory. */
void *mr_large_take(struct mr_heap *count, size_t size, size_t align, bool *zero);

/* Precondition: the head of a large block. */
void mr_large_free(struct mr_heap *count, struct mr_slab *head);

/* The same where the space cannot be entered (a handler interrupted it): the block is put aside and
 * freed by the next request for a large one. Lock-free. */
void mr_large_free_later(struct mr_slab *head);

/* Resizes where it stands, or by moving its pages; NULL, with nothing changed, when copying is the way. */
void *mr_large_resize(struct mr_heap *count, struct mr_slab *head, size_t size);

/* Row of mr_heap.large for a block of that many bytes. */
unsigned mr_large_row(size_t bytes);


#endif
