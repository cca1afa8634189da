/* Trait: all that a thread made is freed by another after the first has ended, generation after generation. */
#include "bench.h"

enum { BLOCKS = 120000 };

static struct slot *tables[MAX_THREADS];
static size_t generation;

static size_t share(void)
{
    return BLOCKS / bench.threads + 1;
}

static uint64_t make(unsigned index)
{
    uint64_t rng = rng_seed(600 + generation * MAX_THREADS + index);
    tables[index] = must(malloc(share() * sizeof *tables[index]));
    for (size_t i = 0; i < share(); i++)
        slot_fill(&tables[index][i], rng_size(&rng, 7), i);
    return 0;
}

/* The table of the neighbour, so that with more than one thread none gets back the heap it filled. */
static uint64_t end(unsigned index)
{
    struct slot *table = tables[(index + 1) % bench.threads];
    uint64_t sum = slots_clear(table, share());
    free(table);
    return sum;
}

int main(int argc, char **argv)
{
    uint64_t sum = 0;
    bench_start(argc, argv);
    for (size_t n = scaled(80); n > 0; n--, generation++) {
        in_threads(bench.threads, make);
        sum += in_threads(bench.threads, end);
    }
    return bench_end(sum);
}
