/* What is freed is not the start of its block. */
#include "cwe.h"

static void inside(size_t n, size_t by, int right)
{
    char *p = calloc(n, 1);
    free(right ? p : p + by);
}
static void byte_bad(void) { inside(100, 1, 0); }
static void byte_good(void) { inside(100, 1, 1); }
static void aligned_bad(void) { inside(200, 16, 0); }
static void aligned_good(void) { inside(200, 16, 1); }
static void large_bad(void) { inside(300000, 4096, 0); }
static void large_good(void) { inside(300000, 4096, 1); }
static void far_bad(void) { inside(3000000, 2000000, 0); }
static void far_good(void) { inside(3000000, 2000000, 1); }

static void skip(int right)
{
    char *text = strdup("   indented"), *p = text;
    while (*p == ' ')
        p++;
    free(right ? text : p);
}
static void moved_along_bad(void) { skip(0); }
static void moved_along_good(void) { skip(1); }

SHAPES(SHAPE(byte), SHAPE(aligned), SHAPE(large), SHAPE(far), SHAPE(moved_along))
