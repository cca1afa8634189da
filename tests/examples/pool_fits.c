/* pool_fits.c: six ways to choose a gap, one table.
 *
 * Teaches: the fit decides how much memory a program needs and how fast it gets it. The same random requests go to a
 * pool of each fit; best and segregated waste least, worst keeps no large gap, buddies round up. */
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <memoir/pool.h>

static const char *const names[MEMOIR_FITS] = {
    [MEMOIR_FIT_SEGREGATED] = "segregated", [MEMOIR_FIT_FIRST] = "first", [MEMOIR_FIT_NEXT] = "next",
    [MEMOIR_FIT_BEST] = "best",             [MEMOIR_FIT_WORST] = "worst", [MEMOIR_FIT_BUDDY] = "buddy",
};

enum { BLOCKS = 5000, STEPS = 200000 };
static void *blocks[BLOCKS];

static int run(enum memoir_fit fit)
{
    struct memoir_pool_options options = { .fit = fit, .limit = 64 << 20 };
    struct memoir_pool *pool = memoir_pool_create(1 << 16, &options);
    uint32_t random = 1;
    if (!pool)
        return 1;
    clock_t begin = clock();
    for (int i = 0; i < STEPS; i++) {
        random = random * 1664525u + 1013904223u;
        void **b = &blocks[(random >> 8) % BLOCKS];
        memoir_pool_free(pool, *b);
        *b = memoir_pool_alloc(pool, 16 + (random >> 20) % 1000);
    }
    double ns = (double)(clock() - begin) / CLOCKS_PER_SEC * 1e9 / STEPS;
    struct memoir_pool_stats s;
    memoir_pool_stats(pool, &s);
    printf("%-12s%8.1f ns%10zu KiB%8zu gaps%6u %%\n", names[fit], ns, (size_t)s.capacity >> 10, (size_t)s.gaps,
           s.fragmentation);
    for (int i = 0; i < BLOCKS; i++) {
        memoir_pool_free(pool, blocks[i]);
        blocks[i] = NULL;
    }
    return memoir_pool_destroy(pool) != 0;
}

int main(void)
{
    int failed = 0;
    printf("%-12s%11s%14s%13s%8s\n", "fit", "a step", "memory", "", "fragm.");
    for (int fit = 0; fit < MEMOIR_FITS; fit++)
        failed |= run((enum memoir_fit)fit);
    return failed;
}
