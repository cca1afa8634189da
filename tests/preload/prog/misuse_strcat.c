#include "misuse.h"

static void bad(void)
{
    char *p = HIDE((char *)malloc(10));
    strcpy(p, "12345");
    strcat(p, HIDE("67890"));
    free(p);
}

static void good(void)
{
    char *p = HIDE((char *)malloc(11));
    strcpy(p, "12345");
    strcat(p, HIDE("67890"));
    free(p);
}

TWINS(bad, good)
