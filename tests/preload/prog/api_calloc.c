/* calloc gives zeroes, also where the memory was full of something else a moment ago. */
#include "expect.h"
#include <malloc.h>
#include <pthread.h>

static void dirty(size_t size, size_t count)
{
    void *blocks[64];
    for (size_t i = 0; i < count; i++) {
        blocks[i] = malloc(size);
        EXPECT(blocks[i]);
        memset(blocks[i], 0xa5, malloc_usable_size(blocks[i]));
    }
    for (size_t i = 0; i < count; i++)
        free(blocks[i]);
}

static void zeroed_after_dirty(size_t size, size_t count)
{
    void *blocks[64];
    dirty(size, count);
    for (size_t i = 0; i < count; i++) {
        blocks[i] = i % 2 ? calloc(1, size) : calloc(size, 1);
        EXPECT(blocks[i]);
        EXPECT_SAY(expect_zeroed(blocks[i], size), "size %zu, block %zu", size, i);
        memset(blocks[i], 0x5a, size);
    }
    for (size_t i = 0; i < count; i++)
        free(blocks[i]);
}

static void small_blocks_are_zeroed_after_dirty_reuse(void)
{
    for (size_t size = 1; size <= 2048; size++)
        zeroed_after_dirty(size, 8);
}

static void medium_blocks_are_zeroed_after_dirty_reuse(void)
{
    for (size_t size = 2049; size < 200000; size += size / 9)
        zeroed_after_dirty(size, 5);
}

static void large_blocks_are_zeroed_after_dirty_reuse(void)
{
    for (size_t size = 200000; size <= (size_t)40 << 20; size += size / 3)
        zeroed_after_dirty(size, 3);
}

/* What is smaller than the dirty block, cut from it or merged out of it. */
static void other_sizes_are_zeroed_after_dirty_reuse(void)
{
    uint64_t seed = 42;
    for (int turn = 0; turn < 300; turn++) {
        dirty(1 + expect_random(&seed) % 300000, 4);
        size_t size = 1 + expect_random(&seed) % 300000;
        char *block = calloc(size, 1);
        EXPECT(block);
        EXPECT_SAY(expect_zeroed(block, size), "size %zu in turn %d", size, turn);
        free(block);
    }
}

/* A block that grew or shrank by realloc leaves a dirty rest behind. */
static void zeroed_after_realloc(void)
{
    for (size_t size = 64; size < (size_t)4 << 20; size *= 2) {
        char *block = malloc(size * 2);
        memset(block, 0xff, size * 2);
        block = realloc(block, size / 2);
        char *fresh = calloc(1, size);
        EXPECT_SAY(expect_zeroed(fresh, size), "size %zu", size);
        free(fresh);
        free(block);
    }
}

/* A calloc block itself is full when it is freed and taken again by calloc. */
static void zeroed_again_and_again(void)
{
    for (size_t size = 8; size <= (size_t)1 << 21; size *= 4)
        for (int turn = 0; turn < 20; turn++) {
            char *block = calloc(size / 8, 8);
            EXPECT_SAY(expect_zeroed(block, size), "size %zu in turn %d", size, turn);
            memset(block, 0xee, size);
            free(block);
        }
}

static void zeroed_after_aligned_blocks(void)
{
    for (size_t align = 32; align <= 1 << 20; align *= 2) {
        char *block = memalign(align, align * 2);
        EXPECT_SAY(block, "no block aligned to %zu", align);
        memset(block, 0xcc, align * 2);
        free(block);
        char *fresh = calloc(align * 3, 1);
        EXPECT_SAY(expect_zeroed(fresh, align * 3), "alignment %zu", align);
        free(fresh);
    }
}

static void zeroed_after_trim(void)
{
    for (size_t size = 1000; size < (size_t)8 << 20; size *= 3) {
        dirty(size, 4);
        malloc_trim(0);
        zeroed_after_dirty(size, 4);
    }
}

static void *dirty_thread(void *arg)
{
    (void)arg;
    for (size_t size = 16; size < 100000; size *= 2)
        dirty(size, 16);
    return NULL;
}

/* What an ended thread left behind is as dirty as anything. */
static void zeroed_after_another_thread(void)
{
    for (int turn = 0; turn < 10; turn++) {
        pthread_t thread;
        EXPECT(pthread_create(&thread, NULL, dirty_thread, NULL) == 0);
        pthread_join(thread, NULL);
        for (size_t size = 16; size < 100000; size *= 2) {
            char *block = calloc(1, size);
            EXPECT_SAY(expect_zeroed(block, size), "size %zu", size);
            free(block);
        }
    }
}

static void the_product_counts(void)
{
    for (size_t n = 1; n < 200; n++)
        for (size_t size = 1; size < 200; size += 13) {
            char *block = calloc(n, size);
            EXPECT(malloc_usable_size(block) >= n * size);
            EXPECT(expect_zeroed(block, n * size));
            memset(block, 1, n * size);
            free(block);
        }
}

EXPECT_MAIN(CASE(small_blocks_are_zeroed_after_dirty_reuse), CASE(medium_blocks_are_zeroed_after_dirty_reuse),
            CASE(large_blocks_are_zeroed_after_dirty_reuse), CASE(other_sizes_are_zeroed_after_dirty_reuse),
            CASE(zeroed_after_realloc), CASE(zeroed_again_and_again), CASE(zeroed_after_aligned_blocks),
            CASE(zeroed_after_trim), CASE(zeroed_after_another_thread), CASE(the_product_counts))
