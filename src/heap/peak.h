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

#include "base.h"

extern _Atomic size_t mr_peak_carved; /* bytes of carved blocks and large blocks */
extern _Atomic size_t mr_peak_next;   /* where the next look is due */

/* Walks the heap, records the sum if it is the highest, and sets the next look. */
void mr_peak_look(void);

/* Called off the fast paths, without the space lock. */
MR_INLINE void mr_peak_add(size_t bytes)
{
    size_t carved = atomic_fetch_add_explicit(&mr_peak_carved, bytes, memory_order_relaxed) + bytes;
    if (MR_UNLIKELY(carved > atomic_load_explicit(&mr_peak_next, memory_order_relaxed)))
        mr_peak_look();
}

MR_INLINE void mr_peak_sub(size_t bytes)
{
    atomic_fetch_sub_explicit(&mr_peak_carved, bytes, memory_order_relaxed);
}

#endif
