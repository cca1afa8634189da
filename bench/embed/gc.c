/* gc.c: memoir/gc.h on the load of GCBench (Ellis, Kovac, Boehm): binary trees made from the top down and from
 * the bottom up, at many depths, beside a tree and an array that live long. Compiled with -DBOEHM it is run by
 * the Boehm collector (-lgc), as its own version of the benchmark asks for memory.
 *
 * Prints the milliseconds it took, those of the processor, the collections, the longest pause where it is known, and
 * the most memory it had resident. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#ifdef BOEHM
#include <gc.h>
#else
#include "memoir/gc.h"
#endif

enum { STRETCH = 18, LONG = 16, ARRAY = 500000, LEAST = 4, MOST = 16 };

struct node {
    struct node *left, *right;
    int i, j;
};

#ifdef BOEHM
static const char name[] = "boehm";
static void start(void) { GC_INIT(); }
static struct node *new_node(void) { return GC_NEW(struct node); }
static void *new_array(size_t bytes) { return GC_MALLOC_ATOMIC(bytes); }
static unsigned long collections(void) { return GC_get_gc_no(); }
static double longest(void) { return 0; }
#elif defined(TYPED)
static struct memoir_gc *gc;
static const struct memoir_gc_type *type;
static const char name[] = "memoir, types";
static void start(void)
{
    gc = memoir_gc_create(NULL);
    type = memoir_gc_define(gc, &(struct memoir_gc_layout){ .size = sizeof(struct node), .pointers = 3 });
}
static struct node *new_node(void) { return memoir_gc_new(type); }
static void *new_array(size_t bytes) { return memoir_gc_alloc_leaf(gc, bytes); }
#else
static struct memoir_gc *gc;
static const char name[] = "memoir";
static void start(void) { gc = memoir_gc_create(NULL); }
static struct node *new_node(void) { return memoir_gc_alloc(gc, sizeof(struct node)); }
static void *new_array(size_t bytes) { return memoir_gc_alloc_leaf(gc, bytes); }
#endif

#ifndef BOEHM
static struct memoir_gc_stats stats(void)
{
    struct memoir_gc_stats s;
    memoir_gc_stats(gc, &s);
    return s;
}
static unsigned long collections(void) { return stats().collections; }
static double longest(void) { return (double)stats().longest_ns / 1e6; }
#endif

static void populate(int depth, struct node *node)
{
    if (depth <= 0)
        return;
    node->left = new_node();
    node->right = new_node();
    populate(depth - 1, node->left);
    populate(depth - 1, node->right);
}

static struct node *make_tree(int depth)
{
    if (depth <= 0)
        return new_node();
    struct node *left = make_tree(depth - 1), *right = make_tree(depth - 1), *node = new_node();
    node->left = left;
    node->right = right;
    return node;
}

static int tree_size(int depth) { return (1 << (depth + 1)) - 1; }

static void make_trees(int depth)
{
    int rounds = 2 * tree_size(STRETCH) / tree_size(depth);
    for (int i = 0; i < rounds; i++)
        populate(depth, new_node());
    for (int i = 0; i < rounds; i++)
        make_tree(depth);
}

static int count(const struct node *node)
{
    return node ? 1 + count(node->left) + count(node->right) : 0;
}

static double milliseconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

int main(void)
{
    double from = milliseconds(CLOCK_MONOTONIC);
    struct rusage usage;
    start();
    make_tree(STRETCH);
    struct node *lives_long = new_node();
    populate(LONG, lives_long);
    double *array = new_array(ARRAY * sizeof *array);
    for (int i = 0; i < ARRAY / 2; i++)
        array[i] = 1.0 / (i + 1);
    for (int depth = LEAST; depth <= MOST; depth += 2)
        make_trees(depth);
    if (count(lives_long) != tree_size(LONG) || array[1000] != 1.0 / 1001) {
        puts("what should have lived was lost");
        return 1;
    }
    getrusage(RUSAGE_SELF, &usage);
    printf("%-14s %7.0f ms %7.0f ms cpu %5lu collections, longest %5.1f ms, peak %6.1f MiB\n", name,
           milliseconds(CLOCK_MONOTONIC) - from, milliseconds(CLOCK_PROCESS_CPUTIME_ID), collections(), longest(),
           (double)usage.ru_maxrss / 1024);
    return 0;
}
