/* Statistics, walks, checks. */
#include "pool_help.h"

Test(embed_survey, statistics_count_what_was_asked_for)
{
    struct memoir_pool *pool = make_pool(MEMOIR_FIT_FIRST, 0, 1 << 16);
    void *a = memoir_pool_alloc(pool, 100), *b = memoir_pool_alloc(pool, 50);
    memoir_pool_free(pool, a);
    memoir_pool_alloc(pool, 1 << 20);
    struct memoir_pool_stats s = stats_of(pool);
    cr_expect_eq(s.allocated, 150);
    cr_expect_eq(s.freed, 100);
    cr_expect_eq(s.allocs, 2);
    cr_expect_eq(s.frees, 1);
    cr_expect_eq(s.failures, 1);
    cr_expect_eq(s.peak, 150);
    cr_expect_eq(s.in_use, 50);
    cr_expect_eq(s.blocks, 1);
    cr_expect_eq(s.capacity, 1 << 16);
    cr_expect_eq(s.limit, 1 << 16);
    cr_expect_eq(s.gaps, 2);
    cr_expect_eq(s.free_bytes, (1 << 16) - 80, "50 and 16 are 66: 80 in units of 16");
    cr_expect_eq(s.largest_free, s.free_bytes - 128 - 16, "100 and 16 are 116: a gap of 128");
    cr_expect_eq(s.fragmentation, 0);
    memoir_pool_reset_stats(pool);
    s = stats_of(pool);
    cr_expect(s.allocated == 0 && s.freed == 0 && s.allocs == 0 && s.frees == 0 && s.failures == 0);
    cr_expect_eq(s.peak, 50);
    cr_expect_eq(s.blocks, 1);
    memoir_pool_free(pool, b);
    cr_expect_eq(stats_of(pool).gaps, 1);
    memoir_pool_destroy(pool);
}

Test(embed_survey, the_largest_gap_can_be_had_and_no_more)
{
    for (int fit = 0; fit < MEMOIR_FITS; fit++)
        for (unsigned flags = 0; flags <= MEMOIR_POOL_TAGS; flags += MEMOIR_POOL_TAGS) {
            struct memoir_pool *pool = make_pool((enum memoir_fit)fit, flags, 1 << 16);
            void *blocks[20];
            for (unsigned i = 0; i < 20; i++)
                blocks[i] = memoir_pool_alloc(pool, 1000 + 100 * i);
            for (unsigned i = 0; i < 20; i += 3)
                memoir_pool_free(pool, blocks[i]);
            size_t largest = stats_of(pool).largest_free;
            cr_expect_null(memoir_pool_alloc(pool, largest + 1), "fit %d", fit);
            void *p = memoir_pool_alloc(pool, largest);
            cr_expect_not_null(p, "fit %d", fit);
            memoir_pool_free(pool, p);
            for (unsigned i = 0; i < 20; i++)
                if (i % 3)
                    memoir_pool_free(pool, blocks[i]);
            memoir_pool_destroy(pool);
        }
}

Test(embed_survey, fragmentation_is_what_is_free_elsewhere_than_in_the_largest_gap)
{
    struct memoir_pool *pool = make_pool(MEMOIR_FIT_FIRST, 0, 64 * 1024);
    void *blocks[64];
    for (unsigned i = 0; i < 64; i++)
        cr_assert_not_null(blocks[i] = memoir_pool_alloc(pool, 1024 - 16));
    cr_expect_eq(stats_of(pool).free_bytes, 0);
    cr_expect_eq(stats_of(pool).fragmentation, 0);
    for (unsigned i = 0; i < 20; i += 2)
        memoir_pool_free(pool, blocks[i]);
    cr_expect_eq(stats_of(pool).fragmentation, 90, "ten gaps of a size");
    for (unsigned i = 0; i < 64; i++)
        if (i >= 20 || i % 2)
            memoir_pool_free(pool, blocks[i]);
    cr_expect_eq(stats_of(pool).fragmentation, 0);
    memoir_pool_destroy(pool);
}

struct seen {
    unsigned blocks, gaps, fallback, stop_after;
    size_t bytes, gap_bytes;
    const char *last;
    const char *file;
    unsigned line;
};

static bool see(void *ctx, const struct memoir_pool_block *b)
{
    struct seen *s = ctx;
    if (!b->fallback) {
        cr_expect_lt(s->last, (const char *)b->block, "in the order of addresses");
        s->last = b->block;
    }
    cr_expect_leq(b->size, b->usable);
    s->fallback += b->fallback;
    *(b->in_use ? &s->blocks : &s->gaps) += 1;
    *(b->in_use ? &s->bytes : &s->gap_bytes) += b->size;
    if (b->file) {
        s->file = b->file;
        s->line = b->line;
    }
    return --s->stop_after != 0;
}

Test(embed_survey, a_walk_sees_every_block_and_gap)
{
    struct memoir_pool *pool = make_pool(MEMOIR_FIT_SEGREGATED, MEMOIR_POOL_TAGS | MEMOIR_POOL_FALLBACK, 4096);
    void *a = memoir_pool_alloc(pool, 100), *b = memoir_pool_alloc(pool, 200), *c = memoir_pool_alloc(pool, 1 << 20);
    memoir_pool_free(pool, a);
#line 77 "somewhere.c"
    b = MEMOIR_POOL_REALLOC(pool, b, 150);
    struct seen s = { 0 };
    cr_expect(memoir_pool_walk(pool, see, &s));
    cr_expect_eq(s.blocks, 2);
    cr_expect_eq(s.bytes, 150 + (1 << 20));
    cr_expect_eq(s.fallback, 1);
    cr_expect_eq(s.gaps, 2);
    cr_expect_str_eq(s.file, "somewhere.c");
    cr_expect_eq(s.line, 77);
    s = (struct seen){ .stop_after = 2 };
    cr_expect_not(memoir_pool_walk(pool, see, &s));
    cr_expect_eq(s.blocks + s.gaps, 2);
    memoir_pool_free(pool, b);
    memoir_pool_free(pool, c);
    memoir_pool_destroy(pool);
}

Test(embed_survey, an_aligned_block_remembers_its_place)
{
    struct memoir_pool *pool = make_pool(MEMOIR_FIT_SEGREGATED, MEMOIR_POOL_TAGS, 65536);
#line 99 "elsewhere.c"
    void *p = MEMOIR_POOL_ALIGNED_ALLOC(pool, 4096, 10), *none = MEMOIR_POOL_ALIGNED_ALLOC(pool, 64, SIZE_MAX);
    struct seen s = { 0 };
    cr_expect_not_null(p);
    cr_expect_eq((uintptr_t)p % 4096, 0);
    cr_expect_null(none);
    memoir_pool_walk(pool, see, &s);
    cr_expect_eq(s.blocks, 1);
    cr_expect_str_eq(s.file, "elsewhere.c");
    cr_expect_eq(s.line, 99);
    memoir_pool_free(pool, p);
    memoir_pool_destroy(pool);
}

Test(embed_survey, check_names_the_block_at_fault)
{
    struct memoir_pool *pool = make_pool(MEMOIR_FIT_FIRST, 0, 4096);
    const void *where = pool;
    char *a = memoir_pool_alloc(pool, 100), *b = memoir_pool_alloc(pool, 100);
    cr_expect_null(memoir_pool_check(pool, &where));
    cr_expect_null(where);
    b[-1] ^= 1; /* the check of its header */
    cr_expect_str_eq(memoir_pool_check(pool, &where), "the header of a block or gap was overwritten");
    cr_expect_eq(where, b);
    b[-1] ^= 1;
    b[-12] ^= 1; /* what it says of the block before */
    cr_expect_str_eq(memoir_pool_check(pool, &where), "the header behind a block or gap was overwritten");
    cr_expect_eq(where, b);
    b[-12] ^= 1;
    expect_pool_sound(pool);
    memoir_pool_free(pool, a);
    memoir_pool_free(pool, b);
    memoir_pool_destroy(pool);
}
