#include "misuse.h"

static void bad(void)
{
    static char data[200] = "text";
    char *p = HIDE((char *)malloc(100));
    memset(p, 0, 100);
    memcpy(data, p + 50, HIDE((size_t)51));
    free(p);
}

static void good(void)
{
    static char data[200] = "text";
    char *p = HIDE((char *)malloc(100));
    memset(p, 0, 100);
    memcpy(data, p + 50, HIDE((size_t)50));
    free(p);
}

TWINS(bad, good)
