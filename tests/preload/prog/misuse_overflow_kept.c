#include "misuse.h"

static char *volatile kept;

static void bad(void)
{
    char *p = kept = HIDE((char *)malloc(100));
    p[100] = 'A';
}

static void good(void)
{
    char *p = kept = HIDE((char *)malloc(100));
    p[99] = 'A';
}

TWINS(bad, good)
