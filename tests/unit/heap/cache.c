/* The spans a heap keeps at hand. */
#include "cache.h"

#include "facts.h"

static struct mr_heap *heap;

static void enter(void)
{
    mr_conf.purge_delay = 3600000;
    heap = mr_heaps_enter();
}

static void leave(void)
{
    mr_cache_drop(heap);
    cr_expect_eq(heap->cache_room, MR_CACHE_SLICES);
    mr_heaps_leave(heap);
    EXPECT_SOUND();
}

TestSuite(cache, .init = enter, .fini = leave, .timeout = 30);

static struct mr_slab *take(uint32_t slices)
{
    bool zero;
    return mr_cache_take(heap, slices, &zero);
}

/* By the lists: sum of the slices, which with the room makes MR_CACHE_SLICES. */
static uint32_t slices_kept(void)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < MR_CACHE_SLICES; i++)
        for (struct mr_slab *head = heap->cache[i]; head; head = head->next) {
            cr_assert_eq(mr_slab_kind(head), MR_KIND_CACHED);
            cr_assert_eq(mr_slab_slices(head), i + 1);
            sum += i + 1;
        }
    cr_assert_eq(sum + heap->cache_room, MR_CACHE_SLICES);
    return sum;
}

Test(cache, what_was_given_is_taken_again)
{
    bool zero = true;
    struct mr_slab *head = take(3);
    mr_cache_give(heap, head, false);
    cr_expect_eq(slices_kept(), 3);
    cr_expect_eq(mr_cache_take(heap, 3, &zero), head);
    cr_expect_not(zero);
    cr_expect_eq(slices_kept(), 0);
}

Test(cache, the_last_given_is_the_first_taken)
{
    struct mr_slab *a = take(2), *b = take(2);
    mr_cache_give(heap, a, false);
    mr_cache_give(heap, b, false);
    cr_expect_eq(take(2), b);
    cr_expect_eq(take(2), a);
}

Test(cache, only_the_very_size_is_taken)
{
    struct mr_slab *head = take(4);
    mr_cache_give(heap, head, false);
    cr_expect_neq(take(3), head);
    cr_expect_neq(take(5), head);
    cr_expect_eq(slices_kept(), 4);
}

Test(cache, holds_so_much_and_no_more)
{
    struct mr_slab *spans[10];
    for (int i = 0; i < 10; i++)
        spans[i] = take(3);
    for (int i = 0; i < 10; i++)
        mr_cache_give(heap, spans[i], false);
    cr_expect_eq(slices_kept(), 15);
    for (int i = 5; i < 10; i++)
        cr_expect_eq(mr_slab_kind(spans[i]), MR_KIND_NONE);
    struct mr_slab *one = take(1);
    mr_cache_give(heap, one, false);
    cr_expect_eq(slices_kept(), 16);
}

Test(cache, spans_that_are_too_long_or_clean_go_to_the_space)
{
    struct mr_slab *head = take(MR_CACHE_SLICES + 1), *clean = take(1);
    mr_cache_give(heap, head, false);
    mr_cache_give(heap, clean, true);
    cr_expect_eq(slices_kept(), 0);
    cr_expect_eq(mr_slab_kind(head), MR_KIND_NONE);
    head = take(MR_CACHE_SLICES);
    mr_cache_give(heap, head, false);
    cr_expect_eq(slices_kept(), MR_CACHE_SLICES);
}

/* Free memory for the figures, and for whoever frees a block that lies there. */
Test(cache, what_it_keeps_counts_as_dirty_and_is_no_block)
{
    struct mr_slab *head = take(2);
    char *start = mr_lookup_start(head);
    uint64_t before = look()->totals.dirty_bytes;
    mr_cache_give(heap, head, false);
    cr_expect_eq(look()->totals.dirty_bytes, before + 2 * MR_SLICE);
    cr_expect_eq(mr_heap_free(start), MR_NOT_A_BLOCK);
    cr_expect_eq(mr_heap_usable(start, NULL), 0);
}

Test(cache, dropping_gives_all_to_the_space)
{
    uint64_t free_before = mr_regions[0].pool.free_units;
    for (uint32_t slices = 1; slices <= 5; slices++)
        mr_cache_give(heap, take(slices), false);
    cr_expect_eq(slices_kept(), 15);
    mr_cache_drop(heap);
    cr_expect_eq(slices_kept(), 0);
    cr_expect_eq(mr_regions[0].pool.free_units, free_before);
}

/* Its thread may never call again. */
Test(cache, a_purge_ahead_of_time_takes_it_along)
{
    mr_cache_follow_purge(heap);
    mr_cache_give(heap, take(3), false);
    mr_cache_follow_purge(heap);
    cr_expect_eq(slices_kept(), 3, "nothing was purged");
    mr_space_give(take(MR_CACHE_SLICES * 8), false);
    cr_expect_eq(slices_kept(), 3);
    mr_cache_follow_purge(heap);
    cr_expect_eq(slices_kept(), 0);
}

Test(cache, trying_asks_nobody_else)
{
    cr_expect_null(mr_cache_try(heap, 3));
    struct mr_slab *head = take(3);
    mr_cache_give(heap, head, false);
    cr_expect_null(mr_cache_try(heap, 2));
    cr_expect_eq(mr_cache_try(heap, 3), head);
    cr_expect_eq(slices_kept(), 0);
}

/* What one heap keeps at hand is its own memory: it comes before "there is none". */
Test(cache, what_it_keeps_is_used_before_memory_is_refused)
{
    mr_conf.pool_limit = 1;
    while (take(1))
        ;
    cr_expect_null(take(1));
    mr_conf.pool_limit = 0;
    struct mr_slab *head = take(8);
    mr_conf.pool_limit = 1;
    while (take(1))
        ;
    mr_cache_give(heap, head, false);
    cr_expect_not_null(take(1), "eight slices are free in the heap's own cache");
    mr_conf.pool_limit = 0;
}
