#include <criterion/criterion.h>

#include "base.h"

Test(bits, powers_of_two)
{
    cr_expect_not(mr_is_pow2(0));
    cr_expect_not(mr_is_pow2(SIZE_MAX));
    for (unsigned k = 0; k < 64; k++) {
        size_t n = (size_t)1 << k;
        cr_expect(mr_is_pow2(n));
        cr_expect(k < 2 || (!mr_is_pow2(n - 1) && !mr_is_pow2(n + 1)));
        cr_expect_eq(mr_log2_floor(n), k);
        cr_expect_eq(mr_log2_ceil(n), k);
        cr_expect_eq(mr_lowest_bit(n), k);
    }
}

Test(bits, logarithms_between_the_powers)
{
    cr_expect_eq(mr_log2_ceil(0), 0);
    for (unsigned k = 2; k < 64; k++) {
        size_t n = ((size_t)1 << k) - 1;
        cr_expect_eq(mr_log2_floor(n), k - 1);
        cr_expect_eq(mr_log2_ceil(n), k);
        cr_expect_eq(mr_log2_ceil(n + 2), k + 1);
    }
    cr_expect_eq(mr_log2_floor(SIZE_MAX), 63);
    cr_expect_eq(mr_log2_ceil(SIZE_MAX), 64);
    cr_expect_eq(mr_lowest_bit(0x50), 4);
}

Test(bits, rounding)
{
    for (size_t to = 1; to <= 64; to *= 2)
        for (size_t n = 0; n < 200; n++) {
            cr_expect_eq(mr_align_up(n, to), (n + to - 1) / to * to);
            cr_expect_eq(mr_align_down(n, to), n / to * to);
        }
    cr_expect_eq(mr_align_up(SIZE_MAX - 4, 16), 0, "wraps, as said");
    cr_expect_eq(mr_align_down(SIZE_MAX, 4096), SIZE_MAX - 4095);
}

Test(bits, least_and_most)
{
    cr_expect_eq(mr_min(1, SIZE_MAX), 1);
    cr_expect_eq(mr_max(1, SIZE_MAX), SIZE_MAX);
    cr_expect_eq(mr_min(7, 7), 7);
}

/* A bijection, so that no two priorities of a tree are equal: its inverse gives back what went in. */
static uint32_t unmix(uint32_t x)
{
    x ^= x >> 16;
    x *= 0x7ed1b41du; /* inverse of 0xc2b2ae35 modulo 2^32 */
    x ^= x >> 13 ^ x >> 26;
    x *= 0xa5cb9243u; /* inverse of 0x85ebca6b */
    return x ^ x >> 16;
}

Test(bits, the_mix_loses_nothing_and_changes_half_the_bits)
{
    uint64_t changed = 0;
    for (uint32_t i = 0; i < 100000; i++) {
        uint32_t x = i * 2654435761u;
        cr_assert_eq(unmix(mr_mix32(x)), x);
        changed += (unsigned)__builtin_popcount(mr_mix32(i) ^ mr_mix32(i ^ 1u << i % 32));
    }
    cr_expect(changed > 1590000 && changed < 1610000, "%lu of 3,200,000 bits", (unsigned long)changed);
}
