/* Trait: how long a single malloc or free takes while all threads allocate. Averages hide stalls.
 * `latency [scale] [threads]`; one JSON line in ns: p50, p99, p99.9 and max of either, and the least that reading the
 * clock costs, which is not subtracted. Figures are exact to 1/16, and to the step of the time stamp counter. */
#include "bench.h"

#include <time.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

enum { LIVE = 20000, STEPS = 16, BUCKETS = 64 * STEPS };

/* Counts by time: bucket = exponent and the next four bits, so that a figure is exact to 1/16. */
struct histogram {
    uint64_t count[BUCKETS];
    uint64_t max;
};
struct latencies {
    struct histogram alloc, release;
};
static struct latencies *threads_own[MAX_THREADS];

static uint64_t ticks(void)
{
#if defined(__x86_64__)
    unsigned cpu;
    uint64_t t = __rdtscp(&cpu);
    _mm_lfence();
    return t;
#else
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
#endif
}

static unsigned bucket_of(uint64_t t)
{
    if (t < STEPS)
        return (unsigned)t;
    unsigned exponent = 63 - (unsigned)__builtin_clzll(t);
    return (exponent - 3) * STEPS + (unsigned)(t >> (exponent - 4)) % STEPS;
}

static uint64_t bucket_start(unsigned b)
{
    return b < STEPS ? b : (uint64_t)(STEPS + b % STEPS) << (b / STEPS - 1);
}

static void note(struct histogram *h, uint64_t t)
{
    h->count[bucket_of(t)]++;
    if (t > h->max)
        h->max = t;
}

static void merge(struct histogram *into, const struct histogram *from)
{
    for (unsigned b = 0; b < BUCKETS; b++)
        into->count[b] += from->count[b];
    if (from->max > into->max)
        into->max = from->max;
}

/* The time that `part` of all samples did not pass. */
static uint64_t percentile(const struct histogram *h, double part)
{
    uint64_t total = 0, seen = 0;
    for (unsigned b = 0; b < BUCKETS; b++)
        total += h->count[b];
    for (unsigned b = 0; b < BUCKETS; b++) {
        seen += h->count[b];
        if ((double)seen >= part * (double)total)
            return bucket_start(b);
    }
    return h->max;
}

static uint64_t work(unsigned index)
{
    struct slot *slots = must(calloc(LIVE, sizeof *slots));
    struct latencies *own = threads_own[index];
    uint64_t rng = rng_seed(900 + index), sum = 0;
    for (size_t n = scaled(6000000) / bench.threads; n > 0; n--) {
        struct slot *s = &slots[rng_range(&rng, 0, LIVE - 1)];
        size_t size = n % 1000 ? rng_size(&rng, 9) : rng_range(&rng, 64 * KIB, MIB);
        void *old = s->block;
        uint64_t start = ticks();
        free(old);
        uint64_t freed = ticks();
        s->block = malloc(size);
        uint64_t made = ticks();
        note(&own->release, freed - start);
        note(&own->alloc, made - freed);
        s->size = size;
        sum += stamp_of(stamped(s->block, size, n), size);
    }
    sum += slots_clear(slots, LIVE);
    free(slots);
    return sum;
}

static double nanoseconds_per_tick(void)
{
    struct timespec a, b, pause = { .tv_nsec = 50000000 };
    clock_gettime(CLOCK_MONOTONIC, &a);
    uint64_t start = ticks();
    nanosleep(&pause, NULL);
    clock_gettime(CLOCK_MONOTONIC, &b);
    uint64_t end = ticks();
    return ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / (double)(end - start);
}

static double clock_cost(void)
{
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < 1000; i++) {
        uint64_t start = ticks(), t = ticks() - start;
        least = t < least ? t : least;
    }
    return (double)least;
}

static void print_one(const char *name, const struct histogram *h, double unit)
{
    printf("\"%s\": {\"p50\": %.0f, \"p99\": %.0f, \"p99.9\": %.0f, \"max\": %.0f}, ", name,
           (double)percentile(h, 0.5) * unit, (double)percentile(h, 0.99) * unit, (double)percentile(h, 0.999) * unit,
           (double)h->max * unit);
}

int main(int argc, char **argv)
{
    static struct latencies all;
    bench_start(argc, argv);
    double unit = nanoseconds_per_tick();
    for (unsigned i = 0; i < bench.threads; i++)
        threads_own[i] = must(calloc(1, sizeof *threads_own[i]));
    in_threads(bench.threads, work);
    for (unsigned i = 0; i < bench.threads; i++) {
        merge(&all.alloc, &threads_own[i]->alloc);
        merge(&all.release, &threads_own[i]->release);
        free(threads_own[i]);
    }
    printf("{");
    print_one("malloc", &all.alloc, unit);
    print_one("free", &all.release, unit);
    printf("\"clock\": %.0f}\n", clock_cost() * unit);
    return 0;
}
