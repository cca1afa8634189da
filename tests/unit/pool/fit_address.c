#include "by_hand.h"

/* Six spans of 5 at odd places and a long one at the end, more than align can find by luck. */
static const uint32_t many[] = { 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 40, 0 };

Test(fit_address, aligned_takes_keep_to_the_fit)
{
    make_holes(MR_FIT_FIRST);
    cr_expect_eq(take_aligned(4, 4, 0), 0);
    cr_expect_eq(take_aligned(4, 4, 0), 4);
    cr_expect_eq(take_aligned(4, 4, 3), 9, "9 + 3 is a multiple of 4");
    expect_sound();
    make_holes(MR_FIT_WORST);
    cr_expect_eq(take_aligned(2, 8, 0), 16);
    expect_sound();
}

Test(fit_address, a_sure_span_is_found_behind_many_that_cannot_hold_it)
{
    static const enum mr_fit fits[] = { MR_FIT_FIRST, MR_FIT_NEXT, MR_FIT_BEST, MR_FIT_WORST };
    for (unsigned i = 0; i < MR_COUNT(fits); i++) {
        make_free_spans(fits[i], many, 0);
        uint32_t at = take_aligned(5, 8, 6); /* spans begin at multiples of 6: 2 modulo 8 is 18, 42 and 66 */
        cr_expect_neq(at, MR_POOL_NONE);
        cr_expect_eq((at + 6) % 8, 0);
        expect_sound();
    }
}

Test(fit_address, next_goes_on_where_it_was_and_wraps_once)
{
    make_holes(MR_FIT_NEXT);
    cr_expect_eq(take_aligned(2, 16, 0), 0);
    cr_expect_eq(take_aligned(2, 2, 0), 2);
    cr_expect_eq(take(12), 14);
    cr_expect_eq(take(4), 26, "the rest of that span");
    cr_expect_eq(take(4), 31);
    cr_expect_eq(take(4), 4, "wrapped");
    cr_expect_eq(take(5), MR_POOL_NONE);
    expect_sound();
}

/* Long enough for three levels: 2^15 units are 512 leaves, 32 matches, 2, 1. */
Test(fit_address, searches_cross_leaves_and_matches)
{
    enum { UNITS = 1 << 15 };
    static const uint32_t at[] = { 0, 63, 64, 1023, 1024, 16384, 20000, UNITS - 1 };
    static struct mr_span nodes[UNITS];
    static struct mr_pool big;
    size_t bytes = mr_pool_table_bytes(MR_FIT_NEXT, UNITS, UNITS, 1);
    mr_pool_init(&big, MR_FIT_NEXT, nodes, sizeof nodes[0], 1, 0);
    mr_pool_forget_stamps(&big);
    mr_pool_set_table(&big, calloc(1, bytes), UNITS);
    mr_pool_grow(&big, UNITS, 0);
    for (unsigned i = 0; i < UNITS; i++)
        cr_assert_eq(mr_pool_take(&big, 1, 1, 0, NULL), i);
    cr_expect_eq(mr_pool_largest(&big), 0);
    for (unsigned i = 0; i < MR_COUNT(at); i++)
        mr_pool_give(&big, at[i], 9); /* stamps mean nothing here */
    cr_expect_null(mr_pool_check(&big));
    big.cursor = 1;
    cr_expect_eq(mr_pool_take(&big, 2, 1, 0, NULL), 63, "63 and 64 were merged");
    static const uint32_t rest[] = { 1023, 16384, 20000, UNITS - 1, 0 };
    cr_expect_eq(mr_pool_take(&big, 2, 1, 0, NULL), 1023);
    for (unsigned i = 1; i < MR_COUNT(rest); i++)
        cr_expect_eq(mr_pool_take(&big, 1, 1, 0, NULL), rest[i]);
    cr_expect_eq(mr_pool_take(&big, 1, 1, 0, NULL), MR_POOL_NONE);
    cr_expect_null(mr_pool_check(&big));
}

Test(fit_address, a_table_of_a_larger_pool_is_touched_as_far_as_there_are_units)
{
    enum { MOST = 1 << 20, UNITS = 1 << 12 };
    static struct mr_span nodes[UNITS];
    static struct mr_pool big;
    size_t used = mr_pool_table_bytes(MR_FIT_FIRST, UNITS, MOST, 1), all = mr_pool_table_bytes(MR_FIT_FIRST, MOST, MOST, 1);
    cr_assert_lt(used, all);
    char *bytes = calloc(1, used + 64);
    memset(bytes + used, 0xa5, 64);
    mr_pool_init(&big, MR_FIT_FIRST, nodes, sizeof nodes[0], 1, 0);
    mr_pool_forget_stamps(&big);
    mr_pool_set_table(&big, bytes, MOST);
    mr_pool_grow(&big, UNITS, 0);
    while (mr_pool_take(&big, 3, 1, 0, NULL) != MR_POOL_NONE)
        ;
    cr_expect_null(mr_pool_check(&big));
    for (unsigned i = 0; i < 64; i++)
        cr_assert_eq((unsigned char)bytes[used + i], 0xa5);
}

Test(fit_address, check_sees_a_broken_table)
{
    make_holes(MR_FIT_FIRST);
    pool.index[0].up[pool.index[0].top][0]++;
    expect_broken("largest below");
    make_holes(MR_FIT_FIRST);
    *(uint32_t *)(void *)pool.index[0].groups += 1;
    expect_broken("max of a leaf");
    uint64_t *bits = (uint64_t *)(void *)(pool.index[0].groups + 16 * sizeof(uint32_t));
    make_holes(MR_FIT_FIRST);
    *bits |= 1 << 8;
    expect_broken("no free span of its grade");
    make_holes(MR_FIT_FIRST);
    *bits &= ~(uint64_t)(1 << 9);
    expect_broken("not in the index");
}
