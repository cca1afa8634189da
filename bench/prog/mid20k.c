/* Trait: blocks around 20 KiB, 2,000 of them live, a random one replaced each time, hardly touched. */
#include "bench.h"

enum { LIVE = 2000 };

int main(int argc, char **argv)
{
    static struct slot slots[LIVE];
    bench_start(argc, argv);
    uint64_t rng = rng_seed(7), sum = 0;
    for (size_t n = scaled(6000000); n > 0; n--) {
        struct slot *s = &slots[rng_range(&rng, 0, LIVE - 1)];
        sum += slot_clear(s);
        slot_fill(s, rng_range(&rng, 8 * KIB, 32 * KIB), n);
    }
    return bench_end(sum + slots_clear(slots, LIVE));
}
