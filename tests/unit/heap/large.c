/* Large blocks by hand, with the heap entered. */
#include "facts.h"
#include "large.h"

static struct mr_heap *heap;

static void enter(void)
{
    mr_conf.purge_delay = 3600000;
    heap = mr_heaps_enter();
}

static void leave(void)
{
    mr_heaps_leave(heap);
    EXPECT_SOUND();
}

TestSuite(large, .init = enter, .fini = leave, .timeout = 60);

static char *take(size_t size)
{
    bool zero;
    return mr_large_take(heap, size, 16, &zero);
}

static void give(void *p) { mr_large_free(heap, mr_lookup_slice(p)); }
static void *resize(void *p, size_t size) { return mr_large_resize(heap, mr_lookup_slice(p), size); }

Test(large, rows_are_powers_of_two)
{
    for (unsigned k = 0; k < 24; k++) {
        cr_expect_eq(mr_large_row((MR_SLAB_MAX << k) + 1), k);
        cr_expect_eq(mr_large_row((MR_SLAB_MAX << k) + 4096), k);
        cr_expect_eq(mr_large_row(MR_SLAB_MAX << (k + 1)), k);
    }
    cr_expect_eq(mr_large_row((size_t)1 << 62), MR_LARGE_ROWS - 1, "the last row takes the rest");
}

Test(large, a_block_is_whole_pages_on_a_slice)
{
    static const size_t sizes[] = { 1, 65537, 100000, 131072, 1000000, 1048576, 10000001 };
    for (size_t i = 0; i < MR_COUNT(sizes); i++) {
        char *p = take(sizes[i]);
        struct mr_slab *head = mr_lookup_slice(p);
        cr_expect_eq((uintptr_t)p % MR_SLICE, 0);
        cr_expect_eq(mr_slab_kind(head), MR_KIND_LARGE);
        cr_expect_eq(head->large_bytes, mr_align_up(mr_max(sizes[i], MR_SLAB_MAX + 1), mr_os_page));
        cr_expect_eq(mr_slab_slices(head), (head->large_bytes + MR_SLICE - 1) / MR_SLICE);
        memset(p, 1, head->large_bytes);
        give(p);
        cr_expect(is_gone(head));
    }
}

Test(large, blocks_are_aligned_up_to_a_gibibyte)
{
    for (size_t align = 16; align <= MR_GIB; align *= 2) {
        bool zero;
        char *p = mr_large_take(heap, 100, align, &zero);
        cr_assert_not_null(p, "align %zu", align);
        cr_expect_eq((uintptr_t)p % align, 0, "align %zu", align);
        p[99] = 1;
        give(p);
    }
}

Test(large, zero_is_said_truly)
{
    bool zero;
    char *p = mr_large_take(heap, 300000, 16, &zero);
    cr_expect(zero && is_zero(p, 300000));
    memset(p, 1, 300000);
    give(p);
    cr_expect_eq(mr_large_take(heap, 300000, 16, &zero), p);
    cr_expect_not(zero);
}

Test(large, counts_are_exact)
{
    char *p = take(100000), *q = take(200000), *r = take(5000000);
    give(q);
    cr_expect_eq(heap->large[0].allocs, 1);
    cr_expect_eq(heap->large[0].alloc_bytes, mr_align_up(100000, mr_os_page));
    cr_expect_eq(heap->large[1].allocs, 1);
    cr_expect_eq(heap->large[1].frees, 1);
    cr_expect_eq(heap->large[1].free_bytes, mr_align_up(200000, mr_os_page));
    cr_expect_eq(heap->large[6].allocs, 1);
    give(p);
    give(r);
    expect_in_use(0, 0);
}

Test(large, what_no_machine_has_is_refused)
{
    bool zero;
    cr_expect_null(mr_large_take(heap, (size_t)1 << 50, 16, &zero));
    cr_expect_null(mr_large_take(heap, 100, (size_t)1 << 50, &zero));
    char *p = take(100000);
    fill_pattern(p, 100000, 1);
    cr_expect_null(resize(p, (size_t)1 << 50));
    cr_expect_null(resize(p, (size_t)1 << 45));
    cr_expect(has_pattern(p, 100000, 1));
    expect_in_use(1, mr_align_up(100000, mr_os_page));
}

/* What a handler frees inside the space waits, and is not lost. */
Test(large, what_is_freed_later_is_freed_with_the_next)
{
    char *blocks[3] = { take(100000), take(200000), take(300000) };
    for (int i = 0; i < 3; i++)
        mr_large_free_later(mr_lookup_slice(blocks[i]));
    char *p = take(100000);
    expect_in_use(1, mr_align_up(100000, mr_os_page));
    for (int i = 0; i < 3; i++)
        cr_expect(blocks[i] == p || is_gone(mr_lookup_slice(blocks[i])));
    cr_expect_null(mr_space_check());
}

/* ---- resizing ------------------------------------------------------------------------------------------ */

Test(large, grows_and_shrinks_where_it_stands)
{
    static const size_t sizes[] = { 200000, 130000, 900000, 3000000, 70000, 70001, 100000 };
    give(take(8 * MR_MIB)); /* so much is writable: growth in place asks for no more */
    char *p = take(100000);
    fill_pattern(p, 70000, 4);
    for (size_t i = 0; i < MR_COUNT(sizes); i++) {
        cr_assert_eq(resize(p, sizes[i]), p, "to %zu", sizes[i]);
        cr_expect_eq(mr_lookup_slice(p)->large_bytes, mr_align_up(sizes[i], mr_os_page));
        cr_expect(has_pattern(p, 70000, 4));
        expect_in_use(1, mr_align_up(sizes[i], mr_os_page));
    }
    cr_expect_null(mr_space_check());
}

static size_t slices_of(void *p) { return mr_slab_slices(mr_lookup_slice(p)); }

/* The next growth, up to twice the size, costs nothing. */
Test(large, a_block_that_is_hemmed_in_moves_to_where_there_is_room)
{
    char *p = take(100000), *wall = take(100000);
    fill_pattern(p, 100000, 4);
    char *q = resize(p, 400000);
    cr_assert(q && q != p);
    cr_expect(has_pattern(q, 100000, 4));
    expect_in_use(2, mr_align_up(400000, mr_os_page) + mr_align_up(100000, mr_os_page));
    cr_expect_eq(slices_of(q), 13, "800,000 bytes");
    cr_expect_eq(resize(q, 800000), q);
    cr_expect_eq(slices_of(q), 13);
    cr_expect_eq(mr_lookup_slice(q)->large_bytes, mr_align_up(800000, mr_os_page));
    give(wall);
    give(q);
    expect_in_use(0, 0);
}

Test(large, room_is_given_back_by_who_shrinks)
{
    char *p = take(100000), *wall = take(100000), *q = resize(p, 400000);
    cr_assert(wall && q);
    cr_expect_eq(resize(q, 390000), q);
    cr_expect_eq(slices_of(q), 6);
}

/* What limits the heap leaves nothing for room. */
Test(large, under_a_limit_there_is_no_room)
{
    char *p = take(100000), *wall = take(100000);
    mr_conf.pool_limit = 1u << 30;
    char *q = resize(p, 400000);
    mr_conf.pool_limit = 0;
    cr_assert(wall && q && q != p);
    cr_expect_eq(slices_of(q), 7);
}

Test(large, room_is_bounded)
{
    size_t size = 20 * MR_MIB;
    char *p = take(size), *wall = take(100000), *q = resize(p, size + MR_MIB);
    cr_assert(wall && q && q != p);
    cr_expect_eq(slices_of(q), (size + MR_MIB + 8 * MR_MIB) / MR_SLICE);
}

Test(large, a_span_at_hand_is_taken_in_one_step)
{
    cr_expect_null(mr_large_take_cached(heap, 300000));
    expect_in_use(0, 0);
    char *p = take(300000);
    give(p);
    cr_expect_null(mr_large_take_cached(heap, 400000));
    cr_expect_null(mr_large_take_cached(heap, 100 * MR_MIB));
    cr_expect_eq(mr_large_take_cached(heap, 300001), p);
    cr_expect_eq(mr_slab_kind(mr_lookup_slice(p)), MR_KIND_LARGE);
    expect_in_use(1, mr_align_up(300001, mr_os_page));
    cr_expect_eq(heap->large[2].allocs, 2);
}

static bool can_move(void)
{
    char *p = mr_vm_reserve(2 * mr_os_page, mr_os_page);
    return mr_vm_commit(p, 2 * mr_os_page) && mr_vm_move(p, p + mr_os_page, mr_os_page);
}

/* A block of `size` with its neighbour taken. */
static char *hemmed_in(size_t size)
{
    char *p = take(size), *wall = take(1);
    cr_assert_not_null(p);
    cr_assert_not_null(wall);
    return p;
}

Test(large, a_larger_one_moves_by_its_pages)
{
    size_t size = 6 * MR_MIB + 12345;
    char *p = hemmed_in(size);
    fill_pattern(p, size, 9);
    if (!can_move())
        return;
    char *q = resize(p, 20 * MR_MIB);
    cr_assert(q && q != p);
    cr_expect(has_pattern(q, size, 9));
    cr_expect_eq(mr_lookup_slice(q)->large_moved, mr_align_up(size, mr_os_page));
    cr_expect_eq(mr_lookup_slice(q)->large_bytes, 20 * MR_MIB);
    cr_expect(is_gone(mr_lookup_slice(p)));
    cr_expect_eq(mr_vm_resident(p, MR_MIB), 0, "the old place is clean");
    memset(q + size, 1, 20 * MR_MIB - size);
    cr_expect_null(mr_space_check());
    expect_in_use(2, 20 * MR_MIB + mr_align_up(MR_SLAB_MAX + 1, mr_os_page));
}

Test(large, a_moved_block_goes_on_like_any_other)
{
    char *p = hemmed_in(5 * MR_MIB), *q;
    fill_pattern(p, 5 * MR_MIB, 2);
    if (!can_move() || !(q = resize(p, 9 * MR_MIB)))
        return;
    cr_expect_eq(resize(q, 9 * MR_MIB - 5), q, "no slice more or less");
    char *r = resize(q, 30 * MR_MIB);
    cr_assert_not_null(r);
    cr_expect(has_pattern(r, 5 * MR_MIB, 2));
    give(r);
    bool zero;
    char *again = mr_large_take(heap, 30 * MR_MIB, 16, &zero);
    cr_expect(!zero || is_zero(again, 30 * MR_MIB));
    cr_expect_null(mr_space_check());
}

/* Mappings are few: so many blocks may be out at a time, and each that ends makes room. */
Test(large, moves_are_capped)
{
    enum { CAP = 256 };
    static char *moved[CAP];
    if (!can_move())
        return;
    for (int i = 0; i < CAP; i++) {
        moved[i] = resize(hemmed_in(4 * MR_MIB), 4 * MR_MIB + MR_SLICE);
        cr_assert_not_null(moved[i], "move %d", i);
        cr_assert_neq(mr_lookup_slice(moved[i])->large_moved, 0);
    }
    char *p = hemmed_in(4 * MR_MIB);
    p = resize(p, 4 * MR_MIB + MR_SLICE);
    cr_assert_not_null(p);
    cr_expect_eq(mr_lookup_slice(p)->large_moved, 0, "it was copied");
    give(moved[0]);
    p = resize(hemmed_in(4 * MR_MIB), 4 * MR_MIB + MR_SLICE);
    cr_expect_neq(mr_lookup_slice(p)->large_moved, 0);
}

/* A mapping that moved cannot merge with its neighbours: a fresh one takes its place. */
Test(large, a_moved_block_leaves_no_mapping_behind)
{
    if (!can_move())
        return;
    for (int i = 0; i < 50; i++) {
        char *p = take(4 * MR_MIB), *wall = take(1);
        *p = 1;
        char *q = resize(p, 8 * MR_MIB);
        cr_assert_not_null(q);
        give(q);
        give(wall);
    }
    const struct mr_region *r = &mr_regions[0];
    cr_expect_leq(mappings_in((char *)r->base + r->table_bytes, r->committed - r->table_bytes), 6);
}
