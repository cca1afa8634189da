#include "misuse.h"

static void bad(void)
{
    free(malloc(HIDE((size_t)-16)));
}

static void good(void)
{
    free(malloc(HIDE((size_t)16)));
}

TWINS(bad, good)
