/* Trait: batches of equal blocks of which most die at once and a few stay, size after size, the few dying last. */
#include "bench.h"

enum { BATCH = 2000, KEPT = BATCH / 8, SIZES = 40 };

static uint64_t one_batch(struct slot *kept, size_t size, uint64_t value)
{
    static struct slot batch[BATCH];
    uint64_t sum = 0;
    for (size_t i = 0; i < BATCH; i++)
        slot_fill(&batch[i], size, value + i);
    for (size_t i = 0; i < BATCH; i++) {
        if (i % 8 == 0)
            kept[i / 8] = batch[i];
        else
            sum += slot_clear(&batch[i]);
    }
    return sum;
}

int main(int argc, char **argv)
{
    static struct slot kept[SIZES][KEPT];
    bench_start(argc, argv);
    uint64_t rng = rng_seed(5), sum = 0;
    for (size_t round = scaled(320); round > 0; round--) {
        for (size_t i = 0; i < SIZES; i++) {
            sum += slots_clear(kept[i], KEPT);
            sum += one_batch(kept[i], rng_range(&rng, 1, 12) * rng_range(&rng, 1, 80), round);
        }
    }
    return bench_end(sum + slots_clear(kept[0], (size_t)SIZES * KEPT));
}
