/* Trait: calloc for everything, mostly small, some large; every block is read as zero and left dirty. */
#include "bench.h"

enum { LIVE = 3000 };

static uint64_t end_dirty(struct slot *s)
{
    uint64_t last = s->block ? ((unsigned char *)s->block)[s->size - 1] : 0;
    free(s->block);
    return last;
}

static uint64_t start_zeroed(struct slot *s, size_t size)
{
    unsigned char *p = must(calloc(1, size));
    uint64_t seen = 0;
    for (size_t at = 0; at < size; at += 512)
        seen += p[at] + 1u;
    seen += p[size - 1];
    memset(p, 0xa5, size < 4096 ? size : 4096);
    p[size - 1] = 0xa5;
    *s = (struct slot){ p, size };
    return seen;
}

int main(int argc, char **argv)
{
    static struct slot slots[LIVE];
    bench_start(argc, argv);
    uint64_t rng = rng_seed(11), sum = 0;
    for (size_t n = scaled(16000000); n > 0; n--) {
        struct slot *s = &slots[rng_range(&rng, 0, LIVE - 1)];
        sum += end_dirty(s);
        sum += start_zeroed(s, n % 4000 ? rng_size(&rng, 8) : rng_range(&rng, 64 * KIB, MIB));
    }
    for (size_t i = 0; i < LIVE; i++)
        sum += end_dirty(&slots[i]);
    return bench_end(sum);
}
