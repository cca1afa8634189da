/* Trait: a burst of memory, freed, and then nothing. Does the memory come back, without a call by the program?
 * `idle [MiB] [threads]`; one JSON line: RSS in KiB before, at the peak, and 0, 1, 3 and 10 s after the last free.
 * Half of the burst is small blocks, half large; the threads that freed it sleep until the end. */
#include "bench.h"

#include <unistd.h>

static pthread_barrier_t made, ended, over;

static long rss_kib(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%*d %ld", &pages) != 1)
        fail("cannot read /proc/self/statm");
    fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

struct item {
    struct item *next;
};

/* Blocks of [low, high] bytes, `total` bytes together, all written. */
static struct item *burst(size_t total, size_t low, size_t high, uint64_t *rng)
{
    struct item *first = NULL;
    for (size_t sum = 0; sum < total;) {
        size_t size = rng_range(rng, low, high);
        struct item *i = must(malloc(size));
        memset(i, 1, size);
        i->next = first;
        first = i;
        sum += size;
    }
    return first;
}

static void end_burst(struct item *i)
{
    while (i) {
        struct item *next = i->next;
        free(i);
        i = next;
    }
}

static uint64_t work(unsigned index)
{
    uint64_t rng = rng_seed(800 + index);
    size_t half = bench.scale * MIB / bench.threads / 2;
    struct item *small = burst(half, 16, 2000, &rng), *large = burst(half, 20 * KIB, MIB, &rng);
    pthread_barrier_wait(&made);
    pthread_barrier_wait(&made);
    end_burst(small);
    end_burst(large);
    pthread_barrier_wait(&ended);
    pthread_barrier_wait(&over);
    return 0;
}

static void *watch(void *arg)
{
    static const unsigned after[] = { 0, 1, 3, 10 };
    long before = *(long *)arg;
    pthread_barrier_wait(&made);
    printf("{\"before\": %ld, \"peak\": %ld", before, rss_kib());
    pthread_barrier_wait(&made);
    pthread_barrier_wait(&ended);
    for (unsigned i = 0, now = 0; i < sizeof after / sizeof *after; i++) {
        for (; now < after[i]; now++)
            sleep(1);
        printf(", \"after_%u\": %ld", after[i], rss_kib());
    }
    printf("}\n");
    pthread_barrier_wait(&over);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t watcher;
    bench_start(argc, argv);
    fflush(stdout);
    long before = rss_kib();
    pthread_barrier_init(&made, NULL, bench.threads + 1);
    pthread_barrier_init(&ended, NULL, bench.threads + 1);
    pthread_barrier_init(&over, NULL, bench.threads + 1);
    thread_start(&watcher, watch, &before);
    in_threads(bench.threads, work);
    pthread_join(watcher, NULL);
    return 0;
}
