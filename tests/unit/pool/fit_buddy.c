#include "by_hand.h"

Test(fit_buddy, rounds_up_and_halves)
{
    make(MR_FIT_BUDDY, 64, 0);
    cr_expect_eq(take(5), 0);
    cr_expect_eq(mr_pool_size(&pool, 0), 8);
    cr_expect_eq(take(3), 8);
    cr_expect_eq(mr_pool_size(&pool, 8), 4);
    cr_expect_eq(take(1), 12);
    cr_expect_eq(take(17), 32);
    cr_expect_eq(pool.free_spans, 3, "1 at 13, 2 at 14, 16 at 16");
    expect_sound();
}

Test(fit_buddy, merges_only_with_the_buddy)
{
    make(MR_FIT_BUDDY, 16, 0);
    for (uint32_t i = 0; i < 4; i++)
        cr_expect_eq(take(4), 4 * i);
    mr_pool_give(&pool, 4, 0);
    cr_expect_eq(mr_pool_give(&pool, 8, 0), 8, "neighbours, but not buddies");
    expect_sound();
    cr_expect_eq(mr_pool_give(&pool, 12, 0), 8);
    cr_expect_eq(mr_pool_give(&pool, 0, 0), 0);
    cr_expect_eq(mr_pool_largest(&pool), 16);
    expect_sound();
}

Test(fit_buddy, grows_by_the_largest_aligned_spans_and_merges_them)
{
    make(MR_FIT_BUDDY, 13, 0);
    cr_expect_eq(pool.free_spans, 3, "8, 4 and 1");
    mr_pool_grow(&pool, 3, 0);
    cr_expect_eq(pool.free_spans, 1);
    cr_expect_eq(mr_pool_largest(&pool), 16);
    mr_pool_grow(&pool, 16, 5);
    cr_expect_eq(mr_pool_largest(&pool), 16, "of the other grade");
    expect_sound();
}

Test(fit_buddy, an_odd_unit_is_left_out)
{
    mr_pool_init(&pool, MR_FIT_BUDDY, table, sizeof table[0], 2, 1);
    mr_pool_grow(&pool, 7, 0);
    cr_expect_eq(pool.units, 6);
    mr_pool_grow(&pool, 2, 0);
    cr_expect_eq(pool.units, 8);
    cr_expect_eq(mr_pool_largest(&pool), 8);
    cr_expect_eq(take(1), 0);
    cr_expect_eq(mr_pool_size(&pool, 0), 2);
    expect_sound();
}

Test(fit_buddy, grades_stay_apart_until_one_is_given_back_clean)
{
    make(MR_FIT_BUDDY, 8, 0);
    uint32_t a = take(4), b = take(4);
    mr_pool_give(&pool, a, 3);
    mr_pool_give(&pool, b, 0);
    cr_expect_eq(mr_pool_largest(&pool), 4);
    expect_sound();
    mr_pool_take_whole(&pool, a);
    mr_pool_give(&pool, a, 0);
    cr_expect_eq(mr_pool_largest(&pool), 8);
    expect_sound();
}

Test(fit_buddy, resize_grows_only_into_the_buddies_behind)
{
    uint32_t stamp = 99;
    make(MR_FIT_BUDDY, 32, 4);
    uint32_t a = take(2);
    cr_expect(mr_pool_resize(&pool, a, 9, 0, &stamp), "2, 4 and 8 lie free behind it");
    cr_expect_eq(mr_pool_size(&pool, a), 16);
    cr_expect_eq(stamp, 4);
    cr_expect(mr_pool_resize(&pool, a, 3, 4, &stamp));
    cr_expect_eq(stamp, 0);
    cr_expect_eq(mr_pool_size(&pool, a), 4);
    expect_sound();
    uint32_t b = take(4);
    cr_expect_eq(b, 4, "left by the shrinking");
    cr_expect_not(mr_pool_resize(&pool, b, 5, 0, NULL), "4 is no multiple of 8");
    cr_expect_not(mr_pool_resize(&pool, a, 5, 0, NULL), "what follows is taken");
    expect_sound();
}

Test(fit_buddy, alignment_comes_with_the_size_or_from_an_offset_that_divides)
{
    make(MR_FIT_BUDDY, 64, 0);
    cr_expect_eq(take(1), 0);
    cr_expect_eq(take_aligned(2, 16, 0), 16);
    cr_expect_eq(take_aligned(2, 16, 4) % 16, 12, "12 + 4 is a multiple of 16");
    cr_expect_eq(take_aligned(16, 16, 1), MR_POOL_NONE, "spans of 16 begin at multiples of 16");
    expect_sound();
}

Test(fit_buddy, check_sees_broken_orders)
{
    make(MR_FIT_BUDDY, 16, 0);
    take(4);
    pool.index[0].rows ^= 1u << 2;
    expect_broken("bit of an order");
    make(MR_FIT_BUDDY, 16, 0);
    pool.index[0].rows |= 1u << 31;
    expect_broken("cannot be");
    make(MR_FIT_BUDDY, 16, 0);
    take(4);
    pool.index[0].heads[1] = pool.index[0].heads[2];
    pool.index[0].heads[2] = MR_POOL_NONE;
    pool.index[0].rows = 1u << 1 | 1u << 3;
    expect_broken("another order");
}
