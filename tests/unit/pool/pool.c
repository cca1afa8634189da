/* The engine against a shadow map: every fit, both layouts, random operations. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "shadow.h"
#include "by_hand.h" /* last: its `pool` would shadow names of the other */

static uint64_t random_state;

static uint32_t next_random(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 32);
}

/* Mostly small sizes, few large ones; stamps repeat so that merging meets equal and unequal ones. */
static struct shadow_op random_op(uint32_t pool_units)
{
    static const enum shadow_kind kinds[] = {
        SHADOW_TAKE, SHADOW_TAKE, SHADOW_TAKE, SHADOW_TAKE, SHADOW_TAKE, SHADOW_GIVE, SHADOW_GIVE,
        SHADOW_GIVE, SHADOW_GIVE, SHADOW_RESIZE, SHADOW_RESIZE, SHADOW_TAKE_WHOLE, SHADOW_ASK, SHADOW_GROW,
    };
    struct shadow_op op = { .kind = kinds[next_random() % MR_COUNT(kinds)], .align = 1 };
    op.units = 1 + next_random() % (next_random() % 8 == 0 ? pool_units / 4 + 1 : 24);
    if (next_random() % 4 == 0) {
        op.align = 1u << next_random() % 7;
        op.offset = next_random() % 3 == 0 ? next_random() : next_random() % 2;
    }
    op.which = next_random();
    op.stamp = next_random() % 3 == 0 ? 0 : 1 + next_random() % 5;
    return op;
}

static void drive(enum mr_fit fit, uint32_t capacity, uint32_t min_units, uint32_t every, uint32_t steps)
{
    struct shadow s;
    shadow_init(&s, fit, capacity, min_units, every);
    random_state = capacity * 7 + min_units;
    for (uint32_t i = 0; i < steps; i++) {
        struct shadow_op op = random_op(capacity);
        const char *why = shadow_apply(&s, &op);
        cr_assert_null(why, "%s, %u units, min %u, step %u (kind %d, %u units, align %u): %s", mr_fit_name(fit),
                       capacity, min_units, i, (int)op.kind, op.units, op.align, why);
    }
    const char *why = shadow_agree(&s);
    cr_assert_null(why, "%s at the end: %s", mr_fit_name(fit), why);
    shadow_free(&s);
}

static struct criterion_test_params every_fit(void)
{
    static int fits[MR_FIT_COUNT];
    for (int i = 0; i < MR_FIT_COUNT; i++)
        fits[i] = i;
    return cr_make_param_array(int, fits, MR_FIT_COUNT);
}

#define FOR_EVERY_FIT(suite, name) \
    ParameterizedTestParameters(suite, name) { return every_fit(); } \
    ParameterizedTest(int *fit, suite, name)

/* Small: after each step the pools are checked and the choice is compared with a search of everything. */
FOR_EVERY_FIT(pool, small_obeys_the_fit)
{
    drive((enum mr_fit)*fit, 61, 1, 1, 20000);
    drive((enum mr_fit)*fit, 256, 1, 1, 20000);
    drive((enum mr_fit)*fit, 96, 2, 1, 20000);
    drive((enum mr_fit)*fit, 256, 2, 1, 20000);
    drive((enum mr_fit)*fit, 256, *fit == MR_FIT_BUDDY ? 4 : 3, 1, 20000);
}

FOR_EVERY_FIT(pool, large_keeps_its_invariants)
{
    drive((enum mr_fit)*fit, 20000, 1, 1009, 200000);
    drive((enum mr_fit)*fit, 20000, 2, 1009, 200000);
    drive((enum mr_fit)*fit, 20000, *fit == MR_FIT_BUDDY ? 4 : 3, 1009, 200000);
}

/* --- by hand ---------------------------------------------------------------------------------- */

Test(pool, an_empty_pool_has_nothing)
{
    for (int fit = 0; fit < MR_FIT_COUNT; fit++) {
        make_empty((enum mr_fit)fit, 1);
        expect_sound();
        cr_expect_eq(take(1), MR_POOL_NONE);
        cr_expect_eq(mr_pool_first(&pool), MR_POOL_NONE);
        cr_expect_eq(mr_pool_largest(&pool), 0);
        cr_expect_eq(mr_pool_find_dirty(&pool, UINT32_MAX), MR_POOL_NONE);
    }
}

Test(pool, each_fit_has_its_name)
{
    cr_expect_str_eq(mr_fit_name(MR_FIT_FIRST), "first-fit");
    cr_expect_str_eq(mr_fit_name(MR_FIT_NEXT), "next-fit");
    cr_expect_str_eq(mr_fit_name(MR_FIT_BEST), "best-fit");
    cr_expect_str_eq(mr_fit_name(MR_FIT_WORST), "worst-fit");
    cr_expect_str_eq(mr_fit_name(MR_FIT_SEGREGATED), "segregated-fit");
    cr_expect_str_eq(mr_fit_name(MR_FIT_BUDDY), "buddy");
}

Test(pool, a_fit_takes_the_hole_it_is_named_for)
{
    make_holes(MR_FIT_FIRST);
    cr_expect_eq(take(3), 0);
    make_holes(MR_FIT_BEST);
    cr_expect_eq(take(3), 31, "of the two of four, the one given last");
    make_holes(MR_FIT_WORST);
    cr_expect_eq(take(3), 14);
    make_holes(MR_FIT_SEGREGATED);
    cr_expect(take(4) % 22 == 9, "either hole of four");
    make_holes(MR_FIT_NEXT); /* 35 was taken last: the search wraps round */
    cr_expect_eq(take(3), 0);
    cr_expect_eq(take(12), 14);
    cr_expect_eq(take(4), 26);
    cr_expect_eq(take(5), 3);
    expect_sound();
}

Test(pool, dirty_goes_first_and_grades_do_not_merge)
{
    make(MR_FIT_FIRST, 16, 0);
    uint32_t a = take(4), b = take(4), stamp = 99;
    mr_pool_give(&pool, b, 7);
    cr_expect_eq(mr_pool_size(&pool, b), 4, "the clean span behind it stays apart");
    cr_expect_eq(mr_pool_take(&pool, 5, 1, 0, &stamp), 8, "only the clean one is long enough");
    cr_expect_eq(stamp, 0);
    cr_expect_eq(mr_pool_take(&pool, 2, 1, 0, &stamp), 4, "the dirty one");
    cr_expect_eq(stamp, 7);
    cr_expect_eq(mr_pool_give(&pool, a, 9), a);
    mr_pool_give(&pool, 4, 3);
    cr_expect_eq(mr_pool_stamp(&pool, 0), 9, "merged under the larger stamp");
    cr_expect_eq(mr_pool_size(&pool, 0), 8);
    cr_expect_eq(mr_pool_find_dirty(&pool, 8), MR_POOL_NONE);
    cr_expect_eq(mr_pool_find_dirty(&pool, 9), 0);
    expect_sound();
}

Test(pool, a_purge_takes_whole_and_gives_back_clean)
{
    make(MR_FIT_SEGREGATED, 32, 5);
    uint32_t head = mr_pool_find_dirty(&pool, 5);
    cr_assert_eq(head, 0);
    mr_pool_take_whole(&pool, head);
    cr_expect_eq(pool.free_units, 0);
    mr_pool_give(&pool, head, 0);
    cr_expect_eq(mr_pool_find_dirty(&pool, UINT32_MAX), MR_POOL_NONE);
    cr_expect_eq(mr_pool_largest(&pool), 32);
    expect_sound();
}

Test(pool, resize_absorbs_two_grades_in_a_row)
{
    make(MR_FIT_BEST, 24, 0);
    uint32_t a = take(4), b = take(4), stamp = 99;
    mr_pool_give(&pool, b, 6);
    cr_expect(mr_pool_resize(&pool, a, 20, 0, &stamp));
    cr_expect_eq(stamp, 6);
    cr_expect_eq(mr_pool_size(&pool, a), 20);
    cr_expect_eq(pool.free_units, 4);
    cr_expect_not(mr_pool_resize(&pool, a, 25, 0, &stamp));
    cr_expect_not(mr_pool_resize(&pool, a, UINT32_MAX, 0, &stamp));
    cr_expect(mr_pool_resize(&pool, a, 24, 0, &stamp));
    cr_expect_eq(stamp, 0, "what was absorbed now is clean");
    cr_expect(mr_pool_resize(&pool, a, 1, 3, NULL));
    cr_expect_eq(mr_pool_stamp(&pool, 1), 3);
    expect_sound();
}

Test(pool, no_rest_shorter_than_the_smallest_span)
{
    make_empty(MR_FIT_FIRST, 2);
    mr_pool_grow(&pool, 12, 0);
    uint32_t a = take(1), b = take(9);
    cr_expect_eq(mr_pool_size(&pool, a), 2);
    cr_expect_eq(mr_pool_size(&pool, b), 10, "the one unit left is not a span");
    cr_expect(mr_pool_resize(&pool, b, 9, 0, NULL));
    cr_expect_eq(mr_pool_size(&pool, b), 10, "nor is it when shrinking");
    cr_expect(mr_pool_resize(&pool, b, 5, 0, NULL));
    cr_expect(mr_pool_resize(&pool, b, 4, 0, NULL));
    cr_expect_eq(mr_pool_size(&pool, b), 4, "but it joins a free span");
    expect_sound();
}

Test(pool, absurd_requests_fail_and_change_nothing)
{
    for (int fit = 0; fit < MR_FIT_COUNT; fit++) {
        make((enum mr_fit)fit, 64, 0);
        cr_expect_eq(take(65), MR_POOL_NONE);
        cr_expect_eq(take(MR_POOL_MAX_UNITS), MR_POOL_NONE);
        cr_expect_eq(take(MR_POOL_MAX_UNITS + 1), MR_POOL_NONE);
        cr_expect_eq(take(UINT32_MAX), MR_POOL_NONE);
        cr_expect_eq(mr_pool_take(&pool, 60, 1u << 31, 1, NULL), MR_POOL_NONE);
        cr_expect_eq(mr_pool_take(&pool, UINT32_MAX, 1u << 31, UINT32_MAX, NULL), MR_POOL_NONE);
        cr_expect_eq(mr_pool_take(&pool, 64, 1u << 31, 0, NULL), 0);
        expect_sound();
    }
}

/* --- mr_pool_check sees what is broken -------------------------------------------------------------- */

Test(pool, check_sees_a_broken_tile)
{
    make_holes(MR_FIT_FIRST);
    table[8].size = 0;
    expect_broken("shorter than the smallest");
    table[8].size = 400;
    expect_broken("ends outside");
    make_holes(MR_FIT_FIRST);
    pool.last = 8;
    expect_broken("last");
    make(MR_FIT_BUDDY, 16, 0);
    take(3);
    table[0].size = 3;
    expect_broken("power of two");
}

Test(pool, check_sees_a_broken_back_and_what_is_not_merged)
{
    make_holes(MR_FIT_FIRST);
    table[9].back = 2;
    expect_broken("back");
    make_holes(MR_FIT_FIRST);
    table[8].size |= MR_SPAN_FREE;
    table[8].stamp = 0;
    expect_broken("not merged");
    make(MR_FIT_BUDDY, 16, 0);
    take(8);
    table[0].size |= MR_SPAN_FREE;
    table[0].stamp = 0;
    expect_broken("not merged");
}

Test(pool, check_sees_wrong_sums)
{
    for (int fit = 0; fit < MR_FIT_COUNT; fit++) {
        make_holes((enum mr_fit)fit);
        pool.free_units++;
        expect_broken("sums");
        make_holes((enum mr_fit)fit);
        pool.free_spans--;
        expect_broken("sums");
    }
}

Test(pool, check_sees_what_the_index_has_lost_or_keeps)
{
    for (int fit = 0; fit < MR_FIT_COUNT; fit++) {
        make_holes((enum mr_fit)fit);
        uint32_t a = take(1);
        table[a].size |= MR_SPAN_FREE; /* free, but not given; of its own grade, so nothing else is wrong */
        table[a].stamp = 5;
        expect_broken("not in the index");
        make_holes((enum mr_fit)fit);
        uint32_t head = mr_pool_first(&pool);
        while (!mr_pool_is_free(&pool, head))
            head = mr_pool_next(&pool, head);
        table[head].size &= ~MR_SPAN_FREE; /* taken, but still in the index */
        expect_broken("no free span of its grade");
    }
}
