/* Requests for nothing: each gives a block of its own that can be freed. */
#include "expect.h"
#include <malloc.h>

enum { MANY = 1000 };
static void *held[MANY];

/* All of held[] are blocks, no two the same. Frees them. */
static void distinct(void)
{
    for (size_t i = 0; i < MANY; i++) {
        EXPECT_SAY(held[i], "request %zu gave NULL", i);
        for (size_t j = 0; j < i; j++)
            EXPECT_SAY(held[i] != held[j], "requests %zu and %zu gave one block", j, i);
    }
    for (size_t i = 0; i < MANY; i++)
        free(held[i]);
}

static void malloc_zero_gives_distinct_blocks(void)
{
    for (size_t i = 0; i < MANY; i++)
        held[i] = malloc(0);
    distinct();
}

static void calloc_zero_gives_distinct_blocks(void)
{
    for (size_t i = 0; i < MANY; i++)
        held[i] = i % 2 ? calloc(0, i) : calloc(i, 0);
    distinct();
}

static void calloc_zero_of_the_largest_is_no_overflow(void)
{
    void *a = calloc(0, SIZE_MAX), *b = calloc(SIZE_MAX, 0);
    EXPECT(a && b && a != b);
    free(a);
    free(b);
}

static void realloc_null_zero_gives_distinct_blocks(void)
{
    for (size_t i = 0; i < MANY; i++)
        held[i] = realloc(NULL, 0);
    distinct();
}

static void reallocarray_null_zero_gives_distinct_blocks(void)
{
    for (size_t i = 0; i < MANY; i++)
        held[i] = i % 2 ? reallocarray(NULL, 0, 8) : reallocarray(NULL, SIZE_MAX, 0);
    distinct();
}

static void aligned_zero_gives_distinct_aligned_blocks(void)
{
    for (size_t i = 0; i < MANY; i++) {
        size_t align = (size_t)16 << i % 9;
        held[i] = i % 2 ? memalign(align, 0) : aligned_alloc(align, 0);
        EXPECT_SAY((uintptr_t)held[i] % align == 0, "alignment %zu: %p", align, held[i]);
    }
    distinct();
}

static void posix_memalign_zero_gives_distinct_blocks(void)
{
    for (size_t i = 0; i < MANY; i++)
        EXPECT(posix_memalign(&held[i], 64, 0) == 0);
    distinct();
}

static void valloc_zero_gives_a_block(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *a = valloc(0), *b = pvalloc(0);
    EXPECT(a && b && a != b);
    EXPECT((uintptr_t)a % page == 0 && (uintptr_t)b % page == 0);
    free(a);
    free(b);
}

static void zero_blocks_are_apart_from_others(void)
{
    char *zero = malloc(0), *one = malloc(1);
    *one = 7;
    EXPECT(zero != one);
    free(zero);
    EXPECT(*one == 7);
    free(one);
}

static void zero_blocks_can_grow(void)
{
    char *p = realloc(malloc(0), 100);
    EXPECT(p);
    memset(p, 1, 100);
    free(p);
}

static void free_null_does_nothing(void)
{
    for (int i = 0; i < MANY; i++)
        free(NULL);
    EXPECT(malloc_usable_size(NULL) == 0);
}

EXPECT_MAIN(CASE(malloc_zero_gives_distinct_blocks), CASE(calloc_zero_gives_distinct_blocks),
            CASE(calloc_zero_of_the_largest_is_no_overflow), CASE(realloc_null_zero_gives_distinct_blocks),
            CASE(reallocarray_null_zero_gives_distinct_blocks), CASE(aligned_zero_gives_distinct_aligned_blocks),
            CASE(posix_memalign_zero_gives_distinct_blocks), CASE(valloc_zero_gives_a_block),
            CASE(zero_blocks_are_apart_from_others), CASE(zero_blocks_can_grow), CASE(free_null_does_nothing))
