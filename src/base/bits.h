/* bits.h: rounding, powers of two, bit scans. All arguments are unsigned; preconditions are
 * stated and not checked, since these sit on every path. */
#ifndef MR_BASE_BITS_H
#define MR_BASE_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attr.h"

MR_INLINE bool mr_is_pow2(size_t n) { return n != 0 && (n & (n - 1)) == 0; }

/* `to` is a power of two. mr_align_up wraps to a value below n when n is within `to` of SIZE_MAX. */
MR_INLINE size_t mr_align_up(size_t n, size_t to) { return (n + to - 1) & ~(to - 1); }
MR_INLINE size_t mr_align_down(size_t n, size_t to) { return n & ~(to - 1); }

/* Index of the highest and the lowest set bit; n != 0. */
MR_INLINE unsigned mr_log2_floor(size_t n) { return 63u - (unsigned)__builtin_clzl(n); }
MR_INLINE unsigned mr_log2_ceil(size_t n) { return n <= 1 ? 0 : mr_log2_floor(n - 1) + 1; }
MR_INLINE unsigned mr_lowest_bit(uint64_t n) { return (unsigned)__builtin_ctzl(n); }

/* A 32-bit mix with full avalanche (the finaliser of MurmurHash3, A. Appleby). */
MR_INLINE uint32_t mr_mix32(uint32_t x)
{
    x ^= x >> 16;
    x *= 0x85ebca6bu;
    x ^= x >> 13;
    x *= 0xc2b2ae35u;
    return x ^ (x >> 16);
}

#endif
