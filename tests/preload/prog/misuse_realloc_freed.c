#include "misuse.h"

static void bad(void)
{
    char *p = HIDE((char *)malloc(100));
    free(p);
    free(realloc(p, 200));
}

static void good(void)
{
    char *p = HIDE((char *)malloc(100));
    free(realloc(p, 200));
}

TWINS(bad, good)
