#include "misuse.h"

static void bad(void)
{
    char *p = HIDE((char *)malloc(100));
    free(p + 16);
}

static void good(void)
{
    char *p = HIDE((char *)malloc(100));
    p += 16;
    free(p - 16);
}

TWINS(bad, good)
