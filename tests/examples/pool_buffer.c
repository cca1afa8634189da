/* pool_buffer.c: a pool inside an array: no system call, no malloc, as on a machine that has neither.
 *
 * Teaches: memoir_pool_create_in puts everything, its own bookkeeping too, into memory of the caller's. What the
 * bookkeeping takes is known beforehand, and a full pool says so by NULL. */
#include <stdio.h>

#include <memoir/pool.h>

static char arena[16384];

int main(void)
{
    struct memoir_pool *pool = memoir_pool_create_in(arena, sizeof arena, NULL);
    if (!pool)
        return 1;
    unsigned n = 0;
    while (memoir_pool_alloc(pool, 100)) /* never freed: the array ends with the program */
        n++;
    size_t for_blocks = sizeof arena - memoir_pool_overhead(sizeof arena, NULL);
    printf("%u blocks of 100 bytes in %zu bytes\n", n, for_blocks);
    return n * (100 + 16) <= for_blocks + 128 && n > 90 ? 0 : 1;
}
