/* Trait: mixed sizes in a steady state. 100,000 live blocks, a random one replaced by one of another size. */
#include "bench.h"

enum { LIVE = 100000 };

int main(int argc, char **argv)
{
    static struct slot slots[LIVE];
    bench_start(argc, argv);
    uint64_t rng = rng_seed(4), sum = 0;
    for (size_t n = scaled(12000000); n > 0; n--) {
        struct slot *s = &slots[rng_range(&rng, 0, LIVE - 1)];
        sum += slot_clear(s);
        slot_fill(s, rng_size(&rng, 9), n);
    }
    return bench_end(sum + slots_clear(slots, LIVE));
}
