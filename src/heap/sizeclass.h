/* sizeclass.h: the block sizes slabs exist for.
 *
 *   class  0..7    16, 32, ..., 128               steps of 16
 *   class  8..15   144, 160, ..., 256             then eight steps per doubling,
 *   class 16..23   288, 320, ..., 512             so a block is at most 12.5 % larger
 *   ...                                           than asked for (beyond 128 bytes)
 *   class 72..79   36 KiB, 40 KiB, ..., 64 KiB
 *
 * A slab is one slice up to 8 KiB and eight slices above. Slabs start on a slice boundary and
 * their metadata lies elsewhere, so block i starts at i * size: a class that is a multiple of a
 * power of two up to 64 KiB is aligned to it.
 *
 * The tables are constants: they are used before any constructor has run. */
#ifndef MR_HEAP_SIZECLASS_H
#define MR_HEAP_SIZECLASS_H

#include "base.h"

#define MR_SLICE_SHIFT 16
#define MR_SLICE ((size_t)1 << MR_SLICE_SHIFT)

#define MR_CLASS_COUNT 80
#define MR_SMALL_MAX ((size_t)1024)        /* sizes with a direct entry in the heap */
#define MR_DIRECT_COUNT (MR_SMALL_MAX / 16 + 1)
#define MR_SLAB_MAX ((size_t)64 << 10)     /* largest block that comes from a slab */
#define MR_ONE_SLICE_MAX ((size_t)8 << 10) /* largest block in slabs of one slice */
#define MR_WIDE_SLICES 8                   /* slices of a slab of larger blocks */

extern const uint32_t mr_sizeclass_bytes[MR_CLASS_COUNT];  /* block size */
extern const uint16_t mr_sizeclass_blocks[MR_CLASS_COUNT]; /* blocks per slab; odd up to MR_SMALL_MAX */
extern const uint16_t mr_sizeclass_watched[MR_CLASS_COUNT]; /* blocks per watched slab: each has a tag of 4 bytes */
/* ceil(2^32 / size): offset * inverse >> 32 = offset / size for offsets in a slab, since
 * offset * size < 2^19 * 2^16 and the inverse is too large by less than size / 2^32. */
extern const uint32_t mr_sizeclass_inverse[MR_CLASS_COUNT];
extern const uint8_t mr_sizeclass_direct[MR_DIRECT_COUNT]; /* class of direct entry i: sizes 16 i - 15 .. 16 i */

/* The smallest class that holds `size` bytes; size <= MR_SLAB_MAX. Size 0 counts as 1. */
MR_INLINE unsigned mr_sizeclass_of(size_t size)
{
    if (size <= MR_SMALL_MAX)
        return mr_sizeclass_direct[(size + 15) >> 4];
    size_t s = size - 1;
    unsigned e = mr_log2_floor(s);
    return 8 * (e - 6) + (unsigned)((s >> (e - 3)) & 7);
}

MR_INLINE uint32_t mr_sizeclass_slices(unsigned cls)
{
    return mr_sizeclass_bytes[cls] <= MR_ONE_SLICE_MAX ? 1 : MR_WIDE_SLICES;
}

/* A size whose class is the smallest one for `size` with blocks aligned to `align`, a power of two <= MR_SLICE: the
 * next multiple of it. Either the classes there are steps of `align` or more apart, and multiples of it themselves,
 * or they lie closer together and the multiple is itself a class. */
MR_INLINE size_t mr_sizeclass_round(size_t size, size_t align) { return mr_align_up(size + !size, align); }

#endif
