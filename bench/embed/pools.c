/* pools.c: memoir/pool.h beside the system's malloc, and beside TLSF where it is at hand.
 *
 *   pools RIVAL LIVE     prints nanoseconds per pair of calls, and per touch
 *   pools RIVAL LIVE N   only makes N pairs, for whoever counts instructions in the function pairs
 *   pools                prints the names of the rivals
 *
 * Steady state: LIVE blocks of 16 to 967 bytes (seven in eight to 239), each operation frees a random one and allocates
 * another of a random size in its place. Every rival runs the same sequence in a process of its own, which bench/embed/run
 * starts in turn; printed is the median of some rounds, in processor time. "Touch" reads one random block instead:
 * what the generator and the caches alone cost.
 *
 * TLSF (github.com/mattconte/tlsf) is no part of this repository: $TLSF is the path of a shared object of it. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "memoir/pool.h"

enum { ROUNDS = 5, PAIRS = 100000 };

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

static void *tlsf, *(*tlsf_create)(void *, size_t), *(*tlsf_alloc)(void *, size_t), (*tlsf_free)(void *, void *);
static void *alloc_tlsf(size_t size) { return tlsf_alloc(tlsf, size); }
static void free_tlsf(void *p) { tlsf_free(tlsf, p); }

static const struct rival rivals[] = {
    { "malloc", malloc, free, { .name = NULL } },
    { "TLSF", alloc_tlsf, free_tlsf, { .name = NULL } },
    { "segregated", alloc_pool, free_pool, { .fit = MEMOIR_FIT_SEGREGATED } },
    { "segregated-huge-pages", alloc_pool, free_pool, { .fit = MEMOIR_FIT_SEGREGATED, .flags = MEMOIR_POOL_HUGE_PAGES } },
    { "segregated-thread-safe", alloc_pool, free_pool, { .fit = MEMOIR_FIT_SEGREGATED, .flags = MEMOIR_POOL_THREAD_SAFE } },
    { "first", alloc_pool, free_pool, { .fit = MEMOIR_FIT_FIRST } },
    { "next", alloc_pool, free_pool, { .fit = MEMOIR_FIT_NEXT } },
    { "best", alloc_pool, free_pool, { .fit = MEMOIR_FIT_BEST } },
    { "worst", alloc_pool, free_pool, { .fit = MEMOIR_FIT_WORST } },
    { "buddy", alloc_pool, free_pool, { .fit = MEMOIR_FIT_BUDDY } },
};
enum { RIVALS = sizeof rivals / sizeof rivals[0] };

static bool load_tlsf(const char *path)
{
    void *lib = path ? dlopen(path, RTLD_NOW) : NULL;
    if (!lib) {
        fprintf(stderr, "pools: TLSF=%s is no shared object that can be loaded\n", path ? path : "");
        return false;
    }
    *(void **)&tlsf_create = dlsym(lib, "tlsf_create_with_pool");
    *(void **)&tlsf_alloc = dlsym(lib, "tlsf_malloc");
    *(void **)&tlsf_free = dlsym(lib, "tlsf_free");
    return tlsf_create && tlsf_alloc && tlsf_free;
}

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

static double __attribute__((noinline)) pairs(const struct rival *r, void **blocks, unsigned live, unsigned n)
{
    double begin = now();
    for (unsigned i = 0; i < n; i++) {
        void **b = &blocks[next_random() % live];
        r->free(*b);
        *b = take(r);
    }
    return (now() - begin) / n;
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

static bool set_up(const struct rival *r, unsigned live)
{
    size_t room = (size_t)live * 1000 + (1 << 20);
    if (r->alloc == alloc_pool)
        return (pool = memoir_pool_create(room, &r->options)) != NULL;
    return r->alloc != alloc_tlsf || (load_tlsf(getenv("TLSF")) && (tlsf = tlsf_create(malloc(room), room)));
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values)
{
    qsort(values, ROUNDS, sizeof *values, by_value);
    return values[ROUNDS / 2];
}

static void **fill(const struct rival *r, unsigned live)
{
    void **blocks = malloc(live * sizeof *blocks);
    state = 1;
    for (unsigned i = 0; i < live; i++)
        blocks[i] = take(r);
    return blocks;
}

static void run(const struct rival *r, unsigned live)
{
    void **blocks = fill(r, live);
    double pair[ROUNDS], touch[ROUNDS];
    for (unsigned i = 0; i < live; i += PAIRS) /* until nothing is where it was first */
        pairs(r, blocks, live, PAIRS);
    for (unsigned i = 0; i < ROUNDS; i++) {
        pair[i] = pairs(r, blocks, live, PAIRS);
        touch[i] = touches(blocks, live);
    }
    printf("%.2f %.2f\n", median(pair), median(touch));
}

int main(int argc, char **argv)
{
    int live = argc >= 3 ? atoi(argv[2]) : 0;
    for (unsigned i = 0; i < RIVALS; i++)
        if (live <= 0) {
            puts(rivals[i].name);
        } else if (strcmp(argv[1], rivals[i].name) == 0) {
            if (!set_up(&rivals[i], (unsigned)live))
                return 1;
            if (argc > 3)
                pairs(&rivals[i], fill(&rivals[i], (unsigned)live), (unsigned)live, (unsigned)atoi(argv[3]));
            else
                run(&rivals[i], (unsigned)live);
            return 0;
        }
    return live > 0;
}
