/* buddy_blocks.c: blocks that halve and join: the buddy system.
 *
 * Teaches: with MEMOIR_FIT_BUDDY every size is a power of two, and a block of 2^k bytes has one buddy, found by flipping one
 * bit of its address: splitting and joining take at most one step per power of two, however many blocks there are. The
 * price is rounding: a block just above a power of two wastes nearly half of what it takes. */
#include <stdio.h>

#include <memoir/pool.h>

static void show(struct memoir_pool *pool, const char *when)
{
    struct memoir_pool_stats stats;
    memoir_pool_stats(pool, &stats);
    printf("%-26s %2llu blocks, %llu gaps, %3u %% of what is free lies outside the largest\n", when,
           (unsigned long long)stats.blocks, (unsigned long long)stats.gaps, stats.fragmentation);
}

int main(void)
{
    struct memoir_pool_options options = { .fit = MEMOIR_FIT_BUDDY, .name = "buddies" };
    struct memoir_pool *pool = memoir_pool_create(1 << 20, &options);
    if (!pool)
        return 1;
    void *blocks[16];
    for (int i = 0; i < 16; i++)
        blocks[i] = memoir_pool_alloc(pool, 4000);
    show(pool, "16 blocks of 4000 bytes:");
    for (int i = 0; i < 16; i += 2)
        memoir_pool_free(pool, blocks[i]);
    show(pool, "every other one freed:");
    for (int i = 1; i < 16; i += 2)
        memoir_pool_free(pool, blocks[i]);
    show(pool, "all freed, all joined:");
    void *just_above = memoir_pool_alloc(pool, 8200);
    printf("a block for 8200 bytes could hold %zu\n", memoir_pool_usable_size(pool, just_above));
    memoir_pool_free(pool, just_above);
    memoir_pool_destroy(pool);
    return 0;
}
