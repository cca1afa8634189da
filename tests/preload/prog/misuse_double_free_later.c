#include "misuse.h"

static void bad(void)
{
    char *p = HIDE((char *)malloc(100));
    char *q = HIDE((char *)malloc(100));
    free(p);
    free(q);
    free(p);
}

static void good(void)
{
    char *p = HIDE((char *)malloc(100));
    char *q = HIDE((char *)malloc(100));
    free(q);
    free(p);
}

TWINS(bad, good)
