#include "by_hand.h"

/* Six spans of 5 at odd places and a long one at the end, more than align can find by luck. */
static const uint32_t many[] = { 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 40, 0 };

Test(fit_tree, aligned_takes_keep_to_the_fit)
{
    make_holes(MR_FIT_FIRST);
    cr_expect_eq(take_aligned(4, 4, 0), 0);
    cr_expect_eq(take_aligned(4, 4, 0), 4);
    cr_expect_eq(take_aligned(4, 4, 3), 9, "9 + 3 is a multiple of 4");
    expect_sound();
    make_holes(MR_FIT_BEST);
    cr_expect_eq(take_aligned(2, 8, 0), 32, "of the two spans of four only that at 31 holds a multiple of 8");
    cr_expect_eq(take_aligned(7, 8, 0), 0);
    make_holes(MR_FIT_WORST);
    cr_expect_eq(take_aligned(2, 8, 0), 16);
    expect_sound();
}

Test(fit_tree, a_sure_span_is_found_behind_many_that_cannot_hold_it)
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

Test(fit_tree, next_goes_on_where_it_was_and_wraps_once)
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

/* The depth of a treap stays logarithmic whatever the order of requests. */
static unsigned depth_below(const struct mr_pool *p, uint32_t at)
{
    if (at == MR_POOL_NONE)
        return 0;
    const struct mr_span *span = mr_pool_node(p, at);
    return 1 + (unsigned)mr_max(depth_below(p, span->left), depth_below(p, span->right));
}

Test(fit_tree, the_tree_stays_shallow_when_spans_come_in_order)
{
    enum { SPANS = 1 << 15 };
    static struct mr_span nodes[2 * SPANS];
    static struct mr_pool big;
    mr_pool_init(&big, MR_FIT_FIRST, nodes, sizeof nodes[0], 1, 0);
    mr_pool_grow(&big, 2 * SPANS, 0);
    for (unsigned i = 0; i < 2 * SPANS; i++)
        cr_assert_eq(mr_pool_take(&big, 1, 1, 0, NULL), i);
    for (unsigned i = 0; i < 2 * SPANS; i += 2)
        mr_pool_give(&big, i, 0);
    cr_expect_eq(big.free_spans, SPANS);
    cr_expect_lt(depth_below(&big, big.index[0].root), 60, "some 35 are expected of 32768 spans");
    cr_expect_null(mr_pool_check(&big));
}

Test(fit_tree, check_sees_a_broken_tree)
{
    uint32_t root;
    make_holes(MR_FIT_FIRST);
    root = pool.index[0].root;
    table[root].max++;
    expect_broken("largest size below");
    make_holes(MR_FIT_FIRST);
    uint32_t left = table[root].left;
    table[root].left = table[root].right;
    table[root].right = left;
    expect_broken("out of order");
    make_holes(MR_FIT_FIRST);
    pool.seed++; /* other priorities: the shape no longer is theirs */
    expect_broken("priority");
    make_holes(MR_FIT_FIRST);
    pool.index[0].root = 8;
    expect_broken("no free span of its grade");
    make_holes(MR_FIT_FIRST);
    pool.index[0].root = 4000;
    expect_broken("no free span of its grade");
    make_holes(MR_FIT_FIRST);
    pool.index[0].root = MR_POOL_NONE;
    expect_broken("not in the index");
    make_holes(MR_FIT_FIRST);
    pool.index[1].root = pool.index[0].root;
    expect_broken("no free span of its grade");
}

Test(fit_tree, check_survives_a_cycle)
{
    make_holes(MR_FIT_BEST);
    uint32_t root = pool.index[0].root;
    for (uint32_t at = mr_pool_first(&pool); at != MR_POOL_NONE; at = mr_pool_next(&pool, at))
        if (mr_pool_is_free(&pool, at) && table[at].left == MR_POOL_NONE)
            table[at].left = root;
    expect_broken("too deep");
}
