/* Alignments: what each function of the family takes, refuses and gives. */
#include "expect.h"
#include <malloc.h>

static size_t page(void) { return (size_t)sysconf(_SC_PAGESIZE); }

static void check_block(void *block, size_t align, size_t size)
{
    EXPECT_SAY(block, "alignment %zu, size %zu: NULL", align, size);
    EXPECT_SAY((uintptr_t)block % align == 0, "alignment %zu, size %zu: %p", align, size, block);
    EXPECT_SAY(malloc_usable_size(block) >= size, "alignment %zu, size %zu: too small", align, size);
}

static void malloc_family_is_aligned_to_16(void)
{
    for (size_t size = 0; size < 5000; size++) {
        void *block = malloc(size), *zeroed = calloc(1, size), *grown = realloc(malloc(1), size + 1);
        check_block(block, 16, size);
        check_block(zeroed, 16, size);
        check_block(grown, 16, size + 1);
        free(block);
        free(zeroed);
        free(grown);
    }
    for (size_t size = 5000; size < (size_t)64 << 20; size += size / 5) {
        void *block = malloc(size);
        check_block(block, 16, size);
        free(block);
    }
}

static void posix_memalign_refuses_bad_alignments(void)
{
    static const size_t bad[] = { 0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 12, 15, 17, 24, 40, 48, 96, 100, 1000, 4095, 4097,
                                  SIZE_MAX, SIZE_MAX - 7, ((size_t)1 << 63) + 8, PTRDIFF_MAX };
    void *const mark = &check_block;
    for (size_t i = 0; i < COUNT(bad); i++)
        for (size_t size = 0; size < 100; size += 33) {
            void *block = mark;
            errno = 4711;
            EXPECT_SAY(posix_memalign(&block, bad[i], size) == EINVAL, "alignment %zu", bad[i]);
            EXPECT_SAY(block == mark, "alignment %zu changed the pointer", bad[i]);
            EXPECT_SAY(errno == 4711, "alignment %zu changed errno", bad[i]);
        }
}

static void bad_alignment_counts_before_bad_size(void)
{
    void *block = NULL;
    EXPECT(posix_memalign(&block, 3, SIZE_MAX) == EINVAL);
    EXPECT(posix_memalign(&block, 0, SIZE_MAX) == EINVAL);
    EXPECT(posix_memalign(&block, 8, SIZE_MAX) == ENOMEM);
}

static void posix_memalign_gives_aligned_blocks(void)
{
    for (size_t align = sizeof(void *); align <= (size_t)1 << 22; align *= 2)
        for (size_t size = 1; size < 100000; size = size * 3 + 1) {
            void *block = NULL;
            EXPECT(posix_memalign(&block, align, size) == 0);
            check_block(block, align, size);
            memset(block, 1, size);
            free(block);
        }
}

static void memalign_rounds_odd_alignments_up(void)
{
    for (size_t align = 0; align < 5000; align += 1 + align / 50) {
        size_t rounded = 16;
        while (rounded < align)
            rounded *= 2;
        void *block = memalign(align, 100);
        check_block(block, rounded, 100);
        free(block);
    }
}

static void memalign_refuses_alignments_past_half(void)
{
    EXPECT_FAILS(memalign(((size_t)1 << 63) + 1, 8), EINVAL);
    EXPECT_FAILS(memalign(SIZE_MAX, 8), EINVAL);
    EXPECT_FAILS(memalign(SIZE_MAX - 4095, 0), EINVAL);
}

static void aligned_alloc_takes_any_size(void)
{
    for (size_t align = 1; align <= (size_t)1 << 16; align *= 2)
        for (size_t size = 0; size < 3000; size += 1 + size / 7) {
            void *block = aligned_alloc(align, size);
            check_block(block, align, size);
            memset(block, 1, size);
            free(block);
        }
}

static void aligned_alloc_rounds_odd_alignments_up(void)
{
    static const size_t odd[] = { 0, 3, 5, 17, 24, 48, 100, 1000, 5000 };
    for (size_t i = 0; i < COUNT(odd); i++) {
        size_t rounded = 16;
        while (rounded < odd[i])
            rounded *= 2;
        void *block = aligned_alloc(odd[i], 30);
        check_block(block, rounded, 30);
        free(block);
    }
}

static void valloc_is_aligned_to_the_page(void)
{
    for (size_t size = 0; size < 5 * page(); size += 61) {
        void *block = valloc(size);
        check_block(block, page(), size);
        memset(block, 1, size);
        free(block);
    }
}

static void pvalloc_rounds_the_size_to_pages(void)
{
    for (size_t size = 0; size < 5 * page(); size += 61) {
        size_t rounded = (size + page() - 1) / page() * page();
        void *block = pvalloc(size);
        check_block(block, page(), rounded);
        memset(block, 1, rounded);
        free(block);
    }
}

/* Many at a time, so that not one lucky address is given again and again. */
static void blocks_of_mixed_alignments_are_apart(void)
{
    enum { BLOCKS = 2000 };
    static struct { char *block; size_t size; } held[BLOCKS];
    uint64_t seed = 11;
    for (size_t i = 0; i < BLOCKS; i++) {
        size_t align = (size_t)16 << expect_random(&seed) % 10;
        held[i].size = expect_random(&seed) % 3000;
        held[i].block = memalign(align, held[i].size);
        check_block(held[i].block, align, held[i].size);
        expect_fill(held[i].block, held[i].size, i);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        EXPECT_SAY(expect_filled(held[i].block, held[i].size, i), "block %zu", i);
        free(held[i].block);
    }
}

static void alignments_up_to_a_gibibyte(void)
{
    for (size_t align = (size_t)1 << 20; align <= (size_t)1 << 30; align *= 2)
        for (size_t size = 1; size <= (size_t)1 << 24; size *= 64) {
            char *block = memalign(align, size);
            check_block(block, align, size);
            block[0] = block[size - 1] = 1;
            free(block);
        }
}

static void alignments_beyond_a_gibibyte(void)
{
    for (size_t align = (size_t)2 << 30; align <= (size_t)16 << 30; align *= 2) {
        char *block = memalign(align, 100);
        if (!block) {
            EXPECT(errno == ENOMEM);
            continue;
        }
        check_block(block, align, 100);
        memset(block, 1, 100);
        free(block);
    }
}

/* Large alignments must not leave the gap in front of the block behind. */
static void large_alignments_leave_nothing_behind(void)
{
    long before = expect_rss_kib();
    for (int turn = 0; turn < 2000; turn++) {
        char *block = memalign(1 << 20, 100000);
        check_block(block, 1 << 20, 100000);
        memset(block, 1, 100000);
        free(block);
    }
    EXPECT_SAY(expect_rss_kib() - before < 32 * 1024, "%ld KiB more", expect_rss_kib() - before);
}

/* Aligned blocks freed in another order, with plain ones between: the heap must still be whole. */
static void aligned_and_plain_blocks_mix(void)
{
    enum { BLOCKS = 300 };
    char *blocks[BLOCKS];
    for (size_t align = 32; align <= 65536; align *= 8) {
        for (size_t i = 0; i < BLOCKS; i++) {
            blocks[i] = i % 3 ? malloc(i * 10) : memalign(align, i * 10);
            EXPECT(blocks[i]);
            expect_fill(blocks[i], i * 10, i);
        }
        for (size_t k = 0; k < BLOCKS; k++) {
            size_t i = k * 7 % BLOCKS;
            EXPECT_SAY(expect_filled(blocks[i], i * 10, i), "alignment %zu, block %zu", align, i);
            free(blocks[i]);
        }
    }
}

EXPECT_MAIN(CASE(malloc_family_is_aligned_to_16), CASE(posix_memalign_refuses_bad_alignments),
            CASE(bad_alignment_counts_before_bad_size), CASE(posix_memalign_gives_aligned_blocks),
            CASE(memalign_rounds_odd_alignments_up), CASE(memalign_refuses_alignments_past_half),
            CASE(aligned_alloc_takes_any_size), CASE(aligned_alloc_rounds_odd_alignments_up),
            CASE(valloc_is_aligned_to_the_page), CASE(pvalloc_rounds_the_size_to_pages),
            CASE(blocks_of_mixed_alignments_are_apart), CASE(alignments_up_to_a_gibibyte),
            CASE(alignments_beyond_a_gibibyte), CASE(large_alignments_leave_nothing_behind),
            CASE(aligned_and_plain_blocks_mix))
