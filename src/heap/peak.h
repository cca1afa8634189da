/* peak.h: the largest number of bytes in use, without counting on the fast paths.
 *
 * The heap knows cheaply how many bytes it has carved (blocks that exist, in use or free):
 *
 *   bytes in use <= carved
 *
 * Bytes in use can only reach a new height after carving more or with what is carved already.
 * So each time `carved` has grown by a sixty-fourth the heap is walked and the true sum is
 * compared with the highest so far: the figure is exact at those moments and misses at most
 * what came and went between two of them. */
#ifndef MR_HEAP_PEAK_H
#define MR_HEAP_PEAK_H

#include <stdatomic.h>

#include "thread_heap.h"

extern _Atomic size_t mr_peak_carved; /* bytes of carved blocks and large blocks */
extern _Atomic size_t mr_peak_grain;  /* what a heap may hold back from that sum, 1/256 of it */

/* Adds what the heap held back; when a look is due, walks the heap and records the sum if it is the highest. */
void mr_peak_settle(struct mr_heap *heap);

/* Bytes came (or, negative, went). By the owner of the heap, off the fast paths, without the space lock. */
MR_INLINE void mr_peak_add(struct mr_heap *heap, int64_t bytes)
{
    int64_t grain = (int64_t)atomic_load_explicit(&mr_peak_grain, memory_order_relaxed);
    heap->carved += bytes;
    if (MR_UNLIKELY(heap->carved > grain || heap->carved < -grain))
        mr_peak_settle(heap);
}

#endif
