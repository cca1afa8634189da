#include "sizeclass.h"

/* The eight classes above 2^e, and how many blocks of each a slab holds. */
#define STEP(e, k) (((uint32_t)1 << (e)) + (k) * ((uint32_t)1 << ((e)-3)))
#define BYTES(e) STEP(e, 1), STEP(e, 2), STEP(e, 3), STEP(e, 4), STEP(e, 5), STEP(e, 6), STEP(e, 7), STEP(e, 8)
#define SLAB_BYTES(size) ((size) <= MR_ONE_SLICE_MAX ? MR_SLICE : MR_WIDE_SLICES * MR_SLICE)
/* A slab of small blocks holds an odd number of them. A program that makes records of 2^k blocks of one size finds the
 * same part of each at the same address modulo the record, in slab after slab, and with a block size that is a power of
 * two as well all of these share a few sets of the cache. An odd count moves each slab's records on by a block. Bonwick's
 * slab colouring (USENIX 1994) does that to the start of a slab, which would cost blocks their alignment. */
#define ODD(n) (((n) - 1) | 1)
#define FITTING(size) (SLAB_BYTES(size) / (size))
#define COUNT(size) (uint16_t)((size) <= MR_SMALL_MAX ? ODD(FITTING(size)) : FITTING(size))
#define FIT(e, k) COUNT(STEP(e, k))
#define TAGGED(size) (uint16_t)(SLAB_BYTES(size) / ((size) + 4))
#define TAG(e, k) TAGGED(STEP(e, k))
#define TAGS(e) TAG(e, 1), TAG(e, 2), TAG(e, 3), TAG(e, 4), TAG(e, 5), TAG(e, 6), TAG(e, 7), TAG(e, 8)
#define BLOCKS(e) FIT(e, 1), FIT(e, 2), FIT(e, 3), FIT(e, 4), FIT(e, 5), FIT(e, 6), FIT(e, 7), FIT(e, 8)

const uint32_t mr_sizeclass_bytes[MR_CLASS_COUNT] = {
    16, 32, 48, 64, 80, 96, 112, 128,
    BYTES(7), BYTES(8), BYTES(9), BYTES(10), BYTES(11), BYTES(12), BYTES(13), BYTES(14), BYTES(15),
};

const uint16_t mr_sizeclass_blocks[MR_CLASS_COUNT] = {
    COUNT(16), COUNT(32), COUNT(48), COUNT(64), COUNT(80), COUNT(96), COUNT(112), COUNT(128),
    BLOCKS(7), BLOCKS(8), BLOCKS(9), BLOCKS(10), BLOCKS(11), BLOCKS(12), BLOCKS(13), BLOCKS(14), BLOCKS(15),
};

const uint16_t mr_sizeclass_watched[MR_CLASS_COUNT] = {
    TAGGED(16), TAGGED(32), TAGGED(48), TAGGED(64), TAGGED(80), TAGGED(96), TAGGED(112), TAGGED(128),
    TAGS(7), TAGS(8), TAGS(9), TAGS(10), TAGS(11), TAGS(12), TAGS(13), TAGS(14), TAGS(15),
};

#define INVERSE(size) (uint32_t)((((uint64_t)1 << 32) + (size)-1) / (size))
#define INV(e, k) INVERSE(STEP(e, k))
#define INVERSES(e) INV(e, 1), INV(e, 2), INV(e, 3), INV(e, 4), INV(e, 5), INV(e, 6), INV(e, 7), INV(e, 8)

const uint32_t mr_sizeclass_inverse[MR_CLASS_COUNT] = {
    INVERSE(16), INVERSE(32), INVERSE(48), INVERSE(64), INVERSE(80), INVERSE(96), INVERSE(112), INVERSE(128),
    INVERSES(7), INVERSES(8), INVERSES(9), INVERSES(10), INVERSES(11), INVERSES(12), INVERSES(13), INVERSES(14),
    INVERSES(15),
};

const uint8_t mr_sizeclass_direct[MR_DIRECT_COUNT] = {
    0,                                              /* size 0 */
    0,  1,  2,  3,  4,  5,  6,  7,                  /* 16 .. 128 */
    8,  9,  10, 11, 12, 13, 14, 15,                 /* 144 .. 256 */
    16, 16, 17, 17, 18, 18, 19, 19,                 /* 272 .. 384 */
    20, 20, 21, 21, 22, 22, 23, 23,                 /* 400 .. 512 */
    24, 24, 24, 24, 25, 25, 25, 25,                 /* 528 .. 640 */
    26, 26, 26, 26, 27, 27, 27, 27,                 /* 656 .. 768 */
    28, 28, 28, 28, 29, 29, 29, 29,                 /* 784 .. 896 */
    30, 30, 30, 30, 31, 31, 31, 31,                 /* 912 .. 1024 */
};
