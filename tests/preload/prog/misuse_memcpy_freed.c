#include "misuse.h"

static void bad(void)
{
    static char data[200] = "text";
    char *p = HIDE((char *)malloc(100));
    free(p);
    memcpy(data, p + 50, HIDE((size_t)8));
}

static void good(void)
{
    static char data[200] = "text";
    char *p = HIDE((char *)malloc(100));
    memcpy(data, p + 50, HIDE((size_t)8));
    free(p);
}

TWINS(bad, good)
