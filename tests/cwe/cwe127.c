/* A block is read before its start. */
#include "cwe.h"

static void before(size_t n, long at, int right)
{
    char *p = calloc(n, 1);
    sink = p[right ? 0 : at];
    free(p);
}
static void one_byte_bad(void) { before(100, -1, 0); }
static void one_byte_good(void) { before(100, -1, 1); }
static void word_bad(void) { before(64, -16, 0); }
static void word_good(void) { before(64, -16, 1); }
static void large_bad(void) { before(300000, -1, 0); }
static void large_good(void) { before(300000, -1, 1); }

static void search(int right)
{
    char *p = calloc(64, 1), *at = p + 63;
    while ((!right || at > p) && *at != '/' && at > p - 40)
        at--;
    sink = *at;
    free(p);
}
static void backwards_bad(void) { search(0); }
static void backwards_good(void) { search(1); }

static void copy(int right)
{
    char to[32], *p = calloc(64, 1);
    memcpy(to, right ? p : p - 8, sizeof to);
    sink = to[3];
    free(p);
}
static void memcpy_bad(void) { copy(0); }
static void memcpy_good(void) { copy(1); }

SHAPES(SHAPE(one_byte), SHAPE(word), SHAPE(large), SHAPE(backwards), SHAPE(memcpy))
