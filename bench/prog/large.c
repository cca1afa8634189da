/* Trait: large blocks, 64 KiB to 32 MiB, as many of each magnitude; 24 live, used in every OS page. */
#include "bench.h"

enum { LIVE = 24 };

int main(int argc, char **argv)
{
    static struct slot slots[LIVE];
    bench_start(argc, argv);
    uint64_t rng = rng_seed(9), sum = 0;
    for (size_t n = scaled(5000); n > 0; n--) {
        struct slot *s = &slots[rng_range(&rng, 0, LIVE - 1)];
        size_t least = 64 * KIB << rng_range(&rng, 0, 8), size = rng_range(&rng, least, 2 * least);
        sum += slot_clear(s);
        void *block = must(malloc(size));
        touch(block, size);
        *s = (struct slot){ stamped(block, size, n), size };
    }
    return bench_end(sum + slots_clear(slots, LIVE));
}
