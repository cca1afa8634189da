#include "facts.h"

Test(lookup, finds_the_slab_of_every_class)
{
    for (unsigned cls = 0; cls < MR_CLASS_COUNT; cls++) {
        char *p = mr_heap_malloc(mr_sizeclass_bytes[cls]);
        struct mr_slab *head = head_of(p);
        cr_assert_not_null(head, "class %u", cls);
        cr_expect_eq(mr_slab_kind(head), MR_KIND_SLAB);
        cr_expect_eq(head->cls, cls);
        cr_expect_eq(mr_lookup_block(head, p), (p - mr_lookup_start(head)) / mr_sizeclass_bytes[cls]);
        cr_expect_eq(head_of(p + mr_sizeclass_bytes[cls] - 1), head, "the last byte of class %u", cls);
    }
}

Test(lookup, a_block_starts_where_it_starts)
{
    static const size_t sizes[] = { 16, 48, 112, 144, 1024, 5120, 9216, 65536 };
    for (size_t s = 0; s < MR_COUNT(sizes); s++) {
        char *p = mr_heap_malloc(sizes[s]);
        struct mr_slab *head = head_of(p);
        for (size_t i = 1; i < sizes[s]; i += i < 64 ? 1 : 53)
            cr_assert_lt(mr_lookup_block(head, p + i), 0, "size %zu, byte %zu", sizes[s], i);
    }
}

/* A slab is carved in steps: behind the last carved block there is none yet. */
Test(lookup, what_is_not_carved_is_no_block)
{
    char *p = mr_heap_malloc(1024);
    struct mr_slab *head = head_of(p);
    char *start = mr_lookup_start(head);
    cr_assert_lt(head->ext, mr_sizeclass_blocks[head->cls]);
    for (int i = 0; i < mr_sizeclass_blocks[head->cls]; i++)
        cr_expect_eq(mr_lookup_block(head, start + 1024 * i), i < head->ext ? i : -1, "block %d", i);
}

Test(lookup, wide_slabs_are_found_from_each_of_their_slices)
{
    char *p = mr_heap_malloc(40960);
    struct mr_slab *head = head_of(p);
    char *start = mr_lookup_start(head);
    for (size_t i = 0; i < MR_WIDE_SLICES; i++) {
        struct mr_slab *slice = mr_lookup_slice(start + i * MR_SLICE + 17);
        cr_expect_eq(slice, head + i);
        cr_expect_eq(mr_slab_kind(slice), i == 0 ? MR_KIND_SLAB : MR_KIND_INTERIOR);
        cr_expect_eq(mr_lookup_head(slice), head, "slice %zu", i);
    }
    for (int i = 1; i < 12; i++) {
        char *q = mr_heap_malloc(40960);
        cr_expect_eq(head_of(q), head);
        cr_expect_eq(mr_lookup_block(head, q), i, "block %d spans slices", i);
    }
}

Test(lookup, start_and_descriptor_are_inverse)
{
    static const size_t sizes[] = { 1, 1000, 50000, 100000, 3000000 };
    for (size_t s = 0; s < MR_COUNT(sizes); s++) {
        struct mr_slab *head = head_of(mr_heap_malloc(sizes[s]));
        char *start = mr_lookup_start(head);
        cr_expect_eq((uintptr_t)start % MR_SLICE, 0);
        cr_expect_eq(mr_lookup_slice(start), head, "size %zu", sizes[s]);
        cr_expect_eq(mr_slab_at(mr_lookup_base, (uintptr_t)start), head);
    }
}

Test(lookup, the_table_describes_itself)
{
    mr_heap_boot();
    char *table = (char *)mr_regions[0].base;
    cr_expect_eq((char *)mr_lookup_slice(table), table);
    cr_expect_eq(mr_slab_kind(mr_lookup_slice(table)), MR_KIND_META);
    cr_expect_eq(mr_lookup_start((struct mr_slab *)table), table);
    cr_expect_eq(mr_heap_free(table), MR_NOT_A_BLOCK);
    cr_expect_eq(mr_heap_free(table + mr_regions[0].table_bytes - 16), MR_NOT_A_BLOCK, "the table's last slice");
}

Test(lookup, foreign_addresses_are_nobodys)
{
    int here;
    void *there = malloc(10);
    cr_expect_null(mr_lookup_slice(&here), "before there is a heap");
    mr_heap_boot();
    char *base = (char *)mr_regions[0].base;
    cr_expect_null(mr_lookup_slice(&here));
    cr_expect_null(mr_lookup_slice(there));
    cr_expect_null(mr_lookup_slice(NULL));
    cr_expect_null(mr_lookup_slice((void *)UINTPTR_MAX));
    cr_expect_null(mr_lookup_slice(base - 1));
    cr_expect_not_null(mr_lookup_slice(base + mr_regions[0].committed - 1));
    cr_expect_null(mr_lookup_slice(base + mr_regions[0].committed), "the frontier is inaccessible");
    free(there);
}

/* A large block where a wide slab was: nothing is left of that inside it. */
Test(lookup, the_inside_of_a_large_block_is_no_block)
{
    void *blocks[8];
    for (int i = 0; i < 8; i++)
        blocks[i] = mr_heap_malloc(65536);
    for (int i = 0; i < 8; i++)
        mr_heap_free(blocks[i]);
    mr_heap_trim();
    char *p = mr_heap_malloc(8 * MR_SLICE);
    for (size_t i = 1; i < 8; i++) {
        cr_expect_eq(mr_slab_kind(mr_lookup_slice(p + i * MR_SLICE)), MR_KIND_NONE, "slice %zu", i);
        cr_expect_eq(mr_heap_free(p + i * MR_SLICE), MR_NOT_A_BLOCK);
    }
    cr_expect_eq(mr_heap_free(p), MR_FREED);
}
