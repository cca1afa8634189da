#include <criterion/criterion.h>

#include "sizeclass.h"

/* By the definition: looked for from below. */
static unsigned smallest_class(size_t size, size_t align)
{
    unsigned cls = 0;
    while (mr_sizeclass_bytes[cls] < size || mr_sizeclass_bytes[cls] % align != 0)
        cls++;
    return cls;
}

Test(sizeclass, every_size_has_the_smallest_class_that_holds_it)
{
    for (size_t size = 0; size <= MR_SLAB_MAX; size++)
        if (mr_sizeclass_of(size) != smallest_class(size, 1))
            cr_assert_fail("size %zu is in class %u", size, mr_sizeclass_of(size));
}

Test(sizeclass, sizes_ascend_and_end_at_the_largest)
{
    cr_expect_eq(mr_sizeclass_bytes[0], 16);
    cr_expect_eq(mr_sizeclass_bytes[MR_CLASS_COUNT - 1], MR_SLAB_MAX);
    for (unsigned cls = 1; cls < MR_CLASS_COUNT; cls++) {
        cr_expect_gt(mr_sizeclass_bytes[cls], mr_sizeclass_bytes[cls - 1]);
        cr_expect_eq(mr_sizeclass_bytes[cls] % 16, 0, "blocks are aligned to 16");
    }
}

Test(sizeclass, a_block_is_an_eighth_larger_at_most)
{
    for (unsigned cls = 8; cls < MR_CLASS_COUNT; cls++) {
        uint32_t least_asked = mr_sizeclass_bytes[cls - 1] + 1;
        cr_expect_leq(mr_sizeclass_bytes[cls] - least_asked, least_asked / 8, "class %u", cls);
    }
}

Test(sizeclass, a_slab_is_full_of_blocks)
{
    for (unsigned cls = 0; cls < MR_CLASS_COUNT; cls++) {
        size_t bytes = mr_sizeclass_bytes[cls], slab = mr_sizeclass_slices(cls) * MR_SLICE;
        cr_expect_eq(mr_sizeclass_blocks[cls], slab / bytes - (bytes <= MR_SMALL_MAX && slab / bytes % 2 == 0), "class %u", cls);
        cr_expect_eq(mr_sizeclass_slices(cls), bytes <= 8 * MR_KIB ? 1 : 8, "class %u", cls);
        cr_expect_geq(mr_sizeclass_blocks[cls], 8, "class %u: a slab is for several blocks", cls);
    }
}

/* Where the records of a program begin that are `per` blocks of one class each, as the cache's sets see it. */
static unsigned places_of_records(unsigned cls, unsigned per)
{
    bool at[64] = { false };
    unsigned places = 0;
    for (size_t n = 0; n < 8192; n += per) {
        size_t slab = n / mr_sizeclass_blocks[cls], index = n % mr_sizeclass_blocks[cls];
        size_t line = (slab * MR_SLICE + index * mr_sizeclass_bytes[cls]) / 64 % 64;
        places += !at[line];
        at[line] = true;
    }
    return places;
}

Test(sizeclass, records_of_several_blocks_do_not_share_a_few_sets_of_the_cache)
{
    for (unsigned per = 1; per <= 16; per *= 2) {
        cr_expect_eq(places_of_records(mr_sizeclass_of(64), per), per < 8 ? 64 : 64 / per * 8, "%u of 64 bytes", per);
        cr_expect_eq(places_of_records(mr_sizeclass_of(128), per), 32, "%u of 128 bytes", per);
        cr_expect_eq(places_of_records(mr_sizeclass_of(256), per), 16, "%u of 256 bytes", per);
    }
}

Test(sizeclass, direct_entries_are_the_classes)
{
    for (size_t i = 0; i < MR_DIRECT_COUNT; i++)
        cr_expect_eq(mr_sizeclass_direct[i], smallest_class(16 * i, 1), "entry %zu", i);
}

Test(sizeclass, aligned_classes_are_the_smallest_aligned_ones)
{
    for (size_t align = 1; align <= MR_SLICE; align *= 2)
        for (size_t size = 0; size <= MR_SLAB_MAX; size += size < 2048 ? 1 : 61)
            if (mr_sizeclass_of(mr_sizeclass_round(size, align)) != smallest_class(mr_max(size, align), align))
                cr_assert_fail("size %zu, align %zu: rounded to %zu", size, align, mr_sizeclass_round(size, align));
}

Test(sizeclass, every_block_of_an_aligned_class_is_aligned)
{
    for (size_t align = 16; align <= MR_SLICE; align *= 2) {
        unsigned cls = mr_sizeclass_of(mr_sizeclass_round(align + 1 > MR_SLAB_MAX ? align : align + 1, align));
        for (uint32_t i = 0; i < mr_sizeclass_blocks[cls]; i++)
            cr_assert_eq((size_t)i * mr_sizeclass_bytes[cls] % align, 0, "align %zu, block %u", align, i);
    }
}
