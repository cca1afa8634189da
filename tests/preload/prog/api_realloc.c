/* realloc and reallocarray: the contents up to the smaller size are kept, wherever the block goes. */
#include "expect.h"
#include <malloc.h>
#include <pthread.h>

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

static const size_t sizes[] = { 1, 7, 16, 17, 24, 100, 128, 129, 500, 1024, 1025, 4000, 4096, 8192, 8193, 20000,
                                65536, 65537, 131072, 140000, 300000, 1 << 20, 3 << 20 };

static void contents_are_kept_between_all_sizes(void)
{
    for (size_t i = 0; i < COUNT(sizes); i++)
        for (size_t j = 0; j < COUNT(sizes); j++) {
            char *block = malloc(sizes[i]);
            expect_fill(block, sizes[i], i + j);
            block = realloc(block, sizes[j]);
            EXPECT(block);
            EXPECT_SAY(expect_filled(block, smaller(sizes[i], sizes[j]), i + j), "%zu to %zu", sizes[i], sizes[j]);
            EXPECT((uintptr_t)block % 16 == 0);
            EXPECT(malloc_usable_size(block) >= sizes[j]);
            expect_fill(block, sizes[j], 1);
            free(block);
        }
}

static void growing_by_one_keeps_contents(void)
{
    char *block = NULL;
    for (size_t size = 1; size <= 20000; size++) {
        block = realloc(block, size);
        EXPECT(block);
        block[size - 1] = (char)(size * 13);
        if (size % 997 == 0)
            for (size_t i = 1; i <= size; i++)
                EXPECT_SAY(block[i - 1] == (char)(i * 13), "byte %zu at size %zu", i - 1, size);
    }
    free(block);
}

static void shrinking_by_one_keeps_contents(void)
{
    char *block = malloc(20000);
    expect_fill(block, 20000, 3);
    for (size_t size = 19999; size >= 1; size--) {
        block = realloc(block, size);
        EXPECT(block);
        if (size % 499 == 0)
            EXPECT(expect_filled(block, size, 3));
    }
    free(block);
}

/* Neighbours stop the block from growing where it is, then stop doing so. */
static void growing_among_neighbours_keeps_contents(void)
{
    enum { BLOCKS = 50 };
    char *blocks[BLOCKS];
    size_t size[BLOCKS];
    uint64_t seed = 7;
    for (size_t i = 0; i < BLOCKS; i++) {
        size[i] = 1 + expect_random(&seed) % 1000;
        blocks[i] = malloc(size[i]);
        expect_fill(blocks[i], size[i], i);
    }
    for (int turn = 0; turn < 20000; turn++) {
        size_t i = expect_random(&seed) % BLOCKS, to = 1 + expect_random(&seed) % (turn % 100 ? 3000 : 400000);
        blocks[i] = realloc(blocks[i], to);
        EXPECT_SAY(expect_filled(blocks[i], smaller(to, size[i]), i), "turn %d: %zu to %zu", turn, size[i], to);
        size[i] = to;
        expect_fill(blocks[i], to, i);
    }
    for (size_t i = 0; i < BLOCKS; i++)
        free(blocks[i]);
}

static void large_blocks_grow_and_shrink(void)
{
    size_t size = (size_t)1 << 20, most = (size_t)256 << 20;
    char *block = malloc(size);
    expect_fill(block, 4096, 1);
    for (; size < most; size *= 2) {
        block = realloc(block, size * 2);
        EXPECT(block);
        EXPECT_SAY(expect_filled(block, 4096, 1), "to %zu", size * 2);
        block[size * 2 - 1] = block[size] = 1;
    }
    for (; size > 4096; size /= 2) {
        block = realloc(block, size);
        EXPECT_SAY(expect_filled(block, 4096, 1), "down to %zu", size);
    }
    free(block);
}

/* Several growing side by side, so that address space behind each is taken by another. */
static void large_blocks_grow_side_by_side(void)
{
    char *blocks[8] = { 0 };
    for (size_t size = 100000; size < (size_t)24 << 20; size += size / 2)
        for (size_t i = 0; i < COUNT(blocks); i++) {
            size_t before = blocks[i] ? malloc_usable_size(blocks[i]) : 0;
            blocks[i] = realloc(blocks[i], size);
            EXPECT(blocks[i]);
            EXPECT(before == 0 || expect_filled(blocks[i], 1000, i));
            expect_fill(blocks[i], 1000, i);
            blocks[i][size - 1] = 1;
        }
    for (size_t i = 0; i < COUNT(blocks); i++)
        free(blocks[i]);
}

static void realloc_null_is_malloc(void)
{
    for (size_t i = 0; i < COUNT(sizes); i++) {
        char *block = realloc(NULL, sizes[i]);
        EXPECT(block);
        memset(block, 1, sizes[i]);
        free(block);
    }
}

static void realloc_to_zero_frees(void)
{
    for (size_t i = 0; i < COUNT(sizes); i++)
        EXPECT_SAY(realloc(malloc(sizes[i]), 0) == NULL, "size %zu", sizes[i]);
    EXPECT(reallocarray(malloc(10), 0, 8) == NULL);
    EXPECT(reallocarray(malloc(10), 8, 0) == NULL);
}

/* If it only said so, 20,000 touched blocks of 64 KiB would be 1.2 GiB. */
static void realloc_to_zero_really_frees(void)
{
    long before = expect_rss_kib();
    for (int i = 0; i < 20000; i++) {
        char *block = malloc(65536);
        memset(block, 1, 65536);
        EXPECT(realloc(block, 0) == NULL);
    }
    EXPECT_SAY(expect_rss_kib() - before < 64 * 1024, "%ld KiB more", expect_rss_kib() - before);
}

static void aligned_blocks_keep_contents(void)
{
    for (size_t align = 16; align <= (size_t)1 << 24; align *= 4)
        for (size_t i = 0; i < COUNT(sizes); i++) {
            char *block = memalign(align, 3000);
            EXPECT_SAY(block, "no block aligned to %zu", align);
            expect_fill(block, 3000, i);
            block = realloc(block, sizes[i]);
            EXPECT(block);
            EXPECT_SAY(expect_filled(block, smaller(3000, sizes[i]), i), "alignment %zu to %zu", align, sizes[i]);
            free(block);
        }
}

/* From calloc: what is above the old size is anybody's, what is below is still zero. */
static void zeroes_are_kept(void)
{
    for (size_t i = 0; i + 1 < COUNT(sizes); i++) {
        char *block = realloc(calloc(1, sizes[i]), sizes[i + 1]);
        EXPECT(expect_zeroed(block, sizes[i]));
        free(block);
    }
}

static void the_same_size_keeps_contents(void)
{
    for (size_t i = 0; i < COUNT(sizes); i++) {
        char *block = malloc(sizes[i]);
        expect_fill(block, sizes[i], i);
        for (int turn = 0; turn < 10; turn++)
            block = realloc(block, sizes[i]);
        EXPECT(expect_filled(block, sizes[i], i));
        block = realloc(block, malloc_usable_size(block));
        EXPECT(expect_filled(block, sizes[i], i));
        free(block);
    }
}

static void reallocarray_counts_the_product(void)
{
    char *block = reallocarray(NULL, 10, 16);
    EXPECT(block && malloc_usable_size(block) >= 160);
    expect_fill(block, 160, 1);
    block = reallocarray(block, 1000, 160);
    EXPECT(block && malloc_usable_size(block) >= 160000);
    EXPECT(expect_filled(block, 160, 1));
    memset(block, 1, 160000);
    block = reallocarray(block, 2, 8);
    EXPECT(block && block[0] == 1 && block[15] == 1);
    free(block);
}

static void *grow_thread(void *arg)
{
    char **blocks = arg;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        blocks[i] = realloc(blocks[i], sizes[i] * 3);
        EXPECT(expect_filled(blocks[i], sizes[i], i));
        expect_fill(blocks[i], sizes[i] * 3, i);
    }
    return NULL;
}

static void blocks_of_another_thread_keep_contents(void)
{
    char *blocks[COUNT(sizes)];
    for (size_t i = 0; i < COUNT(sizes); i++) {
        blocks[i] = malloc(sizes[i]);
        expect_fill(blocks[i], sizes[i], i);
    }
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, grow_thread, blocks) == 0);
    pthread_join(thread, NULL);
    for (size_t i = 0; i < COUNT(sizes); i++) {
        EXPECT(expect_filled(blocks[i], sizes[i] * 3, i));
        blocks[i] = realloc(blocks[i], sizes[i]);
        EXPECT(expect_filled(blocks[i], sizes[i], i));
        free(blocks[i]);
    }
}

/* A small rest must not hold the memory of the large block it was. */
static void shrinking_gives_memory_back(void)
{
    enum { BLOCKS = 100 };
    char *blocks[BLOCKS];
    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[i] = malloc(4 << 20);
        memset(blocks[i], 1, 4 << 20);
        blocks[i] = realloc(blocks[i], 100);
    }
    EXPECT_SAY(expect_rss_kib() < 200 * 1024, "%ld KiB resident", expect_rss_kib());
    for (size_t i = 0; i < BLOCKS; i++)
        free(blocks[i]);
}

EXPECT_MAIN(CASE(contents_are_kept_between_all_sizes), CASE(growing_by_one_keeps_contents),
            CASE(shrinking_by_one_keeps_contents), CASE(growing_among_neighbours_keeps_contents),
            CASE(large_blocks_grow_and_shrink), CASE(large_blocks_grow_side_by_side), CASE(realloc_null_is_malloc),
            CASE(realloc_to_zero_frees), CASE(realloc_to_zero_really_frees), CASE(aligned_blocks_keep_contents),
            CASE(zeroes_are_kept), CASE(the_same_size_keeps_contents), CASE(reallocarray_counts_the_product),
            CASE(blocks_of_another_thread_keep_contents), CASE(shrinking_gives_memory_back))
