/* Pools and their homes: options, buffers, growth, the end. */
#include "pool_help.h"

#include <criterion/redirect.h>
#include <errno.h>
#include <sys/mman.h>

static void expect_refused(size_t size, struct memoir_pool_options o, const char *words)
{
    o.on_error = remember;
    errno = 0;
    cr_expect_null(memoir_pool_create(size, &o));
    cr_expect_eq(errno, EINVAL);
    expect_told(MEMOIR_POOL_BAD_REQUEST, NULL, words);
    cr_expect_eq(memoir_pool_overhead(size, &o), 0);
}

Test(embed_create, bad_options_are_refused_in_words)
{
    expect_refused(0, (struct memoir_pool_options){ 0 }, "1 byte to 16 GiB");
    expect_refused(MEMOIR_POOL_LARGEST + 1, (struct memoir_pool_options){ 0 }, "1 byte to 16 GiB");
    expect_refused(MEMOIR_POOL_LARGEST, (struct memoir_pool_options){ .align = 8 }, "with align = 8 to 8 GiB");
    expect_refused(4096, (struct memoir_pool_options){ .limit = SIZE_MAX }, "16 GiB");
    expect_refused(4096, (struct memoir_pool_options){ .limit = 4095 }, "limit is below size");
    expect_refused(4096, (struct memoir_pool_options){ .fit = MEMOIR_FITS }, "no such fit");
    expect_refused(4096, (struct memoir_pool_options){ .flags = 1u << 31 }, "unknown flag");
    expect_refused(4096, (struct memoir_pool_options){ .align = 32 }, "neither 8 nor 16");
}

static void expect_refused_in(void *buffer, size_t size, struct memoir_pool_options o, const char *words)
{
    o.on_error = remember;
    cr_expect_null(memoir_pool_create_in(buffer, size, &o));
    expect_told(MEMOIR_POOL_BAD_REQUEST, NULL, words);
}

Test(embed_create, bad_buffers_are_refused_in_words)
{
    static char buffer[65536];
    expect_refused_in(NULL, 65536, (struct memoir_pool_options){ 0 }, "no buffer");
    expect_refused_in(buffer, 100, (struct memoir_pool_options){ 0 }, "too small");
    expect_refused_in(buffer, 1, (struct memoir_pool_options){ 0 }, "too small");
    expect_refused_in(buffer, 65536, (struct memoir_pool_options){ .limit = 1 << 20 }, "neither grows");
    expect_refused_in(buffer, 65536, (struct memoir_pool_options){ .flags = MEMOIR_POOL_HUGE_PAGES }, "huge pages");
}

/* The smallest buffer of each kind that makes a pool, at every alignment; nothing beside it is touched. */
Test(embed_create, the_overhead_and_64_bytes_are_enough_and_the_buffer_is_all_that_is_used)
{
    static unsigned char memory[16384];
    for (int fit = 0; fit < MEMOIR_FITS; fit++)
        for (size_t align = 8; align <= 16; align += 8)
            for (size_t shift = 0; shift < 70; shift++) {
                struct memoir_pool_options o = options_of((enum memoir_fit)fit, 0);
                o.align = align;
                size_t size = memoir_pool_overhead(64, &o) + 64;
                cr_assert_lt(size + shift, sizeof memory);
                memset(memory, 0x77, sizeof memory);
                struct memoir_pool *pool = memoir_pool_create_in(memory + shift, size, &o);
                cr_assert_not_null(pool, "fit %d, align %zu, shift %zu", fit, align, shift);
                void *p = memoir_pool_alloc(pool, 1);
                cr_assert_not_null(p);
                memset(p, 1, memoir_pool_usable_size(pool, p));
                expect_pool_sound(pool);
                memoir_pool_free(pool, p);
                memoir_pool_destroy(pool);
                for (size_t i = 0; i < sizeof memory; i++)
                    cr_assert(memory[i] == 0x77 || (i >= shift && i < shift + size), "byte %zu", i);
            }
}

Test(embed_create, a_buffer_larger_than_the_overhead_serves_what_is_left)
{
    static char memory[1 << 20];
    for (int fit = 0; fit < MEMOIR_FITS; fit++) {
        struct memoir_pool_options o = options_of((enum memoir_fit)fit, 0);
        struct memoir_pool *pool = memoir_pool_create_in(memory, sizeof memory, &o);
        size_t left = sizeof memory - memoir_pool_overhead(sizeof memory, &o);
        void *p = memoir_pool_alloc(pool, fit == MEMOIR_FIT_BUDDY ? left / 4 : left - 64);
        cr_expect_not_null(p, "fit %d", fit);
        cr_expect_lt(memoir_pool_overhead(sizeof memory, &o), 20000);
        memoir_pool_free(pool, p);
        memoir_pool_destroy(pool);
    }
}

Test(embed_create, a_pool_grows_to_its_limit_and_no_further)
{
    for (int fit = 0; fit < MEMOIR_FITS; fit++) {
        struct memoir_pool_options o = options_of((enum memoir_fit)fit, 0);
        o.limit = 1 << 20;
        struct memoir_pool *pool = memoir_pool_create(4096, &o);
        cr_expect_eq(stats_of(pool).capacity, 4096);
        size_t got = 0;
        while (memoir_pool_alloc(pool, 1000))
            got += 1000;
        struct memoir_pool_stats s = stats_of(pool);
        cr_expect_eq(s.capacity, 1 << 20);
        cr_expect_eq(s.limit, 1 << 20);
        cr_expect_geq(got, 9 * (1 << 20) / 10);
        expect_pool_sound(pool);
        o.on_leak = NULL;
        cr_redirect_stderr();
        cr_expect_eq(memoir_pool_destroy(pool), got / 1000);
    }
}

Test(embed_create, one_large_block_makes_a_pool_grow_at_once)
{
    for (int fit = 0; fit < MEMOIR_FITS; fit++) {
        struct memoir_pool_options o = options_of((enum memoir_fit)fit, 0);
        o.limit = 64 << 20;
        struct memoir_pool *pool = memoir_pool_create(1, &o);
        char *p = memoir_pool_alloc(pool, 20 << 20);
        cr_assert_not_null(p, "fit %d", fit);
        p[(20 << 20) - 1] = 1;
        void *q = memoir_pool_aligned_alloc(pool, 1 << 20, 100);
        cr_assert_not_null(q, "fit %d", fit);
        memoir_pool_free(pool, p);
        memoir_pool_free(pool, q);
        expect_pool_sound(pool);
        memoir_pool_destroy(pool);
    }
}

Test(embed_create, the_largest_pool_can_be_had)
{
    for (int fit = 0; fit < MEMOIR_FITS; fit++) {
        struct memoir_pool_options o = options_of((enum memoir_fit)fit, 0);
        o.limit = MEMOIR_POOL_LARGEST;
        struct memoir_pool *pool = memoir_pool_create(4096, &o);
        if (!pool)
            cr_skip_test("this system does not give so much address space");
        void *p = memoir_pool_alloc(pool, 100 << 20);
        cr_expect_not_null(p);
        memoir_pool_free(pool, p);
        memoir_pool_destroy(pool);
    }
}

Test(embed_create, huge_pages_are_a_hint)
{
    struct memoir_pool *pool = make_pool(MEMOIR_FIT_SEGREGATED, MEMOIR_POOL_HUGE_PAGES, 8 << 20);
    void *p = memoir_pool_alloc(pool, 6 << 20);
    cr_assert_not_null(p);
    memset(p, 1, 6 << 20);
    memoir_pool_free(pool, p);
    memoir_pool_destroy(pool);
}

Test(embed_create, pools_do_not_know_each_others_blocks)
{
    static char memory[32768];
    struct memoir_pool_options o = options_of(MEMOIR_FIT_FIRST, 0);
    struct memoir_pool *outer = make_pool(MEMOIR_FIT_FIRST, 0, 1 << 16);
    void *part = memoir_pool_alloc(outer, 16384);
    struct memoir_pool *inner = memoir_pool_create_in(part, 16384, &o); /* a pool in a block of another */
    void *p = memoir_pool_alloc(inner, 10);
    memoir_pool_free(outer, p);
    expect_told(MEMOIR_POOL_NOT_A_BLOCK, p, "not at its start");
    memoir_pool_free(inner, p);
    cr_expect_eq(memoir_pool_destroy(inner), 0);
    /* An earlier pool in the same place: its blocks are none of the next one's. */
    struct memoir_pool *first = memoir_pool_create_in(memory, sizeof memory, &o);
    void *a = memoir_pool_alloc(first, 100), *b = memoir_pool_alloc(first, 100);
    memoir_pool_free(first, a);
    memoir_pool_free(first, b);
    b = memoir_pool_alloc(first, 50);
    memoir_pool_free(first, b);
    memoir_pool_destroy(first);
    struct memoir_pool *second = memoir_pool_create_in(memory, sizeof memory, &o);
    memoir_pool_free(second, a);
    cr_expect_eq(told.times, 1);
    told.times = 0;
    expect_pool_sound(second);
    memoir_pool_destroy(second);
    memoir_pool_free(outer, part);
    cr_expect_eq(memoir_pool_destroy(outer), 0);
    cr_expect_eq(memoir_pool_destroy(NULL), 0);
}

/* ---- leaks ----------------------------------------------------------------------------------------------- */

Test(embed_create, leaks_are_listed, .init = cr_redirect_stderr)
{
    struct memoir_pool *pool = make_pool(MEMOIR_FIT_FIRST, MEMOIR_POOL_TAGS, 4096);
    char expected[300];
#line 1000 "place.c"
    void *a = MEMOIR_POOL_ALLOC(pool, 24), *b = memoir_pool_alloc(pool, 10);
#line 163 "create.c"
    memoir_pool_free(pool, MEMOIR_POOL_CALLOC(pool, 3, 3));
    cr_expect_eq(memoir_pool_destroy(pool), 2);
    snprintf(expected, sizeof expected,
             "memoir: pool test is destroyed with 2 blocks (34 bytes) not freed:\n"
             "memoir:   24 bytes at %p from place.c:1000\nmemoir:   10 bytes at %p\n", a, b);
    cr_expect_stderr_eq_str(expected);
}

static unsigned leaks_seen;
static bool see_leak(void *ctx, const struct memoir_pool_block *b)
{
    cr_expect_eq(ctx, &leaks_seen);
    cr_expect(b->in_use);
    cr_expect_eq(b->size, 100);
    leaks_seen++;
    return true;
}

Test(embed_create, or_told_to_a_callback)
{
    struct memoir_pool_options o = options_of(MEMOIR_FIT_BEST, MEMOIR_POOL_FALLBACK);
    o.on_leak = see_leak;
    o.ctx = &leaks_seen;
    struct memoir_pool *pool = memoir_pool_create(4096, &o);
    for (unsigned i = 0; i < 60; i++)
        cr_assert_not_null(memoir_pool_alloc(pool, 100)); /* some of them from malloc */
    cr_expect_gt(stats_of(pool).fallback_blocks, 10);
    cr_expect_eq(memoir_pool_destroy(pool), 60);
    cr_expect_eq(leaks_seen, 60);
}
