/* Which pointers are blocks, and which neighbours are believed. */
#include "pool_help.h"

Test(embed_find, owns_knows_blocks_alone)
{
    struct memoir_pool *pool = make_pool(MEMOIR_FIT_SEGREGATED, 0, 1 << 16);
    struct memoir_pool *other = make_pool(MEMOIR_FIT_SEGREGATED, 0, 1 << 16);
    char *p = memoir_pool_alloc(pool, 100), *q = memoir_pool_alloc(other, 100);
    cr_expect(memoir_pool_owns(pool, p));
    cr_expect_not(memoir_pool_owns(pool, q));
    cr_expect_not(memoir_pool_owns(pool, p + 16));
    cr_expect_not(memoir_pool_owns(pool, p + 1));
    cr_expect_not(memoir_pool_owns(pool, NULL));
    cr_expect_not(memoir_pool_owns(pool, (void *)(uintptr_t)16));
    cr_expect_not(memoir_pool_owns(pool, (void *)UINTPTR_MAX));
    memoir_pool_free(pool, p);
    cr_expect_not(memoir_pool_owns(pool, p));
    expect_silent();
    memoir_pool_free(other, q);
    memoir_pool_destroy(other);
    memoir_pool_destroy(pool);
}

/* Its words would be links if it were free. */
Test(embed_find, a_neighbour_marked_free_is_not_believed)
{
    for (int fit = 0; fit < MEMOIR_FITS; fit++) {
        struct memoir_pool *pool = make_pool((enum memoir_fit)fit, 0, 1 << 20);
        char *blocks[3];
        for (unsigned i = 0; i < 3; i++)
            blocks[i] = memoir_pool_alloc(pool, 2000);
        blocks[1][-13] ^= (char)0x80;
        memoir_pool_free(pool, blocks[0]);
        memoir_pool_free(pool, blocks[2]);
        if (fit != MEMOIR_FIT_WORST && fit != MEMOIR_FIT_BUDDY) /* these place blocks apart */
            cr_expect(told.times == 2 && told.kind == MEMOIR_POOL_CORRUPTED, "fit %d", fit);
        blocks[1][-13] ^= (char)0x80;
        expect_pool_sound(pool);
        told.times = 0;
        for (unsigned i = 0; i < 3; i++)
            if (memoir_pool_owns(pool, blocks[i]))
                memoir_pool_free(pool, blocks[i]);
        expect_silent();
        cr_expect_eq(memoir_pool_destroy(pool), 0);
    }
}
