/* pools.c: memoir/pool.h beside the system's malloc, and beside TLSF where its source is at hand.
 *
 *   pools [LIVE...]    default 1000 10000 100000 1000000
 *
 * Steady state: LIVE blocks of 16 to 967 bytes (one in eight to 239), each operation frees a random one and allocates
 * another of a random size in its place. Everybody runs the same sequence in turn; printed is the least of 7 rounds in
 * nanoseconds per pair of calls. "touch" reads one random block instead: the price of the caches alone.
 *
 * TLSF (github.com/mattconte/tlsf) is no part of this repository: -DWITH_TLSF, with its tlsf.c and tlsf.h on the
 * command line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "memoir/pool.h"
#ifdef WITH_TLSF
#include "tlsf.h"
#endif

enum { ROUNDS = 7, PAIRS = 150000 };

static uint64_t state;

static uint32_t next_random(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33);
}

static size_t next_size(void)
{
    uint32_t r = next_random();
    return 16 + (r >> 3) % (r % 8 ? 224 : 952);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* ---- who takes part ------------------------------------------------------------------------------------ */

struct rival {
    const char *name;
    void *(*alloc)(size_t size);
    void (*free)(void *p);
    struct memoir_pool_options options;
};

static struct memoir_pool *pool;
static void *alloc_pool(size_t size) { return memoir_pool_alloc(pool, size); }
static void free_pool(void *p) { memoir_pool_free(pool, p); }

#ifdef WITH_TLSF
static tlsf_t tlsf;
static void *alloc_tlsf(size_t size) { return tlsf_malloc(tlsf, size); }
static void free_tlsf(void *p) { tlsf_free(tlsf, p); }
#endif

static const struct rival rivals[] = {
    { "malloc", malloc, free, { .name = NULL } },
#ifdef WITH_TLSF
    { "TLSF", alloc_tlsf, free_tlsf, { .name = NULL } },
#endif
    { "segregated", alloc_pool, free_pool, { .fit = MEMOIR_FIT_SEGREGATED } },
    { "  huge pages", alloc_pool, free_pool, { .fit = MEMOIR_FIT_SEGREGATED, .flags = MEMOIR_POOL_HUGE_PAGES } },
    { "  thread-safe", alloc_pool, free_pool, { .fit = MEMOIR_FIT_SEGREGATED, .flags = MEMOIR_POOL_THREAD_SAFE } },
    { "first", alloc_pool, free_pool, { .fit = MEMOIR_FIT_FIRST } },
    { "next", alloc_pool, free_pool, { .fit = MEMOIR_FIT_NEXT } },
    { "best", alloc_pool, free_pool, { .fit = MEMOIR_FIT_BEST } },
    { "worst", alloc_pool, free_pool, { .fit = MEMOIR_FIT_WORST } },
    { "buddy", alloc_pool, free_pool, { .fit = MEMOIR_FIT_BUDDY } },
};
enum { RIVALS = sizeof rivals / sizeof rivals[0] };

/* ---- a run ------------------------------------------------------------------------------------------------ */

static void *take(const struct rival *r)
{
    char *p = r->alloc(next_size());
    if (!p) {
        fprintf(stderr, "pools: %s has no memory left\n", r->name);
        exit(1);
    }
    *p = 1;
    return p;
}

static double pairs(const struct rival *r, void **blocks, unsigned live)
{
    double begin = now();
    for (unsigned i = 0; i < PAIRS; i++) {
        void **b = &blocks[next_random() % live];
        r->free(*b);
        *b = take(r);
    }
    return (now() - begin) / PAIRS;
}

static double touches(void **blocks, unsigned live)
{
    unsigned sum = 0;
    double begin = now();
    for (unsigned i = 0; i < PAIRS; i++) {
        sum += *(unsigned char *)blocks[(next_random() + sum % 2) % live];
        sum += (unsigned)next_size();
    }
    double took = (now() - begin) / PAIRS;
    return sum ? took : 0;
}

static void set_up(const struct rival *r, unsigned live)
{
    size_t room = (size_t)live * 1000 + (1 << 20);
    if (r->alloc == alloc_pool)
        pool = memoir_pool_create(room, &r->options);
#ifdef WITH_TLSF
    if (r->alloc == alloc_tlsf)
        tlsf = tlsf_create_with_pool(malloc(room), room);
#endif
}

static void run(const struct rival *r, unsigned live, double *pair, double *touch)
{
    void **blocks = malloc(live * sizeof *blocks);
    state = 1;
    set_up(r, live);
    for (unsigned i = 0; i < live; i++)
        blocks[i] = take(r);
    for (unsigned i = 0; i < live; i += PAIRS) /* until nothing is where it was first */
        pairs(r, blocks, live);
    *pair = *touch = 1e9;
    for (unsigned i = 0; i < ROUNDS; i++) {
        double took = pairs(r, blocks, live);
        *pair = took < *pair ? took : *pair;
        took = touches(blocks, live);
        *touch = took < *touch ? took : *touch;
    }
    for (unsigned i = 0; i < live; i++)
        r->free(blocks[i]);
    if (r->alloc == alloc_pool)
        memoir_pool_destroy(pool);
    free(blocks);
}

int main(int argc, char **argv)
{
    static const char *defaults[] = { "1000", "10000", "100000", "1000000" };
    const char **lives = argc > 1 ? (const char **)argv + 1 : defaults;
    int n = argc > 1 ? argc - 1 : 4;
    printf("%-14s%10s%12s%12s\n", "", "live", "ns/pair", "touch");
    for (int k = 0; k < n; k++)
        for (unsigned i = 0; i < RIVALS; i++) {
            double pair, touch;
            run(&rivals[i], (unsigned)atoi(lives[k]), &pair, &touch);
            printf("%-14s%10s%12.1f%12.1f\n", rivals[i].name, lives[k], pair, touch);
            fflush(stdout);
        }
    return 0;
}
