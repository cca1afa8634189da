/* malloc_usable_size: at least what was asked for, all of it the caller's. */
#include "expect.h"
#include <malloc.h>

static void null_has_no_size(void)
{
    EXPECT(malloc_usable_size(NULL) == 0);
}

static void at_least_the_request_at_every_small_size(void)
{
    for (size_t size = 0; size <= 10000; size++) {
        void *block = malloc(size);
        EXPECT_SAY(malloc_usable_size(block) >= size, "size %zu has %zu", size, malloc_usable_size(block));
        free(block);
    }
}

static void at_least_the_request_at_large_sizes(void)
{
    for (size_t size = 10000; size < (size_t)1 << 31; size += size / 3) {
        void *block = malloc(size);
        EXPECT_SAY(malloc_usable_size(block) >= size, "size %zu", size);
        free(block);
    }
}

static void the_size_does_not_change(void)
{
    void *block = malloc(100);
    size_t before = malloc_usable_size(block);
    for (size_t size = 1; size < 100000; size *= 2)
        free(malloc(size));
    EXPECT(malloc_usable_size(block) == before);
    free(block);
}

/* Blocks written to their usable end do not reach into each other. */
static void all_of_it_may_be_written(void)
{
    enum { BLOCKS = 3000 };
    static struct { char *block; size_t size; } held[BLOCKS];
    for (size_t i = 0; i < BLOCKS; i++) {
        held[i].block = i % 50 ? malloc(i) : memalign(128, i * 40);
        held[i].size = malloc_usable_size(held[i].block);
        expect_fill(held[i].block, held[i].size, i);
    }
    for (size_t i = 0; i < BLOCKS; i++)
        EXPECT_SAY(expect_filled(held[i].block, held[i].size, i), "block %zu", i);
    for (size_t i = 0; i < BLOCKS; i += 2)
        free(held[i].block);
    for (size_t i = 1; i < BLOCKS; i += 2) {
        EXPECT_SAY(expect_filled(held[i].block, held[i].size, i), "block %zu after its neighbours went", i);
        free(held[i].block);
    }
}

static void all_of_a_large_block_may_be_written(void)
{
    for (size_t size = 100000; size < (size_t)20 << 20; size = size * 2 + 123) {
        char *block = malloc(size);
        size_t usable = malloc_usable_size(block);
        memset(block, 0x77, usable);
        EXPECT(block[0] == 0x77 && block[usable - 1] == 0x77);
        free(block);
    }
}

/* What was written behind the request, inside the usable size, goes along as far as it fits. */
static void realloc_to_the_usable_size_keeps_all_of_it(void)
{
    for (size_t size = 1; size < 50000; size = size * 2 + 3) {
        char *block = malloc(size);
        size_t usable = malloc_usable_size(block);
        block = realloc(block, usable);
        expect_fill(block, usable, size);
        block = realloc(block, usable * 3);
        EXPECT_SAY(expect_filled(block, usable, size), "size %zu", size);
        free(block);
    }
}

EXPECT_MAIN(CASE(null_has_no_size), CASE(at_least_the_request_at_every_small_size),
            CASE(at_least_the_request_at_large_sizes), CASE(the_size_does_not_change),
            CASE(all_of_it_may_be_written), CASE(all_of_a_large_block_may_be_written),
            CASE(realloc_to_the_usable_size_keeps_all_of_it))
