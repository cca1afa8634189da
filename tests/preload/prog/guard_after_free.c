/* Writes to a block that is free; the twin writes before that. */
#include "misuse.h"

static void bad(void)
{
    char *p = HIDE((char *)malloc(96));
    free(p);
    HIDE(p)[10] = 1;
}

static void good(void)
{
    char *p = HIDE((char *)malloc(96));
    p[10] = 1;
    free(p);
}

TWINS(bad, good)
