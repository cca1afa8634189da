/* Goes on using a block that has grown, in its old place; the twin uses the new one. */
#include "misuse.h"

static void bad(void)
{
    char *p = HIDE((char *)malloc(96)), *q = realloc(p, 100);
    HIDE(p)[1] = 1;
    free(q);
}

static void good(void)
{
    char *p = HIDE((char *)malloc(96)), *q = realloc(p, 100);
    HIDE(q)[1] = 1;
    free(q);
}

TWINS(bad, good)
