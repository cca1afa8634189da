/* Bins by hand: the heap is entered, so the fast paths are out of the way and the heap is ours. */
#include "facts.h"
#include "peak.h"

static struct mr_heap *heap;

static void enter(void)
{
    mr_conf.purge_delay = 3600000;
    heap = mr_heaps_enter();
    cr_assert_not_null(heap);
}

static void leave(void)
{
    mr_heaps_leave(heap);
    EXPECT_SOUND();
}

TestSuite(bin, .init = enter, .fini = leave, .timeout = 60);

static void *take(unsigned cls) { return mr_bin_take(heap, cls, NULL); }
static void give(void *p) { mr_bin_free(heap, head_of(p), p); }
static uint32_t blocks_of(unsigned cls) { return mr_sizeclass_blocks[cls]; }

/* Takes a whole slab's blocks; returns the slab, which is current still. */
static struct mr_slab *take_slab_full(unsigned cls, void **blocks)
{
    for (uint32_t i = 0; i < blocks_of(cls); i++) {
        blocks[i] = take(cls);
        cr_assert_not_null(blocks[i]);
    }
    return head_of(blocks[0]);
}

enum { CLS = 55, PER = 8 }; /* 8 KiB: eight blocks a slab */

static struct mr_slab *take_eight(void **blocks)
{
    cr_assert_eq(blocks_of(CLS), PER);
    return take_slab_full(CLS, blocks);
}

/* ---- carving --------------------------------------------------------------------------------------- */

Test(bin, blocks_come_in_the_order_of_addresses)
{
    static const unsigned classes[] = { 0, 3, 10, 30, 47, 60, 79 };
    for (size_t c = 0; c < MR_COUNT(classes); c++) {
        unsigned cls = classes[c];
        char *first = take(cls);
        cr_expect_eq(first, mr_lookup_start(head_of(first)), "class %u", cls);
        for (uint32_t i = 1; i < blocks_of(cls); i++) {
            char *p = take(cls);
            cr_assert_eq(p, first + (size_t)i * mr_sizeclass_bytes[cls], "class %u, block %u", cls, i);
        }
    }
    cr_expect_null(mr_bin_check(heap));
}

Test(bin, no_more_is_carved_than_a_page_ahead)
{
    struct mr_slab *slab = head_of(take(0));
    cr_expect_eq(slab->ext, 4096 / 16);
    cr_expect_eq(mr_vm_resident(mr_lookup_start(slab), MR_SLICE), mr_os_page > 4096 ? mr_os_page : 4096);
    cr_expect_eq(head_of(take(CLS))->ext, 1, "one block of two pages");
}

Test(bin, a_block_said_to_be_zero_is)
{
    for (unsigned cls = 0; cls < MR_CLASS_COUNT; cls += 7) {
        bool zero;
        void *p = mr_bin_take(heap, cls, &zero);
        cr_expect(zero, "the first of a fresh slab, class %u", cls);
        cr_expect(is_zero(p, mr_sizeclass_bytes[cls]));
        memset(p, 1, mr_sizeclass_bytes[cls]);
        give(p);
        p = mr_bin_take(heap, cls, &zero);
        cr_expect_not(zero, "used before, class %u", cls);
    }
}

Test(bin, the_zero_flag_holds_in_any_order)
{
    static char *blocks[600];
    uint64_t state = 1;
    for (int i = 0; i < 20000; i++) {
        char **p = &blocks[next_random(&state) % 600];
        unsigned cls = next_random(&state) % 60;
        bool zero;
        if (*p) {
            give(*p);
            *p = NULL;
        } else {
            *p = mr_bin_take(heap, cls, &zero);
            cr_assert(!zero || is_zero(*p, mr_sizeclass_bytes[cls]), "step %d", i);
            memset(*p, 1, mr_sizeclass_bytes[cls]);
        }
    }
    cr_expect_null(mr_bin_check(heap));
}

/* ---- current, full, queued ---------------------------------------------------------------------------- */

Test(bin, a_full_slab_is_in_no_list)
{
    void *blocks[PER];
    struct mr_slab *full = take_eight(blocks);
    cr_expect_eq(heap->current[CLS], full);
    struct mr_slab *next = head_of(take(CLS));
    cr_expect_neq(next, full);
    cr_expect_eq(heap->current[CLS], next);
    cr_expect_eq(full->owner, (uintptr_t)heap | MR_OWNER_FULL);
    cr_expect_null(heap->queue[CLS].first);
    cr_expect_null(mr_bin_check(heap));
}

Test(bin, the_first_free_queues_a_full_slab)
{
    void *blocks[PER];
    struct mr_slab *full = take_eight(blocks);
    take(CLS);
    give(blocks[3]);
    cr_expect_eq(full->owner, (uintptr_t)heap);
    cr_expect(full->queued);
    cr_expect_eq(heap->queue[CLS].first, full);
    cr_expect_eq(heap->queue[CLS].last, full);
    give(blocks[5]);
    cr_expect_eq(heap->queue[CLS].first, full, "once");
    cr_expect_null(full->next);
    cr_expect_null(mr_bin_check(heap));
}

/* B is freed from before A, so B gathers blocks first and is used first. */
Test(bin, the_queue_is_first_in_first_out)
{
    void *a[PER], *b[PER], *c[PER];
    struct mr_slab *slab_a = take_eight(a), *slab_b = take_eight(b);
    take_eight(c);
    give(b[2]);
    give(a[6]);
    cr_expect_eq(heap->queue[CLS].first, slab_b);
    cr_expect_eq(heap->queue[CLS].last, slab_a);
    cr_expect_eq(take(CLS), b[2]);
    cr_expect_eq(heap->current[CLS], slab_b);
    cr_expect_not(slab_b->queued);
    cr_expect_eq(take(CLS), a[6]);
    cr_expect_eq(heap->current[CLS], slab_a);
    cr_expect_null(heap->queue[CLS].first);
    cr_expect_null(heap->queue[CLS].last);
}

Test(bin, any_slab_may_leave_the_queue)
{
    void *blocks[4][PER];
    struct mr_slab *slabs[4];
    for (int i = 0; i < 4; i++)
        slabs[i] = take_eight(blocks[i]);
    take(CLS);
    for (int i = 0; i < 4; i++)
        give(blocks[i][0]);
    static const int order[] = { 1, 3, 0, 2 }; /* from the middle, the end, the front, the last */
    for (int i = 0; i < 4; i++) {
        for (int k = 1; k < PER; k++)
            give(blocks[order[i]][k]);
        cr_expect(is_gone(slabs[order[i]]));
        cr_expect_null(mr_bin_check(heap));
    }
    cr_expect_null(heap->queue[CLS].first);
    cr_expect_null(heap->queue[CLS].last);
}

Test(bin, the_block_freed_last_is_taken_first)
{
    void *p = take(4), *q = take(4);
    give(p);
    give(q);
    cr_expect_eq(take(4), q);
    cr_expect_eq(take(4), p);
}

/* ---- kept slabs ------------------------------------------------------------------------------------------- */

Test(bin, the_only_slab_of_a_class_is_kept)
{
    void *p = take(CLS);
    struct mr_slab *slab = head_of(p);
    give(p);
    cr_expect(slab->kept);
    cr_expect_eq(heap->current[CLS], slab);
    cr_expect_not(mr_slab_is_empty(slab), "counts one too many");
    cr_expect_eq(mr_slab_in_use(slab), 0);
    for (int i = 0; i < 5; i++) {
        cr_expect_eq(take(CLS), p);
        cr_expect_eq(mr_slab_in_use(slab), 1);
        give(p);
        cr_expect_eq(mr_slab_kind(slab), MR_KIND_SLAB);
    }
    cr_expect_eq(mr_slab_allocs(slab), 6);
    cr_expect_eq(mr_slab_in_use(slab), 0);
    cr_expect_null(mr_bin_check(heap));
}

Test(bin, a_kept_slab_that_fills_is_not_kept_any_more)
{
    void *blocks[PER];
    give(take(CLS));
    struct mr_slab *slab = take_eight(blocks);
    take(CLS);
    cr_expect_not(slab->kept);
    cr_expect_eq(mr_slab_in_use(slab), PER);
    cr_expect_null(mr_bin_check(heap));
}

/* Slabs for classes that had none: enough for the kept ones to be searched until nobody unused is spared. */
static void take_of_many_classes(void (*between)(void))
{
    for (unsigned cls = 30; cls < 50; cls++) {
        take(cls);
        if (between)
            between();
    }
}

Test(bin, a_kept_slab_serves_other_classes_in_need)
{
    struct mr_slab *slab = head_of(take(10));
    give(mr_lookup_start(slab));
    take_of_many_classes(NULL);
    cr_expect_geq(slab->cls, 30);
    cr_expect_eq(slab, heap->current[slab->cls]);
    cr_expect_eq(heap->current[10], &mr_slab_none);
    cr_expect_eq(heap->classes[10].allocs, 1);
    cr_expect_eq(heap->classes[10].frees, 1);
    cr_expect_null(mr_bin_check(heap));
}

static void use_class_10(void)
{
    give(take(10));
}

Test(bin, a_kept_slab_that_is_used_now_and_then_stays)
{
    struct mr_slab *slab = head_of(take(10));
    give(mr_lookup_start(slab));
    take_of_many_classes(use_class_10);
    cr_expect_eq(heap->current[10], slab);
    cr_expect_eq(slab->cls, 10);
    cr_expect_eq(mr_slab_allocs(slab), 21);
    cr_expect_null(mr_bin_check(heap));
}

Test(bin, a_kept_slab_in_use_again_stays)
{
    void *p = take(10);
    give(p);
    cr_expect_eq(take(10), p);
    cr_expect_neq(head_of(take(20)), head_of(p));
    cr_expect_eq(head_of(p)->cls, 10);
}

Test(bin, a_kept_slab_of_another_width_goes_back)
{
    struct mr_slab *wide = head_of(take(79));
    give(mr_lookup_start(wide));
    cr_expect(wide->kept);
    take_of_many_classes(NULL);
    cr_expect_eq(heap->current[79], &mr_slab_none);
    cr_expect_eq(heap->classes[79].frees, 1);
    for (int i = 1; i < MR_WIDE_SLICES; i++)
        cr_expect_eq(mr_slab_kind(wide + i), MR_KIND_NONE);
    cr_expect_null(mr_space_check());
}

Test(bin, dropping_gives_back_what_is_empty_alone)
{
    void *p = take(10), *q = take(20);
    give(p);
    mr_bin_drop_kept(heap);
    cr_expect_eq(heap->current[10], &mr_slab_none);
    cr_expect_eq(heap->current[20], head_of(q));
    give(q);
    mr_bin_drop_kept(heap);
    cr_expect_eq(heap->kept[0] | heap->kept[1], 0);
    cr_expect_null(mr_bin_check(heap));
}

/* ---- counting -------------------------------------------------------------------------------- */

Test(bin, a_slab_that_ends_leaves_its_counts)
{
    void *a[PER], *b[PER];
    struct mr_slab *slab = take_eight(a);
    take_eight(b);
    give(a[0]);
    for (int i = 1; i < PER; i++)
        give(a[i]);
    cr_expect(is_gone(slab));
    cr_expect_eq(slab->owner, 0);
    cr_expect_eq(heap->classes[CLS].allocs, PER);
    cr_expect_eq(heap->classes[CLS].frees, PER);
    for (int i = 0; i < PER; i++)
        give(b[i]);
    mr_bin_drop_kept(heap);
    cr_expect_eq(heap->classes[CLS].allocs, 2 * PER);
    cr_expect_eq(heap->classes[CLS].frees, 2 * PER);
    cr_expect_eq(mr_peak_carved + (size_t)heap->carved, 0, "nothing is carved when nothing is held");
}

Test(bin, random_work_adds_up)
{
    static void *blocks[2000];
    static uint64_t taken[MR_CLASS_COUNT], given[MR_CLASS_COUNT];
    uint64_t state = 7;
    for (int i = 0; i < 40000; i++) {
        void **p = &blocks[next_random(&state) % MR_COUNT(blocks)];
        unsigned cls = next_random(&state) % 24 * 3;
        if (*p) {
            given[head_of(*p)->cls]++;
            give(*p);
            *p = NULL;
        } else {
            *p = take(cls);
            taken[cls]++;
        }
    }
    cr_expect_null(mr_bin_check(heap));
    const struct mr_heap_stats *stats = look();
    for (unsigned cls = 0; cls < MR_CLASS_COUNT; cls++) {
        cr_expect_eq(stats->rows[cls].allocs, taken[cls], "class %u", cls);
        cr_expect_eq(stats->rows[cls].frees, given[cls], "class %u", cls);
    }
}

Test(bin, without_memory_there_is_no_block_and_no_harm)
{
    void *p = NULL;
    bool zero = true;
    mr_conf.pool_limit = 1; /* what is committed already stays */
    while ((p = mr_bin_take(heap, 79, &zero)))
        ;
    cr_expect_not(zero);
    cr_expect_null(mr_bin_check(heap));
    cr_expect_eq(heap->current[79], &mr_slab_none);
    mr_conf.pool_limit = 0;
    cr_expect_not_null(take(79));
}

/* ---- borrowing -------------------------------------------------------------------------------------- */

enum { LARGER = 57, SMALLER = 56, FAR = 51, TINY = 39 }; /* 10, 9, 6 and 2 KiB */

static void *borrow(unsigned cls)
{
    bool zero;
    return mr_bin_borrow(heap, cls, &zero);
}

Test(bin, a_class_without_slabs_borrows_from_a_larger_one)
{
    void *lender = take(LARGER), *p = borrow(SMALLER);
    cr_expect_eq(head_of(p), head_of(lender));
    cr_expect_eq(heap->classes[SMALLER].slabs, 0);
    cr_expect_null(mr_bin_check(heap));
    give(p);
    cr_expect_eq(mr_slab_in_use(head_of(lender)), 1);
    give(lender);
}

Test(bin, a_class_with_a_slab_does_not_borrow)
{
    void *lender = take(LARGER), *own = take(SMALLER);
    cr_expect_null(borrow(SMALLER));
    give(own);
    give(lender);
}

Test(bin, what_is_borrowed_is_at_most_half_as_large_again)
{
    void *lender = take(LARGER);
    cr_expect_null(borrow(FAR));
    give(lender);
}

Test(bin, small_classes_do_not_borrow)
{
    void *lender = take(TINY + 1);
    cr_assert_eq(mr_sizeclass_bytes[TINY], 2048);
    cr_expect_null(borrow(TINY));
    give(lender);
}

Test(bin, requests_earn_a_slab)
{
    void *lender = take(LARGER), *p;
    uint32_t n = 0;
    for (; n <= mr_sizeclass_bytes[SMALLER] && (p = borrow(SMALLER)); n++)
        give(p);
    cr_expect_eq(n, mr_sizeclass_bytes[SMALLER] / 4);
    give(lender);
}

Test(bin, a_lender_that_is_full_lends_nothing)
{
    void *blocks[64];
    cr_assert_leq(blocks_of(LARGER), MR_COUNT(blocks));
    take_slab_full(LARGER, blocks);
    cr_expect_null(borrow(SMALLER));
    for (uint32_t i = 0; i < blocks_of(LARGER); i++)
        give(blocks[i]);
}
