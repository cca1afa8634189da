/* Trait: the oldest block dies first. A queue of 10,000 messages of 16 to 1024 bytes. */
#include "bench.h"

int main(int argc, char **argv)
{
    static struct slot queue[10000];
    enum { LENGTH = sizeof queue / sizeof *queue };
    bench_start(argc, argv);
    uint64_t rng = rng_seed(2), sum = 0;
    size_t at = 0;
    for (size_t n = scaled(40000000); n > 0; n--) {
        sum += slot_clear(&queue[at]);
        slot_fill(&queue[at], rng_range(&rng, 16, 1024), n);
        at = at + 1 < LENGTH ? at + 1 : 0;
    }
    return bench_end(sum + slots_clear(queue, LENGTH));
}
