#include "misuse.h"

static void bad(void)
{
    char *p = HIDE((char *)malloc(100));
    p[100] = 'A';
    free(realloc(p, 1000));
}

static void good(void)
{
    char *p = HIDE((char *)malloc(100));
    p[99] = 'A';
    free(realloc(p, 1000));
}

TWINS(bad, good)
