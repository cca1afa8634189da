/* slab.c: memoir/slab.h beside what people write by hand: a list threaded through the free objects, fed by chunks of
 * 64 KiB, which tests nothing and gives nothing back.
 *
 * Each job is run by both in turn, a number of rounds; printed is the median, in nanoseconds per object allocated
 * and freed, for objects of 48 bytes whose words are written as a program would:
 *   pair     one object
 *   stack    200, freed in reverse
 *   queue    100,000 live, the oldest is freed for each new one
 *   random   100,000 live, any is freed for each new one
 *   walk     the same in a linked list of all objects as they were allocated, gone through once per 100,000 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "memoir/slab.h"

enum { ROUNDS = 11, LIVE = 100000, STEPS = 1000000 };

struct object {
    struct object *next;
    uint64_t words[5];
};

/* ---- by hand --------------------------------------------------------------------------------------------- */

struct hand { struct object *list; };
static struct hand by_hand;

static void __attribute__((noinline)) more(struct hand *pool)
{
    struct object *chunk = malloc(65536);
    for (int i = 65536 / (int)sizeof *chunk; i-- > 0;) {
        chunk[i].next = pool->list;
        pool->list = &chunk[i];
    }
}

static inline struct hand *hand_pool(void) { return &by_hand; }

static inline struct object *hand_alloc(struct hand *pool)
{
    if (!pool->list)
        more(pool);
    struct object *p = pool->list;
    pool->list = p->next;
    return p;
}

static inline void hand_free(struct hand *pool, struct object *p)
{
    p->next = pool->list;
    pool->list = p;
}

/* ---- ours --------------------------------------------------------------------------------------------------- */

static struct memoir_slab *slab;

static inline struct memoir_slab *our_pool(void) { return slab; }
static inline struct object *our_alloc(struct memoir_slab *pool) { return memoir_slab_alloc(pool); }
static inline void our_free(struct memoir_slab *pool, struct object *p) { memoir_slab_free(pool, p); }

/* ---- the jobs ------------------------------------------------------------------------------------------------- */

static struct object *live[2][LIVE];
static uint32_t order[STEPS];

/* What the compiler must not see through: it would leave out a free and the alloc that undoes it. */
#define BARRIER() __asm__ volatile("" : : : "memory")

static inline struct object *use(struct object *p, uint64_t n)
{
    p->next = NULL;
    p->words[0] = p->words[4] = n;
    return p;
}

#define JOBS(type, who, set)                                               \
    static void who##_pair(void)                                           \
    {                                                                      \
        type *pool = who##_pool();                                         \
        for (int i = 0; i < STEPS; i++) {                                  \
            struct object *p = use(who##_alloc(pool), (uint64_t)i);        \
            BARRIER();                                                     \
            who##_free(pool, p);                                           \
        }                                                                  \
    }                                                                      \
    static void who##_stack(void)                                          \
    {                                                                      \
        type *pool = who##_pool();                                         \
        struct object *p[200];                                             \
        for (int i = 0; i < STEPS / 200; i++) {                            \
            for (int k = 0; k < 200; k++)                                  \
                p[k] = use(who##_alloc(pool), (uint64_t)k);                \
            BARRIER();                                                     \
            for (int k = 200; k-- > 0;)                                    \
                who##_free(pool, p[k]);                                    \
        }                                                                  \
    }                                                                      \
    static void who##_fill(void)                                           \
    {                                                                      \
        type *pool = who##_pool();                                         \
        for (int i = 0; i < LIVE; i++)                                     \
            live[set][i] = use(who##_alloc(pool), (uint64_t)i);            \
    }                                                                      \
    static void who##_queue(void)                                          \
    {                                                                      \
        type *pool = who##_pool();                                         \
        for (int i = 0; i < STEPS; i++) {                                  \
            struct object **p = &live[set][i % LIVE];                      \
            who##_free(pool, *p);                                          \
            BARRIER();                                                     \
            *p = use(who##_alloc(pool), (uint64_t)i);                      \
        }                                                                  \
    }                                                                      \
    static void who##_random(void)                                         \
    {                                                                      \
        type *pool = who##_pool();                                         \
        for (int i = 0; i < STEPS; i++) {                                  \
            struct object *p = live[set][order[i]];                        \
            live[set][order[i]] = use(who##_alloc(pool), (uint64_t)i);     \
            BARRIER();                                                     \
            who##_free(pool, p);                                           \
        }                                                                  \
    }                                                                      \
    static void who##_walk(void)                                           \
    {                                                                      \
        type *pool = who##_pool();                                         \
        for (int round = 0; round < STEPS / LIVE; round++) {               \
            struct object *head = NULL;                                    \
            for (int i = 0; i < LIVE; i++) {                               \
                struct object *p = use(who##_alloc(pool), (uint64_t)i);    \
                struct object **old = &live[set][order[round * LIVE + i]]; \
                who##_free(pool, *old);                                    \
                *old = p;                                                  \
            }                                                              \
            uint64_t sum = 0;                                              \
            for (int i = 0; i < LIVE; i++) {                               \
                live[set][i]->next = head;                                 \
                head = live[set][i];                                       \
            }                                                              \
            for (struct object *p = head; p; p = p->next)                  \
                sum += p->words[0];                                        \
            __asm__ volatile("" : : "r"(sum));                             \
        }                                                                  \
    }

JOBS(struct hand, hand, 0)
JOBS(struct memoir_slab, our, 1)

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double once(void (*job)(void))
{
    struct timespec from, to;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    job();
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    return ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) / STEPS;
}

static void compare(const char *name, void (*ours)(void), void (*hand)(void))
{
    double x[ROUNDS], y[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        x[i] = once(ours);
        y[i] = once(hand);
    }
    qsort(x, ROUNDS, sizeof *x, by_value);
    qsort(y, ROUNDS, sizeof *y, by_value);
    printf("%-8s memoir %6.2f ns   by hand %6.2f ns   %.2f\n", name, x[ROUNDS / 2], y[ROUNDS / 2],
           x[ROUNDS / 2] / y[ROUNDS / 2]);
}

int main(void)
{
    srand(1);
    for (int i = 0; i < STEPS; i++)
        order[i] = (uint32_t)rand() % LIVE;
    slab = memoir_slab_create(&(struct memoir_slab_options){ .size = sizeof(struct object) });
    compare("pair", our_pair, hand_pair);
    compare("stack", our_stack, hand_stack);
    our_fill();
    hand_fill();
    compare("queue", our_queue, hand_queue);
    compare("random", our_random, hand_random);
    compare("walk", our_walk, hand_walk);
    memoir_slab_destroy(slab);
    return 0;
}
