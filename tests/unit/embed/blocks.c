/* The contract of memoir_pool_alloc and its kin, for every fit, alignment and home. */
#include "pool_help.h"

#include <errno.h>

/* Blocks full of their own byte, among random requests. */
enum { LIVES = 300, STEPS = 20000 };
static struct life {
    unsigned char *p;
    size_t size;
    unsigned char byte;
} lives[LIVES];
static uint64_t random_state = 1;

static uint32_t next_random(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33);
}

static void expect_whole(const struct life *l, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        cr_assert_eq(l->p[i], l->byte, "byte %zu of a block of %zu", i, l->size);
}

static void step(struct memoir_pool *pool, struct life *l, size_t align)
{
    size_t size = next_random() % (next_random() % 8 ? 200 : 5000), old = l->size;
    unsigned char *p = l->p;
    if (p && next_random() % 3 == 0) {
        expect_whole(l, l->size);
        p = memoir_pool_realloc(pool, p, size);
        if (!p)
            return;
        l->p = p;
        expect_whole(l, old < size ? old : size);
    } else if (p) {
        expect_whole(l, l->size);
        memoir_pool_free(pool, p);
        l->p = NULL;
        return;
    } else {
        size_t wanted = (size_t)1 << next_random() % 9;
        l->p = p = next_random() % 4 ? memoir_pool_alloc(pool, size) : memoir_pool_aligned_alloc(pool, wanted, size);
        if (!p)
            return;
    }
    cr_assert_eq((uintptr_t)p % align, 0);
    cr_assert_geq(memoir_pool_usable_size(pool, p), size);
    l->size = size;
    l->byte = (unsigned char)next_random();
    memset(p, l->byte, size);
}

static void drive(struct memoir_pool *pool, size_t align)
{
    memset(lives, 0, sizeof lives);
    for (unsigned i = 0; i < STEPS; i++) {
        step(pool, &lives[next_random() % LIVES], align);
        if (i % 1000 == 0)
            expect_pool_sound(pool);
    }
    for (unsigned i = 0; i < LIVES; i++)
        if (lives[i].p) {
            expect_whole(&lives[i], lives[i].size);
            memoir_pool_free(pool, lives[i].p);
        }
    struct memoir_pool_stats s = stats_of(pool);
    cr_expect_eq(s.in_use, 0);
    cr_expect_eq(s.blocks, 0);
    cr_expect_eq(s.allocated, s.freed);
    cr_expect_eq(s.allocs, s.frees);
    expect_pool_sound(pool);
    expect_silent();
    cr_expect_eq(memoir_pool_destroy(pool), 0);
}

static void drive_fit(unsigned flags, size_t align)
{
    static char buffer[300001];
    for (int fit = 0; fit < MEMOIR_FITS; fit++) {
        struct memoir_pool_options o = options_of((enum memoir_fit)fit, flags);
        o.align = align;
        drive(memoir_pool_create_in(buffer + 1, sizeof buffer - 1, &o), align);
        o.limit = 1 << 20;
        drive(memoir_pool_create(5000, &o), align);
    }
}

Test(embed_blocks, hold_what_is_written_into_them) { drive_fit(0, 16); }
Test(embed_blocks, hold_it_at_8_bytes) { drive_fit(0, 8); }
Test(embed_blocks, hold_it_with_everything_on)
{
    drive_fit(MEMOIR_POOL_THREAD_SAFE | MEMOIR_POOL_FALLBACK | MEMOIR_POOL_TAGS | MEMOIR_POOL_FILL, 16);
}
Test(embed_blocks, hold_it_at_8_bytes_with_tags) { drive_fit(MEMOIR_POOL_TAGS, 8); }

Test(embed_blocks, a_size_of_zero_gives_blocks_of_their_own)
{
    struct memoir_pool *pool = make_pool(MEMOIR_FIT_SEGREGATED, 0, 4096);
    void *a = memoir_pool_alloc(pool, 0), *b = memoir_pool_calloc(pool, 0, 7), *c = memoir_pool_realloc(pool, NULL, 0);
    cr_assert(a && b && c && a != b && b != c && a != c);
    a = memoir_pool_realloc(pool, a, 0);
    cr_expect_not_null(a);
    cr_expect_eq(stats_of(pool).blocks, 3);
    cr_expect_eq(stats_of(pool).in_use, 0);
    memoir_pool_free(pool, a);
    memoir_pool_free(pool, b);
    memoir_pool_free(pool, c);
    memoir_pool_free(pool, NULL);
    cr_expect_eq(memoir_pool_destroy(pool), 0);
}

Test(embed_blocks, every_power_of_two_is_an_alignment_and_nothing_else)
{
    for (int fit = 0; fit < MEMOIR_FITS; fit++) {
        struct memoir_pool *pool = make_pool((enum memoir_fit)fit, 0, 4 << 20);
        for (size_t align = 1; align <= 1 << 20; align *= 2) {
            void *p = memoir_pool_aligned_alloc(pool, align, 100);
            cr_assert_not_null(p, "fit %d, alignment %zu", fit, align);
            cr_expect_eq((uintptr_t)p % align, 0);
            memset(p, 1, 100);
            memoir_pool_free(pool, p);
        }
        static const size_t none[] = { 0, 3, 48, SIZE_MAX };
        for (unsigned i = 0; i < 4; i++) {
            errno = 0;
            cr_expect_null(memoir_pool_aligned_alloc(pool, none[i], 100));
            cr_expect_eq(errno, EINVAL);
            expect_told(MEMOIR_POOL_BAD_REQUEST, NULL, "power of two");
        }
        cr_expect_null(memoir_pool_aligned_alloc(pool, (size_t)1 << 63, 100));
        expect_pool_sound(pool);
        cr_expect_eq(memoir_pool_destroy(pool), 0);
    }
}

Test(embed_blocks, absurd_sizes_fail_and_change_nothing)
{
    static const size_t absurd[] = { SIZE_MAX, SIZE_MAX - 15, SIZE_MAX / 2, (size_t)1 << 36, MEMOIR_POOL_LARGEST,
                                     MEMOIR_POOL_LARGEST + 1, 1 << 20 };
    for (int fit = 0; fit < MEMOIR_FITS; fit++) {
        struct memoir_pool *pool = make_pool((enum memoir_fit)fit, 0, 1 << 16);
        char *kept = memoir_pool_alloc(pool, 10);
        strcpy(kept, "kept");
        for (unsigned i = 0; i < sizeof absurd / sizeof absurd[0]; i++) {
            errno = 0;
            cr_expect_null(memoir_pool_alloc(pool, absurd[i]));
            cr_expect_eq(errno, ENOMEM);
            cr_expect_null(memoir_pool_calloc(pool, 1, absurd[i]));
            cr_expect_null(memoir_pool_calloc(pool, absurd[i], 3));
            cr_expect_null(memoir_pool_aligned_alloc(pool, 64, absurd[i]));
            cr_expect_null(memoir_pool_realloc(pool, kept, absurd[i]));
            cr_expect_null(memoir_pool_alloc_pages(pool, absurd[i]));
        }
        cr_expect_eq(stats_of(pool).failures, 6 * 7);
        cr_expect_str_eq(kept, "kept");
        expect_silent();
        expect_pool_sound(pool);
        memoir_pool_free(pool, kept);
        memoir_pool_destroy(pool);
    }
}

Test(embed_blocks, calloc_clears_and_fill_fills)
{
    struct memoir_pool *pool = make_pool(MEMOIR_FIT_BEST, MEMOIR_POOL_FILL, 1 << 16);
    unsigned char *p = memoir_pool_alloc(pool, 100);
    for (unsigned i = 0; i < 100; i++)
        cr_assert_eq(p[i], 0xCC);
    memoir_pool_free(pool, p);
    for (unsigned i = 0; i < 100; i++)
        cr_assert_eq(p[i], 0xDD, "byte %u: nothing of the pool lies in free memory", i);
    unsigned char *q = memoir_pool_calloc(pool, 10, 10);
    cr_assert_eq(q, p);
    for (unsigned i = 0; i < 100; i++)
        cr_assert_eq(q[i], 0);
    q = memoir_pool_realloc(pool, q, 300);
    cr_assert_eq(q[99], 0);
    cr_assert_eq(q[299], 0xCC);
    memoir_pool_free(pool, q);
    memoir_pool_destroy(pool);
}

Test(embed_blocks, a_full_pool_fails_until_something_is_freed)
{
    static char buffer[8192];
    for (int fit = 0; fit < MEMOIR_FITS; fit++) {
        struct memoir_pool_options o = options_of((enum memoir_fit)fit, 0);
        struct memoir_pool *pool = memoir_pool_create_in(buffer, sizeof buffer, &o);
        void *blocks[200], *last;
        unsigned n = 0;
        while ((last = memoir_pool_alloc(pool, 100)))
            blocks[n++] = last;
        cr_expect_geq(n, 30);
        cr_expect_eq(stats_of(pool).failures, 1);
        memoir_pool_free(pool, blocks[n / 2]);
        cr_expect_eq(memoir_pool_alloc(pool, 100), blocks[n / 2]);
        expect_pool_sound(pool);
        for (unsigned i = 0; i < n; i++)
            memoir_pool_free(pool, blocks[i]);
        cr_expect_eq(stats_of(pool).gaps, fit == MEMOIR_FIT_BUDDY ? stats_of(pool).gaps : 1, "all are merged");
        memoir_pool_destroy(pool);
    }
}

Test(embed_blocks, realloc_grows_in_place_where_there_is_room)
{
    struct memoir_pool *pool = make_pool(MEMOIR_FIT_FIRST, 0, 1 << 16);
    char *a = memoir_pool_alloc(pool, 100);
    cr_expect_eq(memoir_pool_realloc(pool, a, 5000), a);
    char *b = memoir_pool_alloc(pool, 100);
    strcpy(a, "content");
    char *moved = memoir_pool_realloc(pool, a, 9000);
    cr_expect_neq(moved, a);
    cr_expect_str_eq(moved, "content");
    cr_expect_eq(memoir_pool_realloc(pool, moved, 20), moved);
    cr_expect_str_eq(moved, "content");
    struct memoir_pool_stats s = stats_of(pool);
    cr_expect_eq(s.in_use, 120);
    cr_expect_eq(s.allocs, 5);
    cr_expect_eq(s.frees, 3);
    memoir_pool_free(pool, b);
    memoir_pool_free(pool, moved);
    memoir_pool_destroy(pool);
}
