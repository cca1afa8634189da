/* pool_leaks.c: the life of a pool: create, allocate, free, destroy, and what was forgotten.
 *
 * Teaches: a pool is one piece of memory that ends as a whole. With MEMOIR_POOL_TAGS it remembers which line asked for
 * a block, and memoir_pool_destroy lists what was not freed: a leak check that costs nothing to set up. */
#include <stdio.h>
#include <string.h>

#include <memoir/pool.h>

int main(void)
{
    struct memoir_pool_options options = { .name = "names", .flags = MEMOIR_POOL_TAGS };
    struct memoir_pool *pool = memoir_pool_create(1 << 16, &options);
    if (!pool)
        return 1;
    char *first = MEMOIR_POOL_ALLOC(pool, 20), *second = MEMOIR_POOL_ALLOC(pool, 30);
    strcpy(first, "kept in order");
    strcpy(second, "forgotten");
    printf("%s, %s\n", first, second);
    memoir_pool_free(pool, first);
    return memoir_pool_destroy(pool) == 1 ? 0 : 1; /* one leak, told on standard error */
}
