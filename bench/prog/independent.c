/* Trait: N threads with work of their own and nothing in common but the allocator. The total work is fixed. */
#include "bench.h"

enum { LIVE = 4000 };

static uint64_t work(unsigned index)
{
    struct slot *slots = must(calloc(LIVE, sizeof *slots));
    uint64_t rng = rng_seed(100 + index), sum = 0;
    for (size_t n = scaled(75000000) / bench.threads; n > 0; n--) {
        struct slot *s = &slots[rng_range(&rng, 0, LIVE - 1)];
        sum += slot_clear(s);
        slot_fill(s, rng_size(&rng, 6), n);
    }
    sum += slots_clear(slots, LIVE);
    free(slots);
    return sum;
}

int main(int argc, char **argv)
{
    bench_start(argc, argv);
    return bench_end(in_threads(bench.threads, work));
}
