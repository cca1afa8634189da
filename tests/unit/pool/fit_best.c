#include "by_hand.h"

Test(fit_best, aligned_takes_keep_to_the_fit)
{
    make_holes(MR_FIT_BEST);
    cr_expect_eq(take_aligned(2, 8, 0), 32, "of the two spans of four only that at 31 holds a multiple of 8");
    cr_expect_eq(take_aligned(7, 8, 0), 0);
    expect_sound();
}

/* Free spans of these sizes, apart, in a pool that is large enough for long ones. */
static struct mr_span nodes[8192];
static uint32_t heads[64];

static void make_long(const uint32_t *sizes, unsigned n)
{
    uint32_t units = 0;
    for (unsigned i = 0; i < n; i++)
        units += sizes[i] + 1;
    mr_pool_init(&pool, MR_FIT_BEST, nodes, sizeof nodes[0], 1, 1);
    mr_pool_grow(&pool, units, 0);
    for (unsigned i = 0; i < n; i++) {
        heads[i] = take(sizes[i]);
        take(1);
    }
    for (unsigned i = 0; i < n; i++)
        mr_pool_give(&pool, heads[i], 0);
}

Test(fit_best, lists_and_tree_meet_at_232)
{
    static const uint32_t sizes[] = { 231, 500, 232, 233, 230, 232, 1000 };
    make_long(sizes, MR_COUNT(sizes));
    cr_expect_eq(mr_pool_largest(&pool), 1000);
    expect_sound();
    cr_expect_eq(take(231), heads[0]);
    cr_expect_eq(take(231), heads[2], "none of that size is left: the lower of two of 232");
    cr_expect_eq(take(232), heads[5]);
    cr_expect_eq(take(232), heads[3]);
    cr_expect_eq(take(229), heads[4]);
    cr_expect_eq(take(501), heads[6]);
    cr_expect_eq(mr_pool_largest(&pool), 500);
    expect_sound();
    cr_expect_eq(take(500), heads[1]);
    cr_expect_eq(mr_pool_largest(&pool), 499, "the rest of the 1000");
}

Test(fit_best, aligned_takes_go_on_from_lists_to_tree)
{
    static const uint32_t sizes[] = { 231, 300 };
    make_long(sizes, MR_COUNT(sizes)); /* at 0 and 232 */
    cr_expect_eq(take_aligned(228, 8, 1), 239, "at 7, 229 units would be needed");
    expect_sound();
}

Test(fit_best, the_tree_stays_shallow_when_spans_come_in_order)
{
    enum { SPANS = 1 << 12, LONG = 300 };
    struct mr_span *many = calloc((size_t)SPANS * (LONG + 1), sizeof *many);
    static struct mr_pool big;
    mr_pool_init(&big, MR_FIT_BEST, many, sizeof *many, 1, 0);
    mr_pool_grow(&big, SPANS * (LONG + 1), 0);
    for (unsigned i = 0; i < SPANS; i++) {
        cr_assert_eq(mr_pool_take(&big, LONG, 1, 0, NULL), i * (LONG + 1));
        cr_assert_neq(mr_pool_take(&big, 1, 1, 0, NULL), MR_POOL_NONE);
    }
    for (unsigned i = 0; i < SPANS; i++)
        mr_pool_give(&big, i * (LONG + 1), 0);
    unsigned depth = 0;
    for (uint32_t at = big.index[0].root; at != MR_POOL_NONE; at = mr_pool_node(&big, at)->left)
        depth++;
    cr_expect_lt(depth, 60, "some 17 are expected of 4096 spans");
    cr_expect_null(mr_pool_check(&big));
    cr_expect_eq(big.free_spans, SPANS);
}

static const uint32_t three[] = { 300, 400, 350 };

static uint32_t make_tree(void)
{
    make_long(three, 3);
    return pool.index[0].root;
}

Test(fit_best, check_sees_a_broken_tree)
{
    uint32_t root = make_tree();
    uint32_t left = nodes[root].left;
    nodes[root].left = nodes[root].right;
    nodes[root].right = left;
    expect_broken("out of order");
    make_tree();
    pool.seed += 3; /* other priorities: the shape no longer is theirs */
    expect_broken("priority");
    make_tree();
    pool.index[0].root = 300; /* a taken unit */
    expect_broken("no free span of its grade");
    make_tree();
    pool.index[0].root = MR_POOL_NONE;
    expect_broken("not in the index");
    root = make_tree();
    for (unsigned i = 0; i < 3; i++)
        if (nodes[heads[i]].left == MR_POOL_NONE)
            nodes[heads[i]].left = root;
    expect_broken("too deep");
}

Test(fit_best, check_sees_broken_lists)
{
    make_holes(MR_FIT_BEST);
    pool.index[0].rows |= 1u << 31;
    expect_broken("row");
    make_holes(MR_FIT_BEST);
    uint32_t *lists = pool.index[0].heads;
    lists[5] = lists[4];
    lists[4] = MR_POOL_NONE;
    pool.index[0].cols[0] = (uint8_t)((pool.index[0].cols[0] & ~0x10) | 0x20);
    expect_broken("bin of another size");
}
