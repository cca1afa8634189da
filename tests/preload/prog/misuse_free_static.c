#include "misuse.h"

static void bad(void)
{
    static char data[100];
    free(HIDE(data) + 16);
}

static void good(void)
{
    static char data[100];
    HIDE(data)[0] = 1;
}

TWINS(bad, good)
