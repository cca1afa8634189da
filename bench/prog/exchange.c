/* Trait: threads swap blocks through a common table, so that any thread frees what any other made. */
#include "bench.h"

enum { COMMON = 4096 };

/* A block begins with its own size: who takes it from the table knows nothing else about it. */
static _Atomic(size_t *) common[COMMON];

static uint64_t end_common(size_t *block)
{
    if (!block)
        return 0;
    uint64_t sum = block[0] + block[1];
    free(block);
    return sum;
}

static uint64_t work(unsigned index)
{
    uint64_t rng = rng_seed(300 + index), sum = 0;
    for (size_t n = scaled(30000000) / bench.threads; n > 0; n--) {
        size_t size = 16 + rng_size(&rng, 6);
        size_t *block = must(malloc(size));
        block[0] = size;
        block[1] = n;
        if (n % 4 == 0)
            block = atomic_exchange_explicit(&common[rng_range(&rng, 0, COMMON - 1)], block, memory_order_acq_rel);
        sum += end_common(block);
    }
    return sum;
}

int main(int argc, char **argv)
{
    bench_start(argc, argv);
    uint64_t sum = in_threads(bench.threads, work);
    for (size_t i = 0; i < COMMON; i++)
        sum += end_common(common[i]);
    return bench_end(sum);
}
