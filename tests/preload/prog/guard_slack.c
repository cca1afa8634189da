/* Writes behind a block whose size is no multiple of 16: it misses the page. The twin writes its last byte. */
#include "misuse.h"

static void bad(void)
{
    char *p = HIDE((char *)malloc(13));
    p[14] = 0x41;
    free(p);
}

static void good(void)
{
    char *p = HIDE((char *)malloc(13));
    p[12] = 0x41;
    free(p);
}

TWINS(bad, good)
