/* Trait: frees in an order that has nothing to do with the order of the allocations, of all blocks each time. */
#include "bench.h"

enum { BLOCKS = 200000 };

static void shuffle(struct slot *s, size_t n, uint64_t *rng)
{
    for (size_t i = n - 1; i > 0; i--) {
        size_t j = rng_range(rng, 0, i);
        struct slot other = s[j];
        s[j] = s[i];
        s[i] = other;
    }
}

int main(int argc, char **argv)
{
    static struct slot slots[BLOCKS];
    bench_start(argc, argv);
    uint64_t rng = rng_seed(3), sum = 0;
    for (size_t round = scaled(35); round > 0; round--) {
        for (size_t i = 0; i < BLOCKS; i++)
            slot_fill(&slots[i], rng_range(&rng, 16, 128), i);
        shuffle(slots, BLOCKS, &rng);
        sum += slots_clear(slots, BLOCKS);
    }
    return bench_end(sum);
}
