/* Blocks from malloc, in a pool that is full. */
#include "pool_help.h"

enum { MANY = 3000 };
static unsigned char *blocks[MANY];

Test(embed_fosters, are_blocks_like_others)
{
    struct memoir_pool *pool = make_pool(MEMOIR_FIT_SEGREGATED, MEMOIR_POOL_FALLBACK | MEMOIR_POOL_FILL, 4096);
    size_t bytes = 0;
    for (unsigned i = 0; i < MANY; i++) {
        blocks[i] = memoir_pool_aligned_alloc(pool, (size_t)1 << i % 8, i % 100);
        cr_assert_not_null(blocks[i]);
        cr_assert_eq((uintptr_t)blocks[i] % (1u << i % 8), 0);
        cr_assert(i % 100 == 0 || blocks[i][i % 100 - 1] == 0xCC);
        memset(blocks[i], (int)i, i % 100);
        bytes += i % 100;
    }
    struct memoir_pool_stats s = stats_of(pool);
    cr_expect_gt(s.fallback_blocks, 2900);
    cr_expect_eq(s.blocks, MANY);
    cr_expect_eq(s.in_use, bytes);
    cr_expect_eq(s.peak, bytes);
    cr_expect_eq(s.allocated, bytes);
    cr_expect_eq(s.failures, 0);
    for (int i = MANY - 1; i > 0; i -= 2) { /* an odd order */
        cr_assert_geq(memoir_pool_usable_size(pool, blocks[i]), (size_t)i % 100);
        cr_assert(memoir_pool_owns(pool, blocks[i]));
        blocks[i] = memoir_pool_realloc(pool, blocks[i], 150);
        for (int k = 0; k < i % 100; k++)
            cr_assert_eq(blocks[i][k], (unsigned char)i);
        memoir_pool_free(pool, blocks[i]);
    }
    for (unsigned i = 0; i < MANY; i += 2)
        memoir_pool_free(pool, blocks[i]);
    s = stats_of(pool);
    cr_expect_eq(s.blocks, 0);
    cr_expect_eq(s.in_use, 0);
    cr_expect_eq(s.fallback_blocks, 0);
    cr_expect_eq(s.allocated, s.freed);
    cr_expect_eq(s.allocs, s.frees);
    expect_silent();
    expect_pool_sound(pool);
    cr_expect_eq(memoir_pool_destroy(pool), 0);
}

Test(embed_fosters, freed_twice_they_are_strangers)
{
    struct memoir_pool *pool = make_pool(MEMOIR_FIT_SEGREGATED, MEMOIR_POOL_FALLBACK, 4096);
    void *p = memoir_pool_alloc(pool, 1 << 20);
    cr_expect_null(memoir_pool_alloc(pool, SIZE_MAX / 2));
    cr_expect_eq(stats_of(pool).failures, 1);
    memoir_pool_free(pool, p);
    memoir_pool_free(pool, p);
    expect_told(MEMOIR_POOL_FOREIGN_POINTER, p, "does not lead into this pool");
    cr_expect_eq(memoir_pool_destroy(pool), 0);
}
