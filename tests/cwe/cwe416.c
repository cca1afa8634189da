/* A block is used after it was freed. */
#include "cwe.h"

static void reading(size_t n, int right)
{
    int *p = malloc(n);
    memset(p, 1, n);
    if (right)
        sink = p[1];
    free(p);
    if (!right)
        sink = p[1];
}
static void read_bad(void) { reading(64, 0); }
static void read_good(void) { reading(64, 1); }
static void read_large_bad(void) { reading(200000, 0); }
static void read_large_good(void) { reading(200000, 1); }

static void writing(size_t n, int right)
{
    char *p = calloc(n, 1);
    if (right)
        p[n / 2] = 7;
    free(p);
    if (!right)
        p[n / 2] = 7;
}
static void write_bad(void) { writing(100, 0); }
static void write_good(void) { writing(100, 1); }

struct node { struct node *next; int value; };
static void list(int right)
{
    struct node *head = NULL;
    for (int i = 0; i < 3; i++) {
        struct node *n = malloc(sizeof *n);
        *n = (struct node){ head, i };
        head = n;
    }
    for (struct node *n = head, *next; n; n = next) {
        next = n->next;
        free(n);
        if (!right)
            next = n->next;
    }
}
static void walk_bad(void) { list(0); }
static void walk_good(void) { list(1); }

static void stale(int right)
{
    char *p = malloc(48), *q = realloc(p, 4800);
    (right ? q : p)[3] = 'x';
    free(q);
}
static void old_address_bad(void) { stale(0); }
static void old_address_good(void) { stale(1); }

static void text(int right)
{
    char *name = strdup("the name of something");
    if (right)
        sink = (int)strlen(name);
    free(name);
    if (!right)
        sink = (int)strlen(name);
}
static void string_bad(void) { text(0); }
static void string_good(void) { text(1); }

SHAPES(SHAPE(read), SHAPE(read_large), SHAPE(write), SHAPE(walk), SHAPE(old_address), SHAPE(string))
