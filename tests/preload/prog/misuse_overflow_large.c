#include "misuse.h"

static void bad(void)
{
    char *p = HIDE((char *)malloc(300000));
    p[300001] = 'A';
    free(p);
}

static void good(void)
{
    char *p = HIDE((char *)malloc(300000));
    p[299999] = 'A';
    free(p);
}

TWINS(bad, good)
