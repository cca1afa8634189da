#include "misuse.h"

static void bad(void)
{
    static char data[200] = "text";
    char *p = HIDE((char *)malloc(100));
    memcpy(p + 10, data, HIDE((size_t)94));
    free(p);
}

static void good(void)
{
    static char data[200] = "text";
    char *p = HIDE((char *)malloc(100));
    memcpy(p + 10, data, HIDE((size_t)90));
    free(p);
}

TWINS(bad, good)
