#include "misuse.h"

static void bad(void)
{
    char *p = HIDE((char *)calloc(10, 10));
    memset(p, 'A', HIDE((size_t)104));
    free(p);
}

static void good(void)
{
    char *p = HIDE((char *)calloc(10, 10));
    memset(p, 'A', HIDE((size_t)100));
    free(p);
}

TWINS(bad, good)
