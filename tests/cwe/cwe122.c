/* A block is written past its end. */
#include "cwe.h"

static void by_index(size_t n, size_t at, int right)
{
    char *p = malloc(n);
    p[right ? n - 1 : at] = 'x';
    free(p);
}
static void one_byte_bad(void) { by_index(100, 100, 0); }
static void one_byte_good(void) { by_index(100, 100, 1); }
static void full_class_bad(void) { by_index(128, 128, 0); }
static void full_class_good(void) { by_index(128, 128, 1); }
static void large_bad(void) { by_index(300000, 300000, 0); }
static void large_good(void) { by_index(300000, 300000, 1); }

static void loop(int right)
{
    int *p = malloc(50 * sizeof *p);
    for (int i = 0; right ? i < 50 : i <= 50; i++)
        p[i] = i;
    free(p);
}
static void off_by_one_bad(void) { loop(0); }
static void off_by_one_good(void) { loop(1); }

static void copy(int right)
{
    const char *source = "a string that has no room for its zero";
    char *p = malloc(strlen(source) + (right ? 1 : 0));
    strcpy(p, source);
    free(p);
}
static void no_zero_bad(void) { copy(0); }
static void no_zero_good(void) { copy(1); }

static void block_copy(int right)
{
    char from[200] = "x", *p = malloc(sizeof from / 2);
    memcpy(p, from, right ? sizeof from / 2 : sizeof from);
    free(p);
}
static void memcpy_bad(void) { block_copy(0); }
static void memcpy_good(void) { block_copy(1); }

static void shrunk(int right)
{
    char *p = realloc(malloc(120), 115);
    p[right ? 114 : 117] = 'x';
    free(p);
}
static void realloc_bad(void) { shrunk(0); }
static void realloc_good(void) { shrunk(1); }

SHAPES(SHAPE(one_byte), SHAPE(full_class), SHAPE(large), SHAPE(off_by_one), SHAPE(no_zero), SHAPE(memcpy), SHAPE(realloc))
