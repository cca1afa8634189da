/* Tags: a word beside each block of a watched heap. */
#include "facts.h"

#include "conf.h"
#include "tag.h"

static struct mr_heap *heap;

static void watch(void)
{
    mr_conf.trace = MR_TRACE_FULL;
    mr_conf.purge_delay = 3600000;
    heap = mr_heaps_enter();
    cr_assert_not_null(heap);
    cr_assert_eq(mr_heap_watch, MR_WATCH_ALL);
}

static void leave(void)
{
    mr_heaps_leave(heap);
    EXPECT_SOUND();
}

TestSuite(tag, .init = watch, .fini = leave, .timeout = 60);

static void *take(size_t size, uint32_t label)
{
    bool zero;
    void *p = mr_heap_take_in(heap, size, 16, &zero, label);
    cr_assert_not_null(p);
    return p;
}

static void expect_tag(const void *p, uint32_t label, size_t size)
{
    struct mr_tag tag;
    cr_assert(mr_tag_get(p, &tag), "%p has a tag", p);
    cr_expect_eq(tag.label, label);
    cr_expect_eq(tag.size, size, "%zu, not %zu", tag.size, size);
}

Test(tag, label_and_size_of_every_class_come_back)
{
    for (uint32_t label = 0; label < MR_TAG_LABELS; label = label * 3 + 1)
        for (unsigned cls = 0; cls < MR_CLASS_COUNT; cls++) {
            size_t most = mr_sizeclass_bytes[cls], least = cls ? mr_sizeclass_bytes[cls - 1] + 1 : 0;
            void *p = take(least, label), *q = take(most, label);
            expect_tag(p, label, least);
            expect_tag(q, label, most);
            cr_assert_eq(mr_heap_free_in(heap, p), MR_FREED);
            cr_assert_eq(mr_heap_free_in(heap, q), MR_FREED);
        }
}

Test(tag, large_blocks_have_one_too)
{
    static const size_t sizes[] = { 65537, 65540, 100000, 1048576, 5000001 };
    for (size_t i = 0; i < MR_COUNT(sizes); i++) {
        char *p = take(sizes[i], 77);
        expect_tag(p, 77, sizes[i]);
        mr_tag_set(p, 78, sizes[i] - 3);
        expect_tag(p, 78, sizes[i] - 3);
        cr_assert_eq(mr_heap_free_in(heap, p), MR_FREED);
    }
}

Test(tag, no_block_lies_over_the_tags)
{
    for (unsigned cls = 0; cls < MR_CLASS_COUNT; cls++) {
        size_t size = mr_sizeclass_bytes[cls], slab = mr_sizeclass_slices(cls) * MR_SLICE;
        size_t n = mr_sizeclass_watched[cls];
        cr_expect_leq(n * (size + 4), slab, "class %u", cls);
        cr_expect_gt((n + 1) * (size + 4), slab, "class %u wastes a block", cls);
    }
}

Test(tag, a_full_slab_keeps_all_its_tags_when_its_blocks_are_written)
{
    static char *blocks[MR_SLICE / 16];
    for (unsigned cls = 0; cls < MR_CLASS_COUNT; cls += 7) {
        size_t size = mr_sizeclass_bytes[cls];
        for (uint32_t i = 0; i < mr_sizeclass_watched[cls]; i++) {
            blocks[i] = take(size, i + 1);
            memset(blocks[i], 0xff, size);
        }
        for (uint32_t i = 0; i < mr_sizeclass_watched[cls]; i++)
            expect_tag(blocks[i], i + 1, size);
        for (uint32_t i = 0; i < mr_sizeclass_watched[cls]; i++)
            cr_assert_eq(mr_heap_free_in(heap, blocks[i]), MR_FREED);
    }
}

Test(tag, freed_twice_is_no_block)
{
    void *keeper = take(100, 1), *p = take(100, 2);
    struct mr_tag tag;
    cr_expect_eq(mr_heap_free_in(heap, p), MR_FREED);
    cr_expect_not(mr_tag_get(p, &tag));
    cr_expect_eq(mr_heap_free_in(heap, p), MR_NOT_A_BLOCK);
    cr_expect_eq(mr_heap_free_in(heap, (char *)keeper + 16), MR_NOT_A_BLOCK);
    cr_expect_eq(mr_heap_free_in(heap, keeper), MR_FREED);
    cr_expect_eq(mr_heap_free_in(heap, keeper), MR_NOT_A_BLOCK);
}

Test(tag, slack_of_huge_alignments_is_cut_the_same_each_time)
{
    bool zero;
    void *p = mr_heap_take_in(heap, 10, 65536, &zero, 5);
    cr_assert_not_null(p);
    expect_tag(p, 5, 65536 - MR_TAG_SLACK_MAX);
}

Test(tag, neither_fast_path_succeeds_while_watched)
{
    void *p = take(64, 9);
    mr_heaps_leave(heap);
    cr_expect_null(mr_heap_try_malloc(64));
    cr_expect_not(mr_heap_try_free(p));
    heap = mr_heaps_enter();
    cr_expect_eq(mr_heap_free_in(heap, p), MR_FREED);
}

Test(tag, what_others_free_is_no_block_at_once)
{
    void *p = take(64, 9), *keeper = take(64, 10);
    cr_expect_eq(mr_heap_free_in(NULL, p), MR_FREED);
    cr_expect_eq(mr_heap_free_in(NULL, p), MR_NOT_A_BLOCK);
    mr_remote_drain(heap);
    expect_tag(keeper, 10, 64);
}

Test(tag, a_classic_block_has_its_tag_behind_it, .init = NULL, .fini = NULL)
{
    bool zero;
    mr_conf.trace = MR_TRACE_FULL;
    mr_conf.strategy = MR_STRATEGY_BEST_FIT;
    mr_heap_boot();
    for (size_t size = 0; size < 3000; size += 7) {
        char *p = mr_heap_malloc_rest(size);
        enum mr_freed known;
        cr_assert_not_null(p);
        cr_assert_geq(mr_heap_usable(p, &known), size);
        mr_tag_set(p, 33, size);
        memset(p, 0xff, mr_heap_usable(p, &known));
        expect_tag(p, 33, size);
        p = mr_heap_realloc(p, size + 1000, &known);
        cr_assert_not_null(p);
        struct mr_tag tag;
        cr_expect(mr_tag_get(p, &tag));
        cr_expect_eq(tag.label, 0);
        cr_expect_eq(mr_heap_free(p), MR_FREED);
    }
    (void)zero;
}
