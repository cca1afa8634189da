/* Trait: no allocation. A fixed amount of arithmetic and of walking through 32 MiB: what it takes longer than
 * its fastest run, the machine did to it and not an allocator. */
#include "bench.h"

enum { WORDS = 4 * 1024 * 1024 };

int main(int argc, char **argv)
{
    static uint64_t memory[WORDS];
    bench_start(argc, argv);
    uint64_t rng = rng_seed(14), sum = 0;
    for (size_t n = scaled(36000000); n > 0; n--)
        memory[rng_range(&rng, 0, WORDS - 1)] += rng;
    for (size_t i = 0; i < WORDS; i++)
        sum += memory[i];
    return bench_end(sum);
}
