/* pool_protect.c: memory that may only be read, and code that is made at run time.
 *
 * Teaches: protection comes in OS pages. memoir_pool_alloc_pages gives a block that shares none with others;
 * memoir_pool_protect says why it refuses one that does. A just-in-time compiler writes first, and only then
 * makes its page executable. */
#include <stdio.h>
#include <string.h>

#include <memoir/pool.h>

int main(void)
{
    struct memoir_pool *pool = memoir_pool_create(1 << 16, NULL);
    if (!pool)
        return 1;
    memoir_pool_alloc(pool, 1);
    char *small = memoir_pool_alloc(pool, 100), *pages = memoir_pool_alloc_pages(pool, 4096);
    const char *why = memoir_pool_protect(pool, small, MEMOIR_PROTECT_READ);
    printf("a small block: %s\n", why);
#if defined(__x86_64__)
    static const unsigned char code[] = { 0xb8, 42, 0, 0, 0, 0xc3 }; /* mov eax, 42; ret */
    memcpy(pages, code, sizeof code);
    const char *forbidden = memoir_pool_protect(pool, pages, MEMOIR_PROTECT_READ_EXECUTE);
    int (*answer)(void) = NULL;
    memcpy(&answer, &(void *){ pages }, sizeof pages);
    printf("code in a block says %d\n", forbidden ? -1 : answer());
#endif
    memoir_pool_free(pool, pages); /* reads and writes again */
    memoir_pool_free(pool, small);
    printf("%zu block left\n", memoir_pool_destroy(pool));
    return why ? 0 : 1;
}
