#include "misuse.h"

static void bad(void)
{
    char *p = HIDE((char *)malloc(1 << 20));
    free(p + 4096);
}

static void good(void)
{
    char *p = HIDE((char *)malloc(1 << 20));
    free(p);
}

TWINS(bad, good)
