#include "misuse.h"

static void bad(void)
{
    char *p = HIDE((char *)aligned_alloc(64, 128));
    p[-1] = 'A';
    free(p);
}

static void good(void)
{
    char *p = HIDE((char *)aligned_alloc(64, 128));
    p[0] = 'A';
    free(p);
}

TWINS(bad, good)
