/* Trait: the newest block dies first. Pairs, and stacks of up to 16 blocks, as a call tree leaves them. */
#include "bench.h"

int main(int argc, char **argv)
{
    bench_start(argc, argv);
    uint64_t rng = rng_seed(1), sum = 0;
    struct slot stack[16];
    for (size_t round = scaled(24000000); round > 0; round--) {
        size_t depth = rng_range(&rng, 1, round % 4 ? 1 : 16);
        for (size_t i = 0; i < depth; i++)
            slot_fill(&stack[i], rng_range(&rng, 8, 256), round);
        while (depth > 0)
            sum += slot_clear(&stack[--depth]);
    }
    return bench_end(sum);
}
