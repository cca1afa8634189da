#include "misuse.h"

static void bad(void)
{
    char *p = HIDE((char *)malloc(100));
    free(p);
    p[99] = 'A';
}

static void good(void)
{
    char *p = HIDE((char *)malloc(100));
    p[99] = 'A';
    free(p);
}

TWINS(bad, good)
