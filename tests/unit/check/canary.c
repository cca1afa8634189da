#include <criterion/criterion.h>

#include "zone.h"

static const struct mr_unwind_start from = { .pc = 1 };

/* A checked block, as malloc or memalign would give it. */
static char *take(size_t size, size_t align)
{
    mr_conf.check = 63;
    mr_conf.on_error = MR_ON_ERROR_IGNORE;
    return align <= 16 ? mr_watch_malloc(&from, size) : mr_watch_aligned(&from, align, size);
}

static const size_t sizes[] = { 0, 1, 7, 8, 15, 16, 100, 1000, 5000, 40000, 70000, 300000 };
static const size_t aligns[] = { 16, 32, 64, 4096, 65536, 1 << 21 };

Test(canary, a_block_knows_what_was_asked_for)
{
    for (size_t i = 0; i < MR_COUNT(sizes); i++)
        for (size_t k = 0; k < MR_COUNT(aligns); k++) {
            struct mr_zone zone;
            char *p = take(sizes[i], aligns[k]);
            cr_assert(p && mr_canary_find(p, &zone), "%zu %zu", sizes[i], aligns[k]);
            cr_expect_eq((uintptr_t)p % aligns[k], 0);
            cr_expect_eq(zone.size, sizes[i], "%zu: %zu", sizes[i], zone.size);
            cr_expect_eq((size_t)(zone.user - zone.block), aligns[k]);
            cr_expect_eq(zone.family, MR_FAMILY_MALLOC);
            cr_expect(mr_canary_is_whole(&zone));
            enum mr_freed known;
            cr_expect_eq(mr_watch_usable(p, &known), sizes[i]);
            cr_expect_eq(mr_watch_free(&from, p), MR_FREED);
        }
}

static bool is_whole(const char *p)
{
    struct mr_zone zone;
    return mr_canary_find(p, &zone) && mr_canary_is_whole(&zone);
}

Test(canary, each_byte_around_a_block_is_watched)
{
    for (size_t i = 0; i < MR_COUNT(sizes); i++) {
        char *p = take(sizes[i], 16);
        for (long at = -16; at < (long)sizes[i] + MR_ZONE_BACK; at = at == -1 ? (long)sizes[i] : at + 1) {
            char was = p[at];
            p[at] = (char)(was ^ 0x40);
            cr_expect_not(is_whole(p), "%zu: byte %ld", sizes[i], at);
            p[at] = was;
            cr_expect(is_whole(p), "%zu: byte %ld", sizes[i], at);
        }
        mr_watch_free(&from, p);
    }
}

Test(canary, what_is_verified_is_whole_again)
{
    struct mr_zone zone;
    char *p = take(100, 16);
    p[100] = p[-1] = p[-16] = 1;
    cr_assert(mr_canary_find(p, &zone) && zone.torn);
    mr_canary_verify(&zone, "free", &from);
    cr_expect(is_whole(p));
    cr_expect(mr_canary_find(p, &zone) && zone.size == 100 && zone.family == MR_FAMILY_COUNT);
}

Test(canary, other_pointers_are_no_block)
{
    struct mr_zone zone;
    char *p = take(1000, 16), *q = take(1000, 64);
    for (long at = -16; at < 1000; at++) {
        cr_expect(at == 0 || !mr_canary_find(p + at, &zone), "%ld", at);
        cr_expect(at == 0 || !mr_canary_find(q + at, &zone), "%ld", at);
    }
    cr_expect_not(mr_canary_find(NULL, &zone));
    cr_expect_not(mr_canary_find(&zone, &zone));
    cr_expect_not(mr_canary_find((void *)~(uintptr_t)15, &zone));
}

/* Wide slabs too, where a division by multiplication is off by one just before a block begins. */
Test(canary, the_block_around_each_byte_is_found)
{
    enum { BLOCKS = 12 };
    for (size_t size = 1; size < 65000; size = size * 9 / 8 + 1) {
        char *blocks[BLOCKS];
        for (int i = 0; i < BLOCKS; i++)
            blocks[i] = take(size, 16);
        for (int i = 0; i < BLOCKS; i++) {
            struct mr_zone zone, other;
            cr_assert(mr_canary_around(blocks[i], &zone) && zone.user == blocks[i], "%zu: block %d", size, i);
            cr_expect(mr_canary_around(zone.block, &other) && other.block == zone.block, "%zu: block %d", size, i);
            cr_expect(mr_canary_around(zone.block + zone.usable - 1, &other) && other.block == zone.block, "%zu: block %d",
                      size, i);
        }
        for (int i = 0; i < BLOCKS; i++)
            mr_watch_free(&from, blocks[i]);
    }
}

Test(canary, no_size_wraps_round)
{
    cr_expect_eq(mr_canary_total(SIZE_MAX, 16), SIZE_MAX);
    cr_expect_eq(mr_canary_total(SIZE_MAX - 23, 16), SIZE_MAX);
    cr_expect_eq(mr_canary_total(100, (size_t)1 << 63), SIZE_MAX);
    cr_expect_eq(mr_canary_total(100, 16), 124);
    cr_expect_eq(mr_canary_total(100, 64), 172);
    cr_expect_eq(mr_canary_total(100, 1), 124);
}
