#include "misuse.h"

static void bad(void)
{
    char *p = HIDE((char *)malloc(100));
    free(p);
    p[10] = 'A';
    for (int i = 0; i < 300; i++)
        free(HIDE(malloc(100000)));
}

static void good(void)
{
    char *p = HIDE((char *)malloc(100));
    p[10] = 'A';
    free(p);
    for (int i = 0; i < 300; i++)
        free(HIDE(malloc(100000)));
}

TWINS(bad, good)
