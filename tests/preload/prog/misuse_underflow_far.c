#include "misuse.h"

static void bad(void)
{
    char *p = HIDE((char *)malloc(100));
    memset(p - HIDE((size_t)16), 'A', 16);
    free(p);
}

static void good(void)
{
    char *p = HIDE((char *)malloc(100));
    memset(p, 'A', 16);
    free(p);
}

TWINS(bad, good)
