/* A block is written before its start. */
#include "cwe.h"

static void before(size_t n, long at, int right)
{
    char *p = malloc(n);
    p[right ? 0 : at] = 'x';
    free(p);
}
static void one_byte_bad(void) { before(100, -1, 0); }
static void one_byte_good(void) { before(100, -1, 1); }
static void word_bad(void) { before(64, -8, 0); }
static void word_good(void) { before(64, -8, 1); }
static void large_bad(void) { before(300000, -1, 0); }
static void large_good(void) { before(300000, -1, 1); }

static void trim(int right)
{
    char *p = strdup("     "), *end = p + strlen(p) - 1;
    while ((!right || end >= p) && *end == ' ')
        *end-- = '\0';
    if (!right)
        *end = '\0';
    free(p);
}
static void trimming_bad(void) { trim(0); }
static void trimming_good(void) { trim(1); }

static void copy(int right)
{
    char from[32] = "x", *p = malloc(64);
    memcpy(right ? p : p - 8, from, sizeof from);
    free(p);
}
static void memcpy_bad(void) { copy(0); }
static void memcpy_good(void) { copy(1); }

SHAPES(SHAPE(one_byte), SHAPE(word), SHAPE(large), SHAPE(trimming), SHAPE(memcpy))
