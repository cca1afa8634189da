/* usual.h: the usual request, by the shortest way: call stacks are recorded, or tags kept that tell blocks in use from
 * others (MEMOIR_CHECK=arguments), nothing else is watched, and a block is at hand in the thread's own heap. Each function either does all that its namesake of watch.h would do, or nothing. */
#ifndef MR_CHECK_USUAL_H
#define MR_CHECK_USUAL_H

#include "heap.h"
#include "track.h"

enum mr_usual { MR_USUAL_NONE, MR_USUAL_SAMPLE, MR_USUAL_FULL, MR_USUAL_EXACT };
extern MR_HIDDEN int mr_usual_way; /* enum mr_usual; NONE until the ledger is open */

/* MR_USUAL_FULL: where what is not usual goes. */
typedef void *mr_usual_take(size_t size, uintptr_t pc, uintptr_t sp, uintptr_t bp);
typedef bool mr_usual_give(void *p);

/* What belongs to a heap's thread; struct mr_heap.user. */
struct mr_usual_thread {
    struct mr_sample sample;
    struct mr_unwind_start from; /* of the request under way: seldom wanted a second time, so it has no registers */
    mr_usual_take *take;
    mr_usual_give *give;
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

/* MR_USUAL_EXACT: a block whose tag says that it is in use. */
MR_INLINE void *mr_usual_try_exact(size_t size)
{
    struct mr_tag_spot spot;
    struct mr_heap *heap = mr_heap_self;
    return MR_LIKELY(mr_heap_is_real(heap) && mr_heap_try_take_at(heap, size, 0, &spot)) ? spot.block : NULL;
}

/* Frees such a block of the calling thread's own heap, as mr_heap_try_free does where there are no tags. */
MR_INLINE bool mr_usual_try_free_exact(void *p)
{
    uint32_t word;
    struct mr_slab *slab = mr_heap_untag(mr_heap_self, p, &word);
    if (MR_UNLIKELY(!slab))
        return false;
    if (MR_UNLIKELY(mr_slab_is_empty(slab)))
        mr_heap_emptied(slab);
    return true;
}

/* Either, as is done. */
MR_INLINE void *mr_usual_try(size_t size)
{
    return mr_usual_way == MR_USUAL_SAMPLE  ? mr_usual_try_unsampled(size)
           : mr_usual_way == MR_USUAL_EXACT ? mr_usual_try_exact(size)
                                            : NULL;
}

/* MR_USUAL_FULL. What they leave alone goes to `otherwise`, by a jump. */
void *mr_usual_malloc(size_t size, uintptr_t pc, uintptr_t sp, uintptr_t bp, mr_usual_take *otherwise);
bool mr_usual_free(void *p, mr_usual_give *otherwise);

#endif
