/* A block is freed twice. */
#include "cwe.h"

static void twice(size_t n, int right)
{
    char *p = malloc(n), *between = malloc(n);
    free(p);
    if (!right)
        free(p);
    free(between);
}
static void at_once_bad(void) { twice(40, 0); }
static void at_once_good(void) { twice(40, 1); }
static void large_bad(void) { twice(300000, 0); }
static void large_good(void) { twice(300000, 1); }

static void later(int right)
{
    char *p[20];
    for (int i = 0; i < 20; i++)
        p[i] = malloc(100);
    for (int i = 0; i < 20; i++)
        free(p[i]);
    if (!right)
        free(p[7]);
}
static void after_others_bad(void) { later(0); }
static void after_others_good(void) { later(1); }

static int fails(char *buffer, int right)
{
    if (!right)
        free(buffer);
    return -1;
}
static void error_path(int right)
{
    char *buffer = malloc(256);
    if (fails(buffer, right) < 0)
        free(buffer);
}
static void error_path_bad(void) { error_path(0); }
static void error_path_good(void) { error_path(1); }

static void resized(int right)
{
    char *p = malloc(50), *q = realloc(p, 9000);
    free(right ? q : p);
}
static void after_realloc_bad(void) { resized(0); }
static void after_realloc_good(void) { resized(1); }

SHAPES(SHAPE(at_once), SHAPE(large), SHAPE(after_others), SHAPE(error_path), SHAPE(after_realloc))
