#include "misuse.h"

static void bad(void)
{
    char *p = HIDE((char *)malloc(10));
    strcpy(p, HIDE("0123456789"));
    free(p);
}

static void good(void)
{
    char *p = HIDE((char *)malloc(11));
    strcpy(p, HIDE("0123456789"));
    free(p);
}

TWINS(bad, good)
