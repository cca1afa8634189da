/* Memory is not released after its last use. */
#include "cwe.h"

static void __attribute__((noinline)) forget(size_t n, int right)
{
    char *p = malloc(n);
    memset(p, 1, n);
    if (right)
        free(p);
}
static void forgotten_bad(void) { forget(100, 0), scrub(); }
static void forgotten_good(void) { forget(100, 1), scrub(); }

static int __attribute__((noinline)) parse(const char *text, int right)
{
    char *copy = strdup(text);
    if (strchr(copy, ';')) {
        if (right)
            free(copy);
        return -1;
    }
    free(copy);
    return 0;
}
static void early_return_bad(void) { sink = parse("a;b", 0), scrub(); }
static void early_return_good(void) { sink = parse("a;b", 1), scrub(); }

struct node { struct node *next; char *text; };
static void __attribute__((noinline)) list(int right)
{
    struct node *head = NULL;
    for (int i = 0; i < 10; i++) {
        struct node *n = malloc(sizeof *n);
        *n = (struct node){ head, strdup("an entry of the list") };
        head = n;
    }
    while (head) {
        struct node *next = head->next;
        if (right)
            free(head->text);
        free(head);
        head = next;
    }
}
static void members_bad(void) { list(0), scrub(); }
static void members_good(void) { list(1), scrub(); }

static char *held;
static void __attribute__((noinline)) assign(int right)
{
    held = malloc(64);
    if (right)
        free(held);
    held = malloc(128);
}
static void overwritten_bad(void) { assign(0), scrub(); }
static void overwritten_good(void) { assign(1), scrub(), free(held); }

static void __attribute__((noinline)) grow(int right)
{
    char *p = malloc(32), *q = realloc(p, 5000);
    memset(q, 1, 5000);
    if (right)
        free(q);
}
static void grown_bad(void) { grow(0), scrub(); }
static void grown_good(void) { grow(1), scrub(); }

SHAPES(SHAPE(forgotten), SHAPE(early_return), SHAPE(members), SHAPE(overwritten), SHAPE(grown))
