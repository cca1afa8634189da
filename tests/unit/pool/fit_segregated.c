#include "by_hand.h"

Test(fit_segregated, takes_the_closest_bin)
{
    static const uint32_t sizes[] = { 60, 9, 20, 10, 40, 0 };
    make_free_spans(MR_FIT_SEGREGATED, sizes, 0); /* at 0, 61, 71, 92 and 103 */
    cr_expect_eq(take(9), 61, "sizes below 16 have a bin each");
    cr_expect_eq(take(9), 92);
    cr_expect_eq(take(17), 71, "20 lies in a bin above that of 17");
    cr_expect_eq(take(30), 103, "40 lies in a lower bin than 60");
    expect_sound();
}

Test(fit_segregated, looks_into_its_own_bin)
{
    static const uint32_t sizes[] = { 100, 70, 65, 0 }; /* 64 to 71 share a bin */
    make_free_spans(MR_FIT_SEGREGATED, sizes, 0);
    cr_expect_eq(take(68), 101, "not the one of 65, and not the next bin");
    expect_sound();
}

Test(fit_segregated, finds_what_fits_deep_in_its_own_bin)
{
    enum { SHORT = 20 };
    uint32_t sizes[SHORT + 2];
    static struct mr_span nodes[2000];
    sizes[0] = 71; /* given first, so last in the list */
    for (unsigned i = 1; i <= SHORT; i++)
        sizes[i] = 64;
    mr_pool_init(&pool, MR_FIT_SEGREGATED, nodes, sizeof nodes[0], 1, 1);
    uint32_t heads[SHORT + 1];
    mr_pool_grow(&pool, 72 + 65 * SHORT, 0);
    for (unsigned i = 0; i <= SHORT; i++) {
        heads[i] = take(sizes[i]);
        take(1);
    }
    for (unsigned i = 0; i <= SHORT; i++)
        mr_pool_give(&pool, heads[i], 0);
    cr_expect_eq(take(70), 0, "no higher bin has any: a longer look at this one");
    cr_expect_eq(take(65), MR_POOL_NONE);
    expect_sound();
}

Test(fit_segregated, aligned_takes_are_cut_out_of_the_middle)
{
    make(MR_FIT_SEGREGATED, 100, 0);
    take(3);
    cr_expect_eq(take_aligned(10, 16, 0), 16);
    cr_expect_eq(take_aligned(10, 16, 1), 31);
    cr_expect_eq(take_aligned(1, 64, 1), 63);
    cr_expect_eq(take(13), 3);
    expect_sound();
}

/* Sizes up to the largest have a bin: a pool with a sparse table, of which three nodes are touched. */
Test(fit_segregated, the_largest_pool_has_a_bin)
{
    static struct mr_span first;
    mr_pool_init(&pool, MR_FIT_SEGREGATED, &first, 0, 1, 1); /* stride 0: one span, one node */
    mr_pool_grow(&pool, MR_POOL_MAX_UNITS, 0);
    cr_expect_eq(mr_pool_largest(&pool), MR_POOL_MAX_UNITS);
    cr_expect_eq(take(MR_POOL_MAX_UNITS), 0);
    cr_expect_eq(mr_pool_largest(&pool), 0);
}

static unsigned bin_in_use(void)
{
    unsigned bin = 0;
    while (pool.index[0].heads[bin] == MR_POOL_NONE)
        bin++;
    return bin;
}

Test(fit_segregated, check_sees_broken_bins)
{
    make_holes(MR_FIT_SEGREGATED);
    pool.index[0].cols[bin_in_use() / MR_BIN_COLS] = 0;
    expect_broken("row");
    make_holes(MR_FIT_SEGREGATED);
    pool.index[0].cols[bin_in_use() / MR_BIN_COLS] ^= 1u << 7;
    expect_broken("bit of a bin");
    make_holes(MR_FIT_SEGREGATED);
    pool.index[0].rows |= 1u << 31;
    expect_broken("row");
    make_holes(MR_FIT_SEGREGATED);
    uint32_t *heads = pool.index[0].heads;
    heads[9] = heads[8]; /* and its bit is that of 8 moved on */
    heads[8] = MR_POOL_NONE;
    pool.index[0].cols[1] = (uint8_t)(pool.index[0].cols[1] << 1);
    expect_broken("bin of another size");
}

Test(fit_segregated, check_sees_broken_lists)
{
    make_holes(MR_FIT_SEGREGATED);
    uint32_t first = pool.index[0].heads[4], second = table[first].left;
    cr_assert_neq(second, MR_POOL_NONE);
    table[second].right = MR_POOL_NONE;
    expect_broken("another way");
    make_holes(MR_FIT_SEGREGATED);
    table[second].left = 5000;
    expect_broken("no free span of its grade");
    make_holes(MR_FIT_SEGREGATED);
    table[first].left = MR_POOL_NONE;
    expect_broken("not in the index");
    make_holes(MR_FIT_SEGREGATED);
    table[second].left = first; /* a ring */
    table[first].right = second;
    expect_broken("another way");
}

/* ---- the short way ------------------------------------------------------------------------------------- */

enum { TWIN_UNITS = 4000, TWINS = 200 };

static uint64_t twin_state;

static uint32_t twin_random(uint32_t below)
{
    twin_state = twin_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(twin_state >> 33) % below;
}

/* The same step of both; one has stamps, all of them 0. */
static void twin_step(struct mr_pool twins[2], uint32_t *head)
{
    uint32_t units = 1 + twin_random(twin_random(8) ? 30 : 300), align = twin_random(6) ? 1 : 4, got[2];
    for (unsigned k = 0; k < 2 && *head == MR_POOL_NONE; k++)
        got[k] = mr_pool_take(&twins[k], units, align, 1, NULL);
    if (*head == MR_POOL_NONE) {
        cr_assert_eq(got[0], got[1]);
        *head = got[0];
    } else if (twin_random(4) == 0) {
        for (unsigned k = 0; k < 2; k++)
            got[k] = mr_pool_resize(&twins[k], *head, units, 0, NULL);
        cr_assert_eq(got[0], got[1]);
    } else {
        for (unsigned k = 0; k < 2; k++)
            got[k] = mr_pool_give(&twins[k], *head, 0);
        cr_assert_eq(got[0], got[1]);
        *head = MR_POOL_NONE;
    }
}

Test(fit_segregated, without_stamps_all_is_as_with_them)
{
    static struct mr_span nodes[2][TWIN_UNITS];
    for (uint32_t min_units = 1; min_units <= 3; min_units++) {
        struct mr_pool twins[2];
        uint32_t heads[TWINS];
        twin_state = min_units;
        for (unsigned i = 0; i < TWINS; i++)
            heads[i] = MR_POOL_NONE;
        for (unsigned k = 0; k < 2; k++)
            mr_pool_init(&twins[k], MR_FIT_SEGREGATED, nodes[k], sizeof nodes[k][0], min_units, 1);
        mr_pool_forget_stamps(&twins[1]);
        for (unsigned k = 0; k < 2; k++)
            mr_pool_grow(&twins[k], TWIN_UNITS, 0);
        for (unsigned i = 0; i < 30000; i++) {
            twin_step(twins, &heads[twin_random(TWINS)]);
            cr_assert_eq(twins[0].free_units, twins[1].free_units);
            cr_assert_eq(twins[0].free_spans, twins[1].free_spans);
            if (i % 500 == 0)
                cr_assert_null(mr_pool_check(&twins[1]), "%s", mr_pool_check(&twins[1]));
        }
    }
}
