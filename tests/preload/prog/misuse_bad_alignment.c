#include "misuse.h"

static void bad(void)
{
    void *p = NULL;
    if (posix_memalign(&p, HIDE((size_t)24), 100) == 0)
        free(p);
}

static void good(void)
{
    void *p = NULL;
    if (posix_memalign(&p, HIDE((size_t)32), 100) == 0)
        free(p);
}

TWINS(bad, good)
