#include "misuse.h"

static void bad(void)
{
    char *p = HIDE((char *)malloc(100));
    memset(p, 0, 100);
    memcpy(p, p + 8, HIDE((size_t)16));
    free(p);
}

static void good(void)
{
    char *p = HIDE((char *)malloc(100));
    memset(p, 0, 100);
    memmove(p, p + 8, HIDE((size_t)16));
    memcpy(p, p + 16, HIDE((size_t)16));
    free(p);
}

TWINS(bad, good)
