#include "misuse.h"

#include <new>

static void bad(void)
{
    int *p = HIDE((int *)malloc(sizeof(int)));
    delete p;
}

static void good(void)
{
    int *p = HIDE((int *)malloc(sizeof(int)));
    free(p);
}

TWINS(bad, good)
