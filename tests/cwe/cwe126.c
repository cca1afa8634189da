/* A block is read past its end. */
#include "cwe.h"

static void index_of(size_t n, size_t at, int right)
{
    char *p = calloc(n, 1);
    sink = p[right ? n - 1 : at];
    free(p);
}
static void exact_bad(void) { index_of(128, 128, 0); }
static void exact_good(void) { index_of(128, 128, 1); }
static void one_byte_bad(void) { index_of(100, 100, 0); }
static void one_byte_good(void) { index_of(100, 100, 1); }
static void large_bad(void) { index_of(81920, 81920, 0); }
static void large_good(void) { index_of(81920, 81920, 1); }

static void loop(int right)
{
    int sum = 0, *p = calloc(40, sizeof *p);
    for (int i = 0; i < (right ? 40 : 50); i++)
        sum += p[i];
    sink = sum;
    free(p);
}
static void summing_bad(void) { loop(0); }
static void summing_good(void) { loop(1); }

static void copy(int right)
{
    char to[200], *p = calloc(100, 1);
    memcpy(to, p, right ? 100 : sizeof to);
    sink = to[3];
    free(p);
}
static void memcpy_bad(void) { copy(0); }
static void memcpy_good(void) { copy(1); }

static void text(int right)
{
    char *p = malloc(32);
    memset(p, 'a', 32);
    if (right)
        p[31] = '\0';
    sink = (int)strlen(p);
    free(p);
}
static void no_zero_bad(void) { text(0); }
static void no_zero_good(void) { text(1); }

SHAPES(SHAPE(exact), SHAPE(one_byte), SHAPE(large), SHAPE(summing), SHAPE(memcpy), SHAPE(no_zero))
