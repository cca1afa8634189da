/* usual.h: the usual request, by the shortest way: call stacks are recorded, nothing else is watched, and a block is at
 * hand in the thread's own heap. Each function either does all that its namesake of watch.h would do, or nothing. */
#ifndef MR_CHECK_USUAL_H
#define MR_CHECK_USUAL_H

#include "heap.h"
#include "track.h"

enum mr_usual { MR_USUAL_NONE, MR_USUAL_SAMPLE, MR_USUAL_FULL };
extern MR_HIDDEN int mr_usual_way; /* enum mr_usual; NONE until the ledger is open */

/* What belongs to a heap's thread; struct mr_heap.user. */
struct mr_usual_thread {
    struct mr_sample sample;
    struct mr_track track;
};

/* MR_USUAL_SAMPLE: a small block if the next sample does not lie in it. Small because it is part of every malloc
 * that samples: 12 instructions more than one that does not. */
MR_INLINE void *mr_usual_try_unsampled(size_t size)
{
    struct mr_heap *heap = mr_heap_self;
    if (MR_UNLIKELY(size > MR_SMALL_MAX || !mr_heap_is_real(heap)))
        return NULL;
    int64_t left = heap->until_sample - (int64_t)size;
    void *p = MR_LIKELY(left > 0) ? mr_heap_pop(heap->behind[mr_sizeclass_direct[(size + 15) >> 4]]) : NULL;
    if (MR_LIKELY(p != NULL))
        heap->until_sample = left;
    return p;
}

/* MR_USUAL_FULL. */
void *mr_usual_malloc(size_t size, uintptr_t pc, uintptr_t sp, uintptr_t bp);
bool mr_usual_free(void *p);

#endif
