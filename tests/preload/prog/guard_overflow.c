/* Writes right behind a block whose end an inaccessible page follows; the twin writes its last byte. */
#include "misuse.h"

static void bad(void)
{
    char *p = HIDE((char *)malloc(96));
    p[96] = 1;
    free(p);
}

static void good(void)
{
    char *p = HIDE((char *)malloc(96));
    p[95] = 1;
    free(p);
}

TWINS(bad, good)
