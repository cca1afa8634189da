#include "misuse.h"

#include <malloc.h>

static void bad(void)
{
    char *p = HIDE((char *)malloc(100));
    HIDE(p)[malloc_usable_size(p)] = 1;
    free(p);
}

static void good(void)
{
    char *p = HIDE((char *)malloc(100));
    memset(p, 1, malloc_usable_size(p));
    free(p);
}

TWINS(bad, good)
