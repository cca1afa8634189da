/* Frees a block twice. */
#include "misuse.h"

static void bad(void)
{
    char *p = HIDE((char *)malloc(96));
    free(p);
    free(HIDE(p));
}

static void good(void)
{
    free(HIDE(malloc(96)));
    free(HIDE(malloc(96)));
}

TWINS(bad, good)
