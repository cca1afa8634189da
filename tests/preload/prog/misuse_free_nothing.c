#include "misuse.h"

static void bad(void)
{
    free((void *)HIDE((uintptr_t)0x12340));
}

static void good(void)
{
    free((void *)HIDE((uintptr_t)0));
}

TWINS(bad, good)
