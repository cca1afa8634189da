/* Trait: blocks around 100 KB, 100 of them live, each used in every OS page before it dies. */
#include "bench.h"

enum { LIVE = 100 };

int main(int argc, char **argv)
{
    static struct slot slots[LIVE];
    bench_start(argc, argv);
    uint64_t rng = rng_seed(8), sum = 0;
    for (size_t n = scaled(2000000); n > 0; n--) {
        struct slot *s = &slots[rng_range(&rng, 0, LIVE - 1)];
        size_t size = rng_range(&rng, 70000, 130000);
        sum += slot_clear(s);
        void *block = must(malloc(size));
        touch(block, size);
        *s = (struct slot){ stamped(block, size, n), size };
    }
    return bench_end(sum + slots_clear(slots, LIVE));
}
