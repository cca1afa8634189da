/* Writes right before a block; the twin writes its first byte. */
#include "misuse.h"

static void bad(void)
{
    char *p = HIDE((char *)malloc(96));
    p[-1] = 0x41;
    free(p);
}

static void good(void)
{
    char *p = HIDE((char *)malloc(96));
    p[0] = 0x41;
    free(p);
}

TWINS(bad, good)
