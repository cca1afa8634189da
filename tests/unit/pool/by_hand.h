/* by_hand.h: one small pool in a side table, for tests that know every span of it. Criterion runs each test
 * in a process of its own, so the pool may be static. */
#ifndef TESTS_POOL_BY_HAND_H
#define TESTS_POOL_BY_HAND_H

#include <criterion/criterion.h>
#include <string.h>

#include "pool.h"

static struct mr_span table[256];
static struct mr_pool pool;

/* An empty pool. */
static inline void make_empty(enum mr_fit fit, uint32_t min_units)
{
    static uint64_t by_address[8192]; /* the table beside it */
    memset(by_address, 0, sizeof by_address);
    cr_assert_leq(mr_pool_table_bytes(fit, 1024, 1024, 2), sizeof by_address);
    mr_pool_init(&pool, fit, table, sizeof table[0], min_units, 1);
    mr_pool_set_table(&pool, by_address, 1024);
}

static inline void make(enum mr_fit fit, uint32_t units, uint32_t stamp)
{
    make_empty(fit, 1);
    mr_pool_grow(&pool, units, stamp);
}

static inline uint32_t take(uint32_t units)
{
    return mr_pool_take(&pool, units, 1, 0, NULL);
}

static inline uint32_t take_aligned(uint32_t units, uint32_t align, uint32_t offset)
{
    return mr_pool_take(&pool, units, align, offset, NULL);
}

/* A pool of free spans of these sizes (0 ends the list), kept apart by one taken unit each. */
static inline void make_free_spans(enum mr_fit fit, const uint32_t *sizes, uint32_t stamp)
{
    uint32_t heads[64], units = 0;
    unsigned n = 0;
    for (; sizes[n] != 0; n++)
        units += sizes[n] + 1;
    make(fit, units, stamp);
    for (unsigned i = 0; i < n; i++) {
        heads[i] = take(sizes[i]);
        take(1);
    }
    for (unsigned i = 0; i < n; i++)
        mr_pool_give(&pool, heads[i], stamp);
}

/* Free spans of 8, 4, 16 and 4 units; but for buddy at 0, 9, 14 and 31. */
static inline void make_holes(enum mr_fit fit)
{
    static const uint32_t sizes[] = { 8, 4, 16, 4, 0 };
    make_free_spans(fit, sizes, 0);
}

static inline void expect_sound(void)
{
    const char *why = mr_pool_check(&pool);
    cr_assert_null(why, "%s", why);
}

static inline void expect_broken(const char *words)
{
    const char *why = mr_pool_check(&pool);
    cr_assert_not_null(why, "not seen: %s", words);
    cr_expect(strstr(why, words), "\"%s\" does not say \"%s\"", why, words);
}

#endif
