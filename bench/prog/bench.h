/* What the workload programs share.
 *
 * Every program does a fixed amount of work: `prog [scale] [threads] [mode]`, scale in percent of the
 * standard amount. Time is the measure, so the work depends on the arguments alone: random numbers
 * have fixed seeds and no address ever steers a branch. What the program prints on stdout is a checksum of
 * what it read back from its blocks, the same under every allocator: a difference is an allocator's bug.
 */
#ifndef BENCH_H
#define BENCH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_THREADS = 1024 };
#define KIB ((size_t)1024)
#define MIB (KIB * KIB)

struct bench {
    size_t scale;
    unsigned threads;
    const char *mode;
};
static struct bench bench = { .scale = 100, .threads = 1, .mode = "" };

static inline void fail(const char *what)
{
    fprintf(stderr, "bench: %s\n", what);
    exit(2);
}

static inline size_t number_argument(const char *text, size_t least, size_t most)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (end == text || *end || n < least || n > most)
        fail("usage: prog [scale 1..10000] [threads 1..1024] [mode]");
    return n;
}

static inline void bench_start(int argc, char **argv)
{
    if (argc > 1)
        bench.scale = number_argument(argv[1], 1, 10000);
    if (argc > 2)
        bench.threads = (unsigned)number_argument(argv[2], 1, MAX_THREADS);
    if (argc > 3)
        bench.mode = argv[3];
}

static inline int bench_end(uint64_t sum)
{
    printf("sum %016llx\n", (unsigned long long)sum);
    return 0;
}

/* The standard amount n at the scale asked for; never nothing. */
static inline size_t scaled(size_t n)
{
    size_t m = n * bench.scale / 100;
    return m ? m : 1;
}

/* xorshift64*: a period long enough, no multiplication latency to speak of, the same on every machine. */
static inline uint64_t rng_seed(uint64_t n)
{
    return (n + 1) * 0x9e3779b97f4a7c15u;
}

static inline uint64_t rng_next(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * 0x2545f4914f6cdd1du;
}

/* Uniform in [low, high], without the modulo's division. */
static inline size_t rng_range(uint64_t *state, size_t low, size_t high)
{
    return low + (size_t)(((rng_next(state) >> 32) * (high - low + 1)) >> 32);
}

/* What programs ask for: most requests tiny, a tail that halves with every doubling of the size. */
static inline size_t rng_size(uint64_t *state, unsigned doublings)
{
    uint64_t coins = rng_next(state);
    unsigned k = (unsigned)__builtin_ctzll(coins | 1ull << 63);
    size_t most = (size_t)64 << (k < doublings ? k : doublings);
    return rng_range(state, k ? most / 2 : 8, most);
}

static inline void *must(void *p)
{
    if (!p)
        fail("out of memory");
    return p;
}

/* A block carries its stamp in its first and its last bytes, as far as it is long enough for both. */
static inline void *stamped(void *block, size_t size, uint64_t value)
{
    unsigned char *p = must(block);
    p[size - 1] = (unsigned char)value;
    if (size >= 8)
        memcpy(p, &value, 8);
    else
        p[0] = (unsigned char)value;
    return p;
}

static inline uint64_t stamp_of(const void *block, size_t size)
{
    const unsigned char *p = block;
    uint64_t value = p[0];
    if (size >= 8)
        memcpy(&value, p, 8);
    return value + p[size - 1];
}

static inline void *new_block(size_t size, uint64_t value)
{
    return stamped(malloc(size), size, value);
}

static inline uint64_t end_block(void *block, size_t size)
{
    uint64_t value = stamp_of(block, size);
    free(block);
    return value;
}

/* A block and its length, for programs that keep tables of them; empty: block == NULL. */
struct slot {
    void *block;
    size_t size;
};

static inline void slot_fill(struct slot *s, size_t size, uint64_t value)
{
    *s = (struct slot){ new_block(size, value), size };
}

static inline uint64_t slot_clear(struct slot *s)
{
    uint64_t value = s->block ? end_block(s->block, s->size) : 0;
    *s = (struct slot){ 0 };
    return value;
}

static inline uint64_t slots_clear(struct slot *s, size_t n)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += slot_clear(&s[i]);
    return sum;
}

/* One byte in every 4 KiB, so that the memory is really there. */
static inline void touch(void *block, size_t size)
{
    for (size_t at = 0; at < size; at += 4096)
        ((volatile unsigned char *)block)[at] = (unsigned char)at;
}

/* `work(index)` in n threads, which it waits for; the sum of what they return. */
struct worker {
    pthread_t thread;
    uint64_t (*work)(unsigned index);
    unsigned index;
    uint64_t sum;
};

static inline void *worker_main(void *arg)
{
    struct worker *w = arg;
    w->sum = w->work(w->index);
    return NULL;
}

static inline void thread_start(pthread_t *thread, void *(*run)(void *), void *arg)
{
    if (pthread_create(thread, NULL, run, arg))
        fail("cannot create a thread");
}

static inline uint64_t in_threads(unsigned n, uint64_t (*work)(unsigned index))
{
    static struct worker workers[MAX_THREADS];
    uint64_t sum = 0;
    for (unsigned i = 0; i < n; i++) {
        workers[i] = (struct worker){ .work = work, .index = i };
        thread_start(&workers[i].thread, worker_main, &workers[i]);
    }
    for (unsigned i = 0; i < n; i++) {
        pthread_join(workers[i].thread, NULL);
        sum += workers[i].sum;
    }
    return sum;
}

#endif
