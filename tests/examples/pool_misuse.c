/* pool_misuse.c: errors a pool tells apart, and a handler that goes on.
 *
 * Teaches: a double free, a pointer that is no block and a header that was written over are found when the block
 * comes back. Without a handler the program ends there with one line; with one it decides itself. */
#include <stdio.h>
#include <string.h>

#include <memoir/pool.h>

static int told;

static void handler(void *ctx, struct memoir_pool *pool, enum memoir_pool_error kind, const void *pointer,
                    const char *words)
{
    (void)ctx, (void)pool, (void)kind, (void)pointer;
    printf("%s\n", words);
    told++;
}

int main(void)
{
    struct memoir_pool_options options = { .name = "strict", .on_error = handler };
    struct memoir_pool *pool = memoir_pool_create(1 << 16, &options);
    if (!pool)
        return 1;
    char *a = memoir_pool_alloc(pool, 24), *b = memoir_pool_alloc(pool, 24);
    memoir_pool_free(pool, a);
    memoir_pool_free(pool, a);          /* again */
    memoir_pool_free(pool, b + 8);      /* the middle of a block */
    memoir_pool_free(pool, &pool);      /* not of this pool */
    char *c = memoir_pool_alloc(pool, 24);
    memset(c, 'x', 24 + 16);            /* 16 bytes too many: the header of b */
    memoir_pool_free(pool, c);
    printf("check: %s\n", memoir_pool_check(pool, NULL));
    return told == 4 ? 0 : 1;
}
