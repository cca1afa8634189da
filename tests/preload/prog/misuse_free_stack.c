#include "misuse.h"

static void bad(void)
{
    char local[100];
    free(HIDE(local) + 16);
}

static void good(void)
{
    char local[100];
    HIDE(local)[0] = 1;
}

TWINS(bad, good)
