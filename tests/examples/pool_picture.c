/* pool_picture.c: what fragmentation looks like: statistics, a picture, and the patterns 0xCC and 0xDD.
 *
 * Teaches: freeing every other block leaves half of the memory free and none of it in one piece. MEMOIR_POOL_FILL
 * makes memory that was never written, or is used after free, visible at once. */
#include <stdio.h>

#include <memoir/pool.h>

static void show(struct memoir_pool *pool)
{
    struct memoir_pool_picture picture = { .width = 72, .rows = 4 };
    char text[4096];
    memoir_pool_draw(pool, &picture, text, sizeof text);
    puts(text);
}

int main(void)
{
    struct memoir_pool_options options = { .fit = MEMOIR_FIT_FIRST, .flags = MEMOIR_POOL_FILL, .name = "checkered" };
    struct memoir_pool *pool = memoir_pool_create(1 << 16, &options);
    void *blocks[64];
    if (!pool)
        return 1;
    for (int i = 0; i < 64; i++)
        blocks[i] = memoir_pool_alloc(pool, 900);
    printf("a new block holds 0x%X\n", *(unsigned char *)blocks[1]);
    show(pool);
    for (int i = 0; i < 64; i += 2)
        memoir_pool_free(pool, blocks[i]);
    printf("a freed one held 0x%X\n", *(unsigned char *)blocks[0]); /* never do this: it is what the pattern shows */
    show(pool);
    struct memoir_pool_stats stats;
    memoir_pool_stats(pool, &stats);
    for (int i = 1; i < 64; i += 2)
        memoir_pool_free(pool, blocks[i]);
    return stats.fragmentation > 80 && memoir_pool_destroy(pool) == 0 ? 0 : 1;
}
