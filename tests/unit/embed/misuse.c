/* Misuse is told apart, reported, and changes nothing. */
#include "pool_help.h"

#include <pthread.h>
#include <criterion/redirect.h>
#include <signal.h>

static void for_every_fit(unsigned flags, void (*test)(struct memoir_pool *pool))
{
    for (int fit = 0; fit < MEMOIR_FITS; fit++) {
        struct memoir_pool *pool = make_pool((enum memoir_fit)fit, flags, 1 << 16);
        test(pool);
        memoir_pool_destroy(pool);
    }
}

static void double_frees(struct memoir_pool *pool)
{
    void *blocks[8];
    for (unsigned i = 0; i < 8; i++)
        blocks[i] = memoir_pool_alloc(pool, 100);
    static const unsigned order[] = { 3, 1, 2, 5, 4, 0 }; /* alone, merged to the left, right and both */
    for (unsigned i = 0; i < 6; i++) {
        struct memoir_pool_stats s;
        memoir_pool_free(pool, blocks[order[i]]);
        s = stats_of(pool);
        for (unsigned k = 0; k <= i; k++) {
            memoir_pool_free(pool, blocks[order[k]]);
            expect_told(MEMOIR_POOL_DOUBLE_FREE, blocks[order[k]], "free already");
        }
        cr_expect_eq(stats_of(pool).blocks, s.blocks);
        expect_pool_sound(pool);
    }
    memoir_pool_free(pool, blocks[6]);
    memoir_pool_free(pool, blocks[7]);
    expect_silent();
}

Test(embed_misuse, double_free) { for_every_fit(0, double_frees); }
Test(embed_misuse, double_free_filled) { for_every_fit(MEMOIR_POOL_FILL | MEMOIR_POOL_THREAD_SAFE, double_frees); }

static void wrong_pointers(struct memoir_pool *pool)
{
    char *p = memoir_pool_alloc(pool, 100), *mine = malloc(10);
    memset(p, 0x5a, 100);
    memoir_pool_free(pool, mine);
    expect_told(MEMOIR_POOL_FOREIGN_POINTER, mine, "does not lead into this pool");
    memoir_pool_free(pool, &mine);
    expect_told(MEMOIR_POOL_FOREIGN_POINTER, &mine, "free of");
    memoir_pool_free(pool, (void *)(uintptr_t)16);
    expect_told(MEMOIR_POOL_FOREIGN_POINTER, (void *)(uintptr_t)16, "free of");
    for (unsigned i = 1; i < 100; i++) {
        memoir_pool_free(pool, p + i);
        expect_told(MEMOIR_POOL_NOT_A_BLOCK, p + i, "not at its start");
    }
    cr_expect_null(memoir_pool_realloc(pool, p + 32, 10));
    expect_told(MEMOIR_POOL_NOT_A_BLOCK, p + 32, "realloc of");
    cr_expect_eq(memoir_pool_usable_size(pool, p + 32), 0);
    expect_told(MEMOIR_POOL_NOT_A_BLOCK, p + 32, "usable_size of");
    cr_expect_eq(memoir_pool_usable_size(pool, NULL), 0);
    memoir_pool_free(pool, p + 30000);
    expect_told(MEMOIR_POOL_DOUBLE_FREE, p + 30000, "this memory is free already");
    free(mine);
    memoir_pool_free(pool, p);
    expect_silent();
}

Test(embed_misuse, pointers_that_are_no_blocks) { for_every_fit(0, wrong_pointers); }

/* A copy of a header in the middle of a block, as a forgery or chance would have it. */
static void copied_headers(struct memoir_pool *pool)
{
    char *p = memoir_pool_alloc(pool, 1000), *q = memoir_pool_alloc(pool, 1000);
    memcpy(q + 48, p - 16, 16);
    memoir_pool_free(pool, q + 64);
    expect_told(MEMOIR_POOL_NOT_A_BLOCK, q + 64, "not at its start");
    memoir_pool_free(pool, p);
    memoir_pool_free(pool, q);
    expect_silent();
}

Test(embed_misuse, a_copied_header_is_no_header) { for_every_fit(0, copied_headers); }

/* Each byte of a header, changed alone. */
static void corrupted_headers(struct memoir_pool *pool)
{
    char *a = memoir_pool_alloc(pool, 100), *b = memoir_pool_alloc(pool, 100), *c = memoir_pool_alloc(pool, 100);
    const void *where;
    for (unsigned i = 0; i < 16; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            b[(int)i - 16] ^= (char)(1 << bit);
            memoir_pool_free(pool, b);
            cr_expect_eq(told.kind, MEMOIR_POOL_CORRUPTED, "byte %u bit %u: %s", i, bit, told.words);
            expect_told(told.kind, b, "corrupted");
            cr_expect_not_null(memoir_pool_check(pool, &where), "byte %u bit %u", i, bit);
            b[(int)i - 16] ^= (char)(1 << bit);
            expect_pool_sound(pool);
        }
    }
    memoir_pool_free(pool, a);
    memoir_pool_free(pool, b);
    memoir_pool_free(pool, c);
    expect_silent();
}

Test(embed_misuse, corrupted_header) { for_every_fit(0, corrupted_headers); }
Test(embed_misuse, corrupted_header_with_tags) { for_every_fit(MEMOIR_POOL_TAGS, corrupted_headers); }

/* Running over the end meets the header behind: the block is refused, and what lies behind the broken header too. */
static void overflows(struct memoir_pool *pool)
{
    char *a = memoir_pool_alloc(pool, 100), *b = memoir_pool_alloc(pool, 100), saved[16];
    size_t usable = memoir_pool_usable_size(pool, a);
    const void *where;
    memcpy(saved, a + usable, 16);
    memset(a + usable, 0x41, 16);
    memoir_pool_free(pool, a);
    expect_told(MEMOIR_POOL_CORRUPTED, a, "the header behind it was overwritten");
    memoir_pool_free(pool, b);
    expect_told(MEMOIR_POOL_CORRUPTED, b, "the header behind it was overwritten");
    cr_expect_not_null(memoir_pool_check(pool, &where));
    cr_expect_eq(where, b);
    memcpy(a + usable, saved, 16);
    memoir_pool_free(pool, a);
    memoir_pool_free(pool, b);
    expect_silent();
    expect_pool_sound(pool);
}

Test(embed_misuse, overflow_into_the_next_header)
{
    for (int fit = 0; fit < MEMOIR_FITS; fit++) {
        if (fit == MEMOIR_FIT_WORST)
            continue; /* there the two need not be neighbours */
        struct memoir_pool *pool = make_pool((enum memoir_fit)fit, 0, 1 << 16);
        overflows(pool);
        memoir_pool_destroy(pool);
    }
}

static void overflows_with_tags(struct memoir_pool *pool)
{
    char *a = MEMOIR_POOL_ALLOC(pool, 100);
    size_t usable = memoir_pool_usable_size(pool, a);
    const void *where;
    a[usable] ^= 1;
    memoir_pool_free(pool, a);
    expect_told(MEMOIR_POOL_OVERFLOW, a, "behind the end of this block of 100 bytes");
    cr_expect_null(memoir_pool_realloc(pool, a, 10));
    expect_told(MEMOIR_POOL_OVERFLOW, a, "realloc");
    cr_expect_str_eq(memoir_pool_check(pool, &where), "something was written behind the end of a block");
    cr_expect_eq(where, a);
    a[usable] ^= 1;
    memoir_pool_free(pool, a);
    expect_silent();
}

Test(embed_misuse, overflow_with_tags) { for_every_fit(MEMOIR_POOL_TAGS, overflows_with_tags); }

/* Nothing a program writes into what it has freed can lead the pool astray. */
static void writes_after_free(struct memoir_pool *pool)
{
    char *blocks[100];
    for (unsigned i = 0; i < 100; i++)
        blocks[i] = memoir_pool_alloc(pool, 20 + i * 3);
    for (unsigned i = 0; i < 100; i += 2)
        memoir_pool_free(pool, blocks[i]);
    for (unsigned i = 0; i < 100; i += 2)
        memset(blocks[i], (int)i, 20 + i * 3);
    expect_pool_sound(pool);
    for (unsigned i = 0; i < 100; i += 2) {
        blocks[i] = memoir_pool_alloc(pool, 20 + i * 3);
        cr_assert_not_null(blocks[i]);
    }
    for (unsigned i = 0; i < 100; i++)
        memoir_pool_free(pool, blocks[i]);
    expect_pool_sound(pool);
    expect_silent();
}

Test(embed_misuse, writes_after_free_do_no_harm) { for_every_fit(0, writes_after_free); }

/* ---- the default handler ----------------------------------------------------------------------------------- */

Test(embed_misuse, the_default_handler_ends_the_program, .signal = SIGABRT)
{
    struct memoir_pool *pool = memoir_pool_create(4096, NULL);
    void *p = memoir_pool_alloc(pool, 10);
    memoir_pool_free(pool, p);
    memoir_pool_free(pool, p);
}

Test(embed_misuse, but_not_for_want_of_a_pool, .init = cr_redirect_stderr)
{
    static const struct memoir_pool_options o = { .fit = (enum memoir_fit)17, .name = "odd" };
    cr_expect_null(memoir_pool_create(4096, &o));
    cr_expect_stderr_eq_str("memoir: pool odd: it cannot be created: there is no such fit; take one of enum memoir_fit\n");
}

/* ---- callbacks that call -------------------------------------------------------------------------------------- */

static struct memoir_pool *walked;

static bool free_it(void *ctx, const struct memoir_pool_block *b)
{
    (void)ctx;
    memoir_pool_free(walked, b->block);
    return true;
}

Test(embed_misuse, a_callback_that_calls_its_pool_is_told)
{
    walked = make_pool(MEMOIR_FIT_SEGREGATED, MEMOIR_POOL_THREAD_SAFE, 4096);
    void *p = memoir_pool_alloc(walked, 10);
    memoir_pool_walk(walked, free_it, NULL);
    cr_expect_eq(told.times, 2, "for a block and a gap");
    told.times = 1;
    expect_told(MEMOIR_POOL_REENTERED, NULL, "callback");
    memoir_pool_free(walked, p);
    expect_silent();
    memoir_pool_destroy(walked);
}

static void *churn(void *ctx)
{
    void *blocks[50] = { NULL };
    for (unsigned i = 0; i < 20000; i++) {
        memoir_pool_free(ctx, blocks[i % 50]);
        blocks[i % 50] = memoir_pool_alloc(ctx, i * 7 % 300);
    }
    for (unsigned i = 0; i < 50; i++)
        memoir_pool_free(ctx, blocks[i]);
    return NULL;
}

Test(embed_misuse, threads_share_a_thread_safe_pool)
{
    struct memoir_pool *pool = make_pool(MEMOIR_FIT_SEGREGATED, MEMOIR_POOL_THREAD_SAFE, 1 << 18);
    pthread_t threads[4];
    for (unsigned i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, churn, pool);
    for (unsigned i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    cr_expect_eq(stats_of(pool).allocs, 80000);
    cr_expect_eq(stats_of(pool).blocks, 0);
    expect_pool_sound(pool);
    memoir_pool_destroy(pool);
}
