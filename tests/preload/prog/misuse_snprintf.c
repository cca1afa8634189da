#include "misuse.h"

#include <stdio.h>

static void bad(void)
{
    char *p = HIDE((char *)malloc(10));
    snprintf(p, HIDE((size_t)40), "%d", HIDE(1234567890));
    free(p);
}

static void good(void)
{
    char *p = HIDE((char *)malloc(10));
    snprintf(p, HIDE((size_t)10), "%d", HIDE(1234567890));
    free(p);
}

TWINS(bad, good)
