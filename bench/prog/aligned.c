/* Trait: aligned blocks, 32 bytes to 4 KiB of alignment, among ordinary ones, in a steady state. */
#include "bench.h"

enum { LIVE = 5000 };

static void fill_aligned(struct slot *s, size_t align, size_t size, uint64_t value)
{
    void *p = NULL;
    if (posix_memalign(&p, align, size) || (uintptr_t)p % align)
        fail("posix_memalign: no block, or one that is not aligned");
    *s = (struct slot){ stamped(p, size, value), size };
}

int main(int argc, char **argv)
{
    static struct slot slots[LIVE];
    bench_start(argc, argv);
    uint64_t rng = rng_seed(12), sum = 0;
    for (size_t n = scaled(12000000); n > 0; n--) {
        struct slot *s = &slots[rng_range(&rng, 0, LIVE - 1)];
        size_t size = rng_size(&rng, 7);
        sum += slot_clear(s);
        if (n % 4 == 0)
            slot_fill(s, size, n);
        else
            fill_aligned(s, (size_t)32 << __builtin_ctz((unsigned)rng_range(&rng, 1, 127) | 128), size, n);
    }
    return bench_end(sum + slots_clear(slots, LIVE));
}
