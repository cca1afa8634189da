/* Trait: a long life. `churn SECONDS`: the range of sizes changes ten times, and what is live turns over each time;
 * one JSON line with the RSS in KiB at the end of each tenth. A heap that fragments grows with the tenths. */
#include "bench.h"

#include <time.h>
#include <unistd.h>

enum { TENTHS = 10 };
static const size_t live_bytes = 64 * MIB;

static long rss_kib(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%*d %ld", &pages) != 1)
        fail("cannot read /proc/self/statm");
    fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* One replacement of a random block, keeping about live_bytes alive: sizes shift, the number of slots follows. */
static void replace(struct slot *slots, size_t n, size_t low, size_t high, uint64_t *rng)
{
    struct slot *s = &slots[rng_range(rng, 0, n - 1)];
    slot_clear(s);
    slot_fill(s, rng_range(rng, low, high), 1);
    memset(s->block, 1, s->size);
}

static void one_tenth(struct slot *slots, size_t most, unsigned tenth, double until, uint64_t *rng)
{
    static const size_t low[] = { 16, 200, 1000, 64, 8000 }, high[] = { 128, 900, 9000, 3000, 60000 };
    size_t l = low[tenth % 5], h = high[tenth % 5], n = live_bytes / ((l + h) / 2);
    n = n < most ? n : most;
    slots_clear(slots + n, most - n);
    do
        for (size_t i = 0; i < 10000; i++)
            replace(slots, n, l, h, rng);
    while (now() < until);
}

int main(int argc, char **argv)
{
    size_t most = live_bytes / 72;
    double seconds = argc > 1 ? (double)number_argument(argv[1], 1, 100000) : 10, start = now();
    struct slot *slots = must(calloc(most, sizeof *slots));
    uint64_t rng = rng_seed(16);
    printf("{\"rss\": [");
    for (unsigned tenth = 0; tenth < TENTHS; tenth++) {
        one_tenth(slots, most, tenth, start + seconds * (tenth + 1) / TENTHS, &rng);
        printf("%s%ld", tenth ? ", " : "", rss_kib());
    }
    printf("]}\n");
    return 0;
}
