/* pool_fallback.c: a pool for the usual case, malloc for the rest.
 *
 * Teaches: sized for what a frame, a request or a level normally needs, a pool with MEMOIR_POOL_FALLBACK goes on when
 * that is exceeded. The statistics say how often, and memoir_pool_destroy frees those blocks too. */
#include <stdio.h>

#include <memoir/pool.h>

static bool silent(void *ctx, const struct memoir_pool_block *block)
{
    (void)ctx, (void)block;
    return true;
}

int main(void)
{
    struct memoir_pool_options options = { .flags = MEMOIR_POOL_FALLBACK, .on_leak = silent };
    struct memoir_pool *pool = memoir_pool_create(1 << 16, &options);
    if (!pool)
        return 1;
    for (int i = 0; i < 100; i++)
        if (!memoir_pool_alloc(pool, 1000))
            return 1;
    struct memoir_pool_stats stats;
    memoir_pool_stats(pool, &stats);
    printf("%d blocks of 100 came from malloc\n", (int)stats.fallback_blocks);
    return memoir_pool_destroy(pool) == 100 && stats.fallback_blocks > 30 ? 0 : 1;
}
