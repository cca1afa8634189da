/* Blocks held for the next request of their size: nobody but the clock can tell. */
#include "pool_help.h"

static struct memoir_pool *large_pool(unsigned flags) { return make_pool(MEMOIR_FIT_SEGREGATED, flags, 1 << 20); }

Test(embed_quick, the_block_freed_last_is_the_next_of_its_size)
{
    struct memoir_pool *pool = large_pool(0);
    char *a = memoir_pool_alloc(pool, 100), *b = memoir_pool_alloc(pool, 100), *c = memoir_pool_alloc(pool, 100);
    memoir_pool_free(pool, a);
    memoir_pool_free(pool, b);
    cr_expect_neq(memoir_pool_alloc(pool, 300), a, "another size takes no held block");
    cr_expect_eq(memoir_pool_alloc(pool, 97), b);
    cr_expect_eq(memoir_pool_calloc(pool, 1, 112), a);
    for (unsigned i = 0; i < 112; i++)
        cr_assert_eq(a[i], 0);
    memoir_pool_free(pool, c);
    memoir_pool_free(pool, c);
    expect_told(MEMOIR_POOL_DOUBLE_FREE, c, "free already");
    cr_expect_null(memoir_pool_realloc(pool, c, 5));
    expect_told(MEMOIR_POOL_DOUBLE_FREE, c, "free already");
    cr_expect_not(memoir_pool_owns(pool, c));
    cr_expect_eq(memoir_pool_alloc(pool, 100), c);
    expect_pool_sound(pool);
    memoir_pool_destroy(pool);
}

static bool count_gap(void *ctx, const struct memoir_pool_block *b)
{
    *(unsigned *)ctx += !b->in_use;
    return true;
}

Test(embed_quick, whoever_looks_sees_gaps_that_are_merged)
{
    struct memoir_pool *pool = large_pool(0);
    void *blocks[100];
    unsigned gaps = 0;
    for (unsigned i = 0; i < 100; i++)
        blocks[i] = memoir_pool_alloc(pool, 100);
    struct memoir_pool_stats before = stats_of(pool);
    for (unsigned i = 0; i < 99; i++)
        memoir_pool_free(pool, blocks[i]);
    struct memoir_pool_stats s = stats_of(pool);
    cr_expect_eq(s.gaps, 2);
    cr_expect_eq(s.free_bytes, before.free_bytes + 99 * 128);
    cr_expect_eq(s.blocks, 1);
    cr_expect_eq(s.in_use, 100);
    cr_expect_eq(s.freed, 9900);
    memoir_pool_free(pool, blocks[99]);
    memoir_pool_walk(pool, count_gap, &gaps);
    cr_expect_eq(gaps, 1);
    cr_expect_eq(memoir_pool_destroy(pool), 0);
}

Test(embed_quick, what_is_held_is_there_for_a_request_that_finds_no_room)
{
    enum { MOST = 20000 };
    static void *blocks[MOST];
    struct memoir_pool *pool = large_pool(0);
    for (unsigned round = 0; round < 3; round++) {
        unsigned n = 0;
        while (n < MOST && (blocks[n] = memoir_pool_alloc(pool, 50)))
            n++;
        cr_assert_lt(n, MOST);
        while (n-- > 0)
            memoir_pool_free(pool, blocks[n]);
        void *whole = memoir_pool_alloc(pool, (1 << 20) - 16);
        cr_assert_not_null(whole, "round %u", round);
        memoir_pool_free(pool, whole);
    }
    expect_silent();
    cr_expect_eq(memoir_pool_destroy(pool), 0);
}

Test(embed_quick, a_pool_grows_only_when_nothing_held_will_do)
{
    struct memoir_pool_options o = options_of(MEMOIR_FIT_SEGREGATED, 0);
    o.limit = 4 << 20;
    struct memoir_pool *pool = memoir_pool_create(1 << 20, &o);
    void *blocks[1000], *large[3];
    for (unsigned i = 0; i < 3; i++)
        large[i] = memoir_pool_alloc(pool, 333000);
    unsigned n = 0;
    while (n < 1000 && stats_of(pool).free_bytes >= 128)
        blocks[n++] = memoir_pool_alloc(pool, 100);
    for (unsigned i = 0; i < n; i++)
        memoir_pool_free(pool, blocks[i]);
    void *p = memoir_pool_alloc(pool, 20000);
    cr_expect_eq(stats_of(pool).capacity, 1 << 20);
    memoir_pool_free(pool, p);
    for (unsigned i = 0; i < 3; i++)
        memoir_pool_free(pool, large[i]);
    cr_expect_eq(memoir_pool_destroy(pool), 0);
}

Test(embed_quick, realloc_grows_into_a_held_neighbour)
{
    struct memoir_pool *pool = large_pool(0);
    char *a = memoir_pool_alloc(pool, 100), *b = memoir_pool_alloc(pool, 100), *c = memoir_pool_alloc(pool, 100);
    memoir_pool_free(pool, b);
    cr_expect_eq(memoir_pool_realloc(pool, a, 200), a);
    expect_pool_sound(pool);
    memoir_pool_free(pool, a);
    memoir_pool_free(pool, c);
    cr_expect_eq(memoir_pool_destroy(pool), 0);
}

/* Each bit of the words that lead from one held block to the next. */
static void overwritten_links(unsigned flags)
{
    struct memoir_pool *pool = large_pool(flags);
    for (unsigned bit = 0; bit < 64; bit++) {
        char *a = memoir_pool_alloc(pool, 100), *wall = memoir_pool_alloc(pool, 100);
        memoir_pool_free(pool, a);
        a[-8 + (int)bit / 8] ^= (char)(1 << bit % 8);
        char *b = memoir_pool_alloc(pool, 100);
        expect_told(MEMOIR_POOL_CORRUPTED, a, "the header of the free block");
        cr_expect_neq(a, b);
        a[-8 + (int)bit / 8] ^= (char)(1 << bit % 8);
        expect_pool_sound(pool);
        memoir_pool_free(pool, b);
        memoir_pool_free(pool, wall);
        expect_silent();
    }
    cr_expect_eq(memoir_pool_destroy(pool), 0);
}

Test(embed_quick, an_overwritten_link_is_told_and_not_followed) { overwritten_links(0); }
Test(embed_quick, also_between_threads) { overwritten_links(MEMOIR_POOL_THREAD_SAFE); }

Test(embed_quick, a_protected_pool_holds_nothing)
{
    struct memoir_pool *pool = large_pool(0);
    char *a = memoir_pool_alloc(pool, 100), *b = memoir_pool_alloc(pool, 100);
    memoir_pool_free(pool, a);
    cr_expect_null(memoir_pool_protect_all(pool, MEMOIR_PROTECT_READ));
    cr_expect_eq(stats_of(pool).gaps, 2);
    expect_pool_sound(pool);
    memoir_pool_free(pool, b);
    expect_told(MEMOIR_POOL_PROTECTED, NULL, "protect_all");
    cr_expect_null(memoir_pool_protect_all(pool, MEMOIR_PROTECT_READ_WRITE));
    memoir_pool_free(pool, b);
    cr_expect_eq(memoir_pool_destroy(pool), 0);
}
