/* stack.c: memoir/stack.h beside obstack, which is what the C library has for this.
 *
 * Each job is run by both in turn, a number of rounds; printed is the median, in nanoseconds per block:
 *   fill     blocks of 16 to 271 bytes, 100,000 in a row, then all released
 *   frames   ten blocks, released, as a parser's or an interpreter's calls do
 *   lifo     one block, freed
 *   deep     1,000 blocks, freed one by one from the top */
#include <obstack.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "memoir/stack.h"

#define obstack_chunk_alloc malloc
#define obstack_chunk_free free

enum { ROUNDS = 15, FILL = 100000, SIZES = 4096 };

static unsigned short sizes[SIZES];
static struct obstack theirs;
static struct memoir_stack *ours;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* The block is used a little, as any would be. */
static void *touch(void *p)
{
    *(volatile char *)p = 1;
    return p;
}

static long fill_ours(void)
{
    struct memoir_stack_mark mark = memoir_stack_mark(ours);
    for (int i = 0; i < FILL; i++)
        touch(memoir_stack_alloc(ours, sizes[i % SIZES]));
    memoir_stack_release(ours, mark);
    return FILL;
}

static long fill_theirs(void)
{
    void *mark = obstack_alloc(&theirs, 1);
    for (int i = 0; i < FILL; i++)
        touch(obstack_alloc(&theirs, sizes[i % SIZES]));
    obstack_free(&theirs, mark);
    return FILL;
}

static long frames_ours(void)
{
    for (int call = 0; call < FILL; call++) {
        struct memoir_stack_mark mark = memoir_stack_mark(ours);
        for (int i = 0; i < 10; i++)
            touch(memoir_stack_alloc(ours, sizes[(call + i) % SIZES]));
        memoir_stack_release(ours, mark);
    }
    return FILL * 10L;
}

static long frames_theirs(void)
{
    for (int call = 0; call < FILL; call++) {
        void *mark = touch(obstack_alloc(&theirs, sizes[call % SIZES]));
        for (int i = 1; i < 10; i++)
            touch(obstack_alloc(&theirs, sizes[(call + i) % SIZES]));
        obstack_free(&theirs, mark);
    }
    return FILL * 10L;
}

static long lifo_ours(void)
{
    for (int i = 0; i < FILL * 10; i++)
        memoir_stack_free(ours, touch(memoir_stack_alloc(ours, sizes[i % SIZES])));
    return FILL * 10L;
}

static long lifo_theirs(void)
{
    for (int i = 0; i < FILL * 10; i++)
        obstack_free(&theirs, touch(obstack_alloc(&theirs, sizes[i % SIZES])));
    return FILL * 10L;
}

static long deep_ours(void)
{
    static void *p[1000];
    for (int round = 0; round < 500; round++) {
        for (int i = 0; i < 1000; i++)
            p[i] = touch(memoir_stack_alloc(ours, sizes[i]));
        for (int i = 1000; i-- > 0;)
            memoir_stack_free(ours, p[i]);
    }
    return 500000;
}

static long deep_theirs(void)
{
    static void *p[1000];
    for (int round = 0; round < 500; round++) {
        for (int i = 0; i < 1000; i++)
            p[i] = touch(obstack_alloc(&theirs, sizes[i]));
        for (int i = 1000; i-- > 0;)
            obstack_free(&theirs, p[i]);
    }
    return 500000;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double once(long (*job)(void))
{
    double from = now();
    long n = job();
    return (now() - from) / (double)n;
}

static void compare(const char *name, long (*a)(void), long (*b)(void))
{
    double x[ROUNDS], y[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        x[i] = once(a);
        y[i] = once(b);
    }
    qsort(x, ROUNDS, sizeof *x, by_value);
    qsort(y, ROUNDS, sizeof *y, by_value);
    printf("%-8s memoir %6.2f ns   obstack %6.2f ns   %.2f\n", name, x[ROUNDS / 2], y[ROUNDS / 2],
           x[ROUNDS / 2] / y[ROUNDS / 2]);
}

int main(void)
{
    srand(1);
    for (int i = 0; i < SIZES; i++)
        sizes[i] = (unsigned short)(16 + rand() % 256);
    obstack_init(&theirs);
    ours = memoir_stack_create(0, NULL);
    compare("fill", fill_ours, fill_theirs);
    compare("frames", frames_ours, frames_theirs);
    compare("lifo", lifo_ours, lifo_theirs);
    compare("deep", deep_ours, deep_theirs);
    memoir_stack_destroy(ours);
    return 0;
}
