#include "misuse.h"

static void bad(void)
{
    char *p = HIDE((char *)malloc(10));
    strncpy(p, HIDE("1"), HIDE((size_t)20));
    free(p);
}

static void good(void)
{
    char *p = HIDE((char *)malloc(10));
    strncpy(p, HIDE("1"), HIDE((size_t)10));
    free(p);
}

TWINS(bad, good)
