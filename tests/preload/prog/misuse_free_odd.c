#include "misuse.h"

static void bad(void)
{
    char *p = HIDE((char *)malloc(100));
    free(p + 3);
}

static void good(void)
{
    char *p = HIDE((char *)malloc(100));
    free((char *)((uintptr_t)(p + 3) & ~(uintptr_t)15));
}

TWINS(bad, good)
