/* What cannot be had: NULL and ENOMEM, never a wrapped size; and the heap works on. */
#include "expect.h"
#include <malloc.h>

#define HALF ((size_t)PTRDIFF_MAX)

/* Sizes no allocator can serve: just above PTRDIFF_MAX and just below SIZE_MAX. */
static size_t impossible(size_t i)
{
    size_t step = i / 2;
    return i % 2 ? SIZE_MAX - step * 61 : HALF + 1 + step * 61;
}
enum { IMPOSSIBLE = 2000 };

static void usable_after(void)
{
    void *p = malloc(100);
    EXPECT(p);
    memset(p, 1, 100);
    free(p);
}

static void malloc_of_the_impossible(void)
{
    for (size_t i = 0; i < IMPOSSIBLE; i++)
        EXPECT_FAILS(malloc(impossible(i)), ENOMEM);
    usable_after();
}

static void malloc_of_ptrdiff_max(void)
{
    EXPECT_FAILS(malloc(HALF), ENOMEM);
    EXPECT_FAILS(malloc(HALF - 64), ENOMEM);
    usable_after();
}

static void calloc_of_the_impossible(void)
{
    for (size_t i = 0; i < IMPOSSIBLE; i++) {
        EXPECT_FAILS(calloc(1, impossible(i)), ENOMEM);
        EXPECT_FAILS(calloc(impossible(i), 1), ENOMEM);
    }
    usable_after();
}

/* Products that wrap: to zero, to small sizes, to just one too many. */
static const struct { size_t n, size; } wraps[] = {
    { SIZE_MAX, 2 }, { 2, SIZE_MAX }, { SIZE_MAX, SIZE_MAX }, { HALF + 1, 2 }, { SIZE_MAX / 2 + 1, 3 },
    { (size_t)1 << 32, (size_t)1 << 32 }, { ((size_t)1 << 32) + 1, (size_t)1 << 32 },
    { SIZE_MAX / 16 + 2, 16 }, { 16, SIZE_MAX / 16 + 2 }, { SIZE_MAX / 3 + 1, 3 }, { SIZE_MAX / 7 + 1, 7 },
    { (size_t)1 << 63, 2 }, { (size_t)1 << 62, 4 }, { ((size_t)1 << 33) - 1, ((size_t)1 << 33) - 1 },
};

static void calloc_of_products_that_wrap(void)
{
    for (size_t i = 0; i < COUNT(wraps); i++)
        EXPECT_FAILS(calloc(wraps[i].n, wraps[i].size), ENOMEM);
    usable_after();
}

static void reallocarray_of_products_that_wrap(void)
{
    for (size_t i = 0; i < COUNT(wraps); i++) {
        EXPECT_FAILS(reallocarray(NULL, wraps[i].n, wraps[i].size), ENOMEM);
        char *old = malloc(64);
        expect_fill(old, 64, i);
        EXPECT_FAILS(reallocarray(old, wraps[i].n, wraps[i].size), ENOMEM);
        EXPECT(expect_filled(old, 64, i));
        free(old);
    }
}

static void every_size_times_two_that_wraps(void)
{
    for (size_t bit = 1; bit < 64; bit++) {
        size_t n = (size_t)1 << bit, other = SIZE_MAX / n + 1;
        EXPECT_FAILS(calloc(n, other), ENOMEM);
        EXPECT_FAILS(calloc(n + 1, other), ENOMEM);
        EXPECT_FAILS(reallocarray(NULL, n, other), ENOMEM);
    }
}

static void realloc_of_the_impossible_keeps_the_block(void)
{
    static const size_t sizes[] = { 1, 24, 1000, 40000, 300000, 10 << 20 };
    for (size_t i = 0; i < COUNT(sizes); i++) {
        char *old = malloc(sizes[i]);
        expect_fill(old, sizes[i], i);
        for (size_t k = 0; k < 50; k++)
            EXPECT_FAILS(realloc(old, impossible(k)), ENOMEM);
        EXPECT(expect_filled(old, sizes[i], i));
        EXPECT(malloc_usable_size(old) >= sizes[i]);
        free(old);
    }
}

static void realloc_null_of_the_impossible(void)
{
    for (size_t i = 0; i < IMPOSSIBLE; i++)
        EXPECT_FAILS(realloc(NULL, impossible(i)), ENOMEM);
}

static void aligned_of_the_impossible(void)
{
    for (size_t align = 1; align <= (size_t)1 << 40; align *= 2)
        for (size_t i = 0; i < 50; i++) {
            EXPECT_FAILS(memalign(align, impossible(i)), ENOMEM);
            EXPECT_FAILS(aligned_alloc(align, impossible(i)), ENOMEM);
        }
    usable_after();
}

/* Size and alignment are each possible, their sum wraps. */
static void aligned_sums_that_wrap(void)
{
    size_t largest = (size_t)1 << 63;
    EXPECT_FAILS(memalign(largest, largest), ENOMEM);
    EXPECT_FAILS(memalign(largest, SIZE_MAX - largest + 1), ENOMEM);
    EXPECT_FAILS(aligned_alloc(largest, largest - 1), ENOMEM);
    EXPECT_FAILS(aligned_alloc(largest / 2, HALF), ENOMEM);
    usable_after();
}

static void posix_memalign_of_the_impossible(void)
{
    void *const mark = &usable_after;
    for (size_t align = sizeof(void *); align; align *= 2)
        for (size_t i = 0; i < 50; i++) {
            void *block = mark;
            EXPECT_SAY(posix_memalign(&block, align, impossible(i)) == ENOMEM, "alignment %zu", align);
            EXPECT_SAY(block == mark, "the pointer was changed");
        }
}

static void valloc_and_pvalloc_of_the_impossible(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (size_t i = 0; i < IMPOSSIBLE; i++) {
        EXPECT_FAILS(valloc(impossible(i)), ENOMEM);
        EXPECT_FAILS(pvalloc(impossible(i)), ENOMEM);
    }
    for (size_t under = 0; under <= 2 * page; under++) {
        EXPECT_FAILS(pvalloc(SIZE_MAX - under), ENOMEM);
        EXPECT_FAILS(valloc(SIZE_MAX - under), ENOMEM);
    }
    usable_after();
}

static void more_than_the_address_space(void)
{
    for (size_t bit = 47; bit < 63; bit++) {
        EXPECT_FAILS(malloc((size_t)1 << bit), ENOMEM);
        EXPECT_FAILS(calloc((size_t)1 << bit, 1), ENOMEM);
        EXPECT_FAILS(memalign(4096, (size_t)1 << bit), ENOMEM);
    }
    usable_after();
}

EXPECT_MAIN(CASE(malloc_of_the_impossible), CASE(malloc_of_ptrdiff_max), CASE(calloc_of_the_impossible),
            CASE(calloc_of_products_that_wrap), CASE(reallocarray_of_products_that_wrap),
            CASE(every_size_times_two_that_wraps), CASE(realloc_of_the_impossible_keeps_the_block),
            CASE(realloc_null_of_the_impossible), CASE(aligned_of_the_impossible), CASE(aligned_sums_that_wrap),
            CASE(posix_memalign_of_the_impossible), CASE(valloc_and_pvalloc_of_the_impossible),
            CASE(more_than_the_address_space))
