/* Reads behind a block, which changes nothing and no canary shows; the twin reads the block. */
#include "misuse.h"

static int sum(const char *p, size_t n)
{
    int total = 0;
    for (size_t i = 0; i < n; i++)
        total += p[i];
    return total;
}

static void bad(void)
{
    char *p = HIDE((char *)calloc(1, 32));
    HIDE(sum(p, 33));
    free(p);
}

static void good(void)
{
    char *p = HIDE((char *)calloc(1, 32));
    HIDE(sum(p, 32));
    free(p);
}

TWINS(bad, good)
