/* Trait: a heap full of one range of sizes is thinned to a twentieth at random, then grows again with others.
 * The peak tells what the holes were good for. */
#include "bench.h"

enum { BLOCKS = 500000, PHASES = 4 };

static const size_t least[PHASES] = { 16, 200, 48, 400 }, most[PHASES] = { 128, 600, 400, 1600 };

static uint64_t grow(struct slot *s, size_t budget, size_t low, size_t high, uint64_t *rng)
{
    uint64_t made = 0;
    for (size_t i = 0; i < BLOCKS && made < budget; i++) {
        if (s[i].block)
            continue;
        size_t size = rng_range(rng, low, high);
        slot_fill(&s[i], size, i);
        made += size;
    }
    return made;
}

static uint64_t thin(struct slot *s, uint64_t *rng)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < BLOCKS; i++)
        if (rng_range(rng, 1, 20) != 1)
            sum += slot_clear(&s[i]);
    return sum;
}

int main(int argc, char **argv)
{
    static struct slot slots[BLOCKS];
    bench_start(argc, argv);
    uint64_t rng = rng_seed(10), sum = 0;
    for (size_t round = scaled(40); round > 0; round--) {
        int phase = (int)(round % PHASES);
        sum += grow(slots, 60 * MIB, least[phase], most[phase], &rng);
        sum += thin(slots, &rng);
    }
    return bench_end(sum + slots_clear(slots, BLOCKS));
}
