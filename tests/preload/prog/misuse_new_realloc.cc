#include "misuse.h"

#include <new>

static void bad(void)
{
    int *p = HIDE(new int[10]);
    free(realloc((void *)p, 100));
}

static void good(void)
{
    int *p = HIDE(new int[10]);
    delete[] p;
}

TWINS(bad, good)
