#include "emergency.h"

#include "facts.h"

enum { SLOTS = 1024 };

static const struct mr_row *row(void)
{
    static struct mr_heap_stats stats;
    memset(&stats, 0, sizeof stats);
    mr_emergency_look(&stats);
    return &stats.rows[MR_CLASS_COUNT];
}

Test(emergency, a_block_is_zero_aligned_and_large_enough)
{
    static const size_t sizes[] = { 0, 1, 100, 65536, 65537, 1000000 };
    for (size_t i = 0; i < MR_COUNT(sizes); i++) {
        char *p = mr_emergency_take(sizes[i], 16);
        cr_assert_not_null(p);
        size_t usable = mr_emergency_usable(p);
        cr_expect_geq(usable, sizes[i]);
        cr_expect_gt(usable, MR_SLAB_MAX, "it counts as a large block");
        cr_expect_eq(usable % mr_os_page, 0);
        cr_expect(is_zero(p, usable));
        memset(p, 1, usable);
        cr_expect_eq(mr_emergency_free(p), MR_FREED);
        cr_expect_not(is_readable(p));
    }
}

Test(emergency, alignments_are_kept)
{
    for (size_t align = 1; align <= MR_GIB; align *= 2) {
        void *p = mr_emergency_take(10, align);
        cr_assert_not_null(p, "align %zu", align);
        cr_expect_eq((uintptr_t)p % align, 0, "align %zu", align);
        mr_emergency_free(p);
    }
}

Test(emergency, others_blocks_are_not_ours)
{
    int here;
    char *p = mr_emergency_take(10, 16);
    cr_expect_eq(mr_emergency_free(&here), MR_NOT_OURS);
    cr_expect_eq(mr_emergency_free(p + 16), MR_NOT_OURS);
    cr_expect_eq(mr_emergency_usable(p + 16), 0);
    cr_expect_eq(mr_emergency_usable(&here), 0);
    cr_expect_eq(mr_emergency_free(p), MR_FREED);
    cr_expect_eq(mr_emergency_free(p), MR_NOT_OURS, "not twice");
    cr_expect_eq(mr_emergency_usable(p), 0);
}

Test(emergency, a_full_table_is_no_memory)
{
    static void *blocks[SLOTS];
    for (int i = 0; i < SLOTS; i++)
        cr_assert_not_null(blocks[i] = mr_emergency_take(1, 16), "block %d", i);
    cr_expect_null(mr_emergency_take(1, 16));
    cr_expect_eq(mr_emergency_free(blocks[500]), MR_FREED);
    cr_expect_not_null(mr_emergency_take(1, 16));
    cr_expect_null(mr_emergency_take(1, 16));
}

Test(emergency, a_request_that_fails_takes_no_slot)
{
    for (int i = 0; i < 2 * SLOTS; i++)
        cr_assert_null(mr_emergency_take((size_t)1 << 60, 16));
    cr_expect_null(mr_emergency_take(1, (size_t)1 << 60));
    cr_expect_not_null(mr_emergency_take(1, 16));
    cr_expect_eq(row()->allocs, 1);
}

static bool count(void *ctx, const void *block, size_t size)
{
    (void)block;
    *(size_t *)ctx += size;
    return true;
}

static bool refuse(void *ctx, const void *block, size_t size)
{
    return !count(ctx, block, size);
}

Test(emergency, counts_and_walks_add_up)
{
    void *p = mr_emergency_take(100, 16), *q = mr_emergency_take(200000, 16);
    size_t p_bytes = mr_emergency_usable(p), q_bytes = mr_emergency_usable(q), sum = 0, first = 0;
    cr_expect(mr_emergency_walk(count, &sum));
    cr_expect_eq(sum, p_bytes + q_bytes);
    cr_expect_not(mr_emergency_walk(refuse, &first));
    cr_expect_eq(first, p_bytes, "it stops when it is told");
    mr_emergency_free(p);
    cr_expect_eq(row()->allocs, 2);
    cr_expect_eq(row()->frees, 1);
    cr_expect_eq(row()->alloc_bytes, p_bytes + q_bytes);
    cr_expect_eq(row()->in_use_bytes, q_bytes);
    sum = 0;
    mr_emergency_walk(count, &sum);
    cr_expect_eq(sum, q_bytes);
}

static _Atomic int wrong;

static void *take_and_give(void *unused)
{
    (void)unused;
    for (int i = 0; i < 1000; i++) {
        char *p = mr_emergency_take(50, 16);
        wrong += !p || *p != 0 || mr_emergency_usable(p) == 0;
        *p = 1;
        wrong += mr_emergency_free(p) != MR_FREED;
    }
    return NULL;
}

Test(emergency, serves_threads_at_once, .timeout = 60)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, take_and_give, NULL), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    cr_expect_eq(wrong, 0);
    cr_expect_eq(row()->allocs, 4000);
    cr_expect_eq(row()->frees, 4000);
    cr_expect_eq(row()->in_use_bytes, 0);
}

/* The heap's own face leads to them. */
Test(emergency, the_heap_knows_its_emergency_blocks)
{
    enum mr_freed known;
    char *p = mr_emergency_take(100, 16);
    mr_heap_boot();
    fill_pattern(p, 100, 8);
    cr_expect_eq(mr_heap_usable(p, &known), mr_emergency_usable(p));
    cr_expect_eq(known, MR_FREED);
    char *q = mr_heap_realloc(p, 200000, &known);
    cr_expect_eq(known, MR_FREED);
    cr_assert_not_null(q);
    cr_expect(has_pattern(q, 100, 8));
    cr_expect_eq(mr_emergency_usable(p), 0, "the old one is gone");
    void *r = mr_emergency_take(100, 16);
    cr_expect_eq(mr_heap_free(r), MR_FREED);
    cr_expect_eq(mr_heap_free(r), MR_NOT_OURS);
}

/* They are part of the heap's figures and blocks, or the report would not add up. */
Test(emergency, the_heaps_figures_count_them)
{
    size_t sum = 0;
    void *p = mr_heap_malloc(100), *q = mr_emergency_take(100, 16);
    cr_expect_eq(look()->totals.in_use_blocks, 2);
    cr_expect_eq(look()->totals.in_use_bytes, 112 + mr_emergency_usable(q));
    cr_expect(mr_heap_walk(count, &sum, 1000));
    cr_expect_eq(sum, 112 + mr_emergency_usable(q));
    mr_heap_free(p);
    mr_heap_free(q);
}
