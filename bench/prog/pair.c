/* Trait: as little as possible besides malloc and free, to count the instructions of a pair: `pair MODE COUNT`. */
#include "bench.h"

static void one_live(size_t n, size_t size)
{
    while (n-- > 0) {
        char *p = malloc(size);
        *(volatile char *)p = 1;
        free(p);
    }
}

static void small(size_t n)
{
    one_live(n, 64);
}

static void page(size_t n)
{
    one_live(n, 3000);
}

static void big(size_t n)
{
    one_live(n, 200000);
}

static void batch(size_t n)
{
    enum { BATCH = 1000 };
    static void *blocks[BATCH];
    for (; n >= BATCH; n -= BATCH) {
        for (size_t i = 0; i < BATCH; i++)
            blocks[i] = malloc(48);
        for (size_t i = 0; i < BATCH; i++)
            free(blocks[i]);
    }
}

static void replace(size_t n)
{
    enum { LIVE = 4096 };
    static void *blocks[LIVE];
    uint64_t rng = rng_seed(15);
    while (n-- > 0) {
        void **at = &blocks[rng_next(&rng) % LIVE];
        free(*at);
        *at = malloc(16 + rng % 501);
    }
}

static const struct mode {
    const char *name;
    void (*run)(size_t pairs);
} modes[] = { { "small", small }, { "batch", batch }, { "replace", replace }, { "page", page }, { "big", big } };

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 3 && i < sizeof modes / sizeof *modes; i++) {
        if (strcmp(argv[1], modes[i].name) == 0) {
            modes[i].run(number_argument(argv[2], 0, SIZE_MAX));
            return 0;
        }
    }
    fail("usage: pair small|batch|replace|page|big COUNT");
}
