#include <criterion/criterion.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "memoir/slab.h"

/* ---- what the handler was told ---------------------------------------------------------------------- */

static struct {
    int calls;
    enum memoir_slab_error kind;
    const void *pointer;
} told;

static void listen(void *ctx, struct memoir_slab *slab, enum memoir_slab_error kind, const void *pointer,
                   const char *words)
{
    (void)ctx, (void)slab;
    cr_assert(words && *words);
    told.calls++;
    told.kind = kind;
    told.pointer = pointer;
}

static struct memoir_slab *make(size_t size, unsigned flags)
{
    struct memoir_slab_options o = { .size = size, .flags = flags, .on_error = listen };
    struct memoir_slab *slab = memoir_slab_create(&o);
    cr_assert_not_null(slab);
    told.calls = 0;
    return slab;
}

static void expect_told(enum memoir_slab_error kind, const void *pointer)
{
    cr_expect_eq(told.calls, 1, "%d reports", told.calls);
    cr_expect_eq(told.kind, kind, "kind %d", (int)told.kind);
    cr_expect_eq(told.pointer, pointer);
    told.calls = 0;
}

static void expect_sound(struct memoir_slab *slab)
{
    const char *why = memoir_slab_check(slab, NULL);
    cr_expect_null(why, "%s", why);
    cr_expect_eq(told.calls, 0);
}

static struct memoir_slab_stats stats_of(struct memoir_slab *slab)
{
    struct memoir_slab_stats stats;
    memoir_slab_stats(slab, &stats);
    return stats;
}

static const unsigned every[] = {
    0, MEMOIR_SLAB_THREAD_SAFE, MEMOIR_SLAB_THREAD_CACHES,
    MEMOIR_SLAB_CHECKED, MEMOIR_SLAB_CHECKED | MEMOIR_SLAB_THREAD_SAFE,
        MEMOIR_SLAB_CHECKED | MEMOIR_SLAB_THREAD_CACHES,
};
#define FOR_EVERY_KIND(flags) for (const unsigned *flags = every; flags < every + sizeof every / sizeof *every; flags++)
#define FOR_CHECKED_KINDS(flags) for (const unsigned *flags = every + 3; flags < every + 6; flags++)

enum { MANY = 20000 };
static char *objects[MANY];

static void take_many(struct memoir_slab *slab, size_t n, size_t size)
{
    for (size_t i = 0; i < n; i++) {
        objects[i] = memoir_slab_alloc(slab);
        cr_assert_not_null(objects[i]);
        memset(objects[i], (int)i, size);
    }
}

static void give_many(struct memoir_slab *slab, size_t n, size_t size)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < size; k++)
            cr_assert_eq(objects[i][k], (char)i, "object %zu byte %zu", i, k);
        memoir_slab_free(slab, objects[i]);
    }
}

/* ---- objects ---------------------------------------------------------------------------------------- */

Test(embed_slab, objects_of_every_size_are_apart_and_aligned)
{
    static const size_t sizes[] = { 1, 7, 8, 9, 16, 24, 48, 64, 100, 128, 256, 1000, 4096, 5000, 65536, 100000 };
    FOR_EVERY_KIND(flags)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            size_t size = sizes[s], n = size > 1000 ? 100 : 5000;
            struct memoir_slab *slab = make(size, *flags);
            take_many(slab, n, size);
            for (size_t i = 0; i < n; i++)
                cr_assert_eq((uintptr_t)objects[i] % (size % 16 ? 8 : 16), 0);
            cr_expect_eq(stats_of(slab).in_use, n);
            expect_sound(slab);
            give_many(slab, n, size);
            cr_expect_eq(stats_of(slab).in_use, 0);
            cr_expect_eq(stats_of(slab).allocs, n);
            cr_expect_eq(stats_of(slab).frees, n);
            expect_sound(slab);
            cr_expect_eq(memoir_slab_destroy(slab), 0);
        }
}

Test(embed_slab, alignments_hold)
{
    for (size_t align = 1; align <= 4096; align *= 2) {
        struct memoir_slab *slab = memoir_slab_create(&(struct memoir_slab_options){ .size = 40, .align = align });
        for (int i = 0; i < 3000; i++)
            cr_assert_eq((uintptr_t)memoir_slab_alloc(slab) % align, 0);
        expect_sound(slab);
        memoir_slab_destroy(slab);
    }
}

Test(embed_slab, the_object_freed_last_is_handed_out_first)
{
    FOR_EVERY_KIND(flags) {
        struct memoir_slab *slab = make(32, *flags);
        char *a = memoir_slab_alloc(slab), *b = memoir_slab_alloc(slab);
        memoir_slab_free(slab, a);
        memoir_slab_free(slab, b);
        cr_expect_eq(memoir_slab_alloc(slab), b);
        cr_expect_eq(memoir_slab_alloc(slab), a);
        memoir_slab_destroy(slab);
    }
}

Test(embed_slab, large_objects_are_coloured)
{
    struct memoir_slab *slab = make(512, 0);
    bool seen[8] = { false };
    for (int i = 0; i < 2000; i++)
        seen[(uintptr_t)memoir_slab_alloc(slab) / 64 % 8] = true;
    for (int line = 0; line < 8; line++)
        cr_expect(seen[line], "no object begins in cache line %d modulo 8", line);
    memoir_slab_destroy(slab);
}

/* ---- slabs come and go ------------------------------------------------------------------------------ */

Test(embed_slab, empty_slabs_are_given_back)
{
    FOR_EVERY_KIND(flags) {
        struct memoir_slab *slab = make(64, *flags);
        take_many(slab, MANY, 64);
        struct memoir_slab_stats full = stats_of(slab);
        cr_expect_geq(full.slabs, MANY * 64 / 65536);
        give_many(slab, MANY, 64);
        cr_expect_leq(stats_of(slab).slabs, 3);
        expect_sound(slab);
        memoir_slab_trim(slab);
        cr_expect_eq(stats_of(slab).slabs, 0);
        expect_sound(slab);
        take_many(slab, MANY, 64);
        cr_expect_eq(stats_of(slab).slabs, full.slabs, "flags %u", *flags);
        expect_sound(slab);
        cr_expect_eq(memoir_slab_destroy(slab), MANY);
    }
}

Test(embed_slab, the_limit_is_in_whole_slabs)
{
    struct memoir_slab_options o = { .size = 1024, .limit = 65, .on_error = listen };
    struct memoir_slab *slab = memoir_slab_create(&o);
    size_t n = 0;
    void *last = NULL;
    for (void *p; (p = memoir_slab_alloc(slab)); last = p)
        n++;
    cr_expect_eq(errno, ENOMEM);
    cr_expect_eq(n, 126);
    cr_expect_eq(stats_of(slab).limit, 126);
    cr_expect_eq(stats_of(slab).failures, 1);
    memoir_slab_free(slab, last);
    cr_expect_eq(memoir_slab_alloc(slab), last);
    memoir_slab_reset_stats(slab);
    cr_expect_eq(stats_of(slab).failures, 0);
    cr_expect_eq(stats_of(slab).peak, 126);
    memoir_slab_destroy(slab);
}

Test(embed_slab, lives_in_a_buffer_and_stays_there)
{
    static char buffer[20000];
    for (size_t shift = 0; shift < 80; shift += 7) {
        struct memoir_slab_options o = { .size = 24, .on_error = listen };
        size_t size = memoir_slab_buffer_size(500, &o);
        cr_assert(size > 500 * 24 && size < sizeof buffer - 80, "%zu", size);
        memset(buffer, 0x5a, sizeof buffer);
        struct memoir_slab *slab = memoir_slab_create_in(buffer + shift, size, &o);
        size_t n = 0;
        for (char *p; (p = memoir_slab_alloc(slab)); objects[n++] = p)
            memset(p, (int)n, 24);
        cr_expect(n >= 500 && n <= 505, "%zu", n);
        expect_sound(slab);
        give_many(slab, n, 24);
        memoir_slab_trim(slab);
        cr_expect_not_null(memoir_slab_alloc(slab));
        expect_sound(slab);
        for (size_t i = 0; i < sizeof buffer; i++)
            cr_assert((i >= shift && i < shift + size) || buffer[i] == 0x5a);
        memoir_slab_destroy(slab);
    }
}

/* ---- constructors ----------------------------------------------------------------------------------- */

static struct { int made, unmade, budget; } life;

static bool construct(void *ctx, void *object)
{
    cr_assert_eq(ctx, &life);
    if (life.budget-- == 0)
        return false;
    memset(object, 0x11, 20);
    life.made++;
    return true;
}

static void destruct(void *ctx, void *object)
{
    cr_assert_eq(ctx, &life);
    cr_assert_eq(((char *)object)[19], 0x11);
    life.unmade++;
}

Test(embed_slab, objects_stay_constructed_while_they_are_free)
{
    struct memoir_slab_options o = { .size = 20, .construct = construct, .destruct = destruct, .ctx = &life };
    struct memoir_slab *slab = memoir_slab_create(&o);
    life.made = life.unmade = 0;
    life.budget = -1;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 10000; i++) {
            char *p = objects[i] = memoir_slab_alloc(slab);
            for (int k = 0; k < 20; k++)
                cr_assert_eq(p[k], 0x11);
        }
        for (int i = 0; i < 10000; i++)
            memoir_slab_free(slab, objects[i]);
    }
    expect_sound(slab);
    memoir_slab_trim(slab);
    cr_expect_eq(life.made, life.unmade);
    memoir_slab_alloc(slab);
    memoir_slab_destroy(slab);
    cr_expect_eq(life.made, life.unmade);
    cr_expect_gt(life.made, 10000);
}

Test(embed_slab, an_object_that_cannot_be_made_fails_the_request)
{
    struct memoir_slab_options o = { .size = 20, .construct = construct, .destruct = destruct, .ctx = &life };
    struct memoir_slab *slab = memoir_slab_create(&o);
    life.made = life.unmade = 0;
    life.budget = 100;
    cr_expect_null(memoir_slab_alloc(slab));
    cr_expect_eq(errno, ENOMEM);
    cr_expect_eq(life.made, 100);
    cr_expect_eq(life.unmade, 100);
    life.budget = -1;
    cr_expect_not_null(memoir_slab_alloc(slab));
    expect_sound(slab);
    memoir_slab_destroy(slab);
    cr_expect_eq(life.made, life.unmade);
}

/* ---- misuse ----------------------------------------------------------------------------------------- */

Test(embed_slab, frees_of_anything_else_are_told_and_do_nothing)
{
    FOR_CHECKED_KINDS(flags) {
        struct memoir_slab *slab = make(48, *flags), *other = make(48, *flags);
        char *a = memoir_slab_alloc(slab), *b = memoir_slab_alloc(slab), *theirs = memoir_slab_alloc(other);
        memset(a, 0, 48);
        memoir_slab_free(slab, NULL);
        expect_sound(slab);
        for (int i = 1; i < 48; i++) {
            memoir_slab_free(slab, a + i);
            expect_told(MEMOIR_SLAB_NOT_AN_OBJECT, a + i);
        }
        memoir_slab_free(slab, &told);
        expect_told(MEMOIR_SLAB_FOREIGN_POINTER, &told);
        memoir_slab_free(slab, theirs);
        expect_told(MEMOIR_SLAB_FOREIGN_POINTER, theirs);
        memoir_slab_free(slab, (void *)16);
        expect_told(MEMOIR_SLAB_FOREIGN_POINTER, (void *)16);
        memoir_slab_free(slab, (void *)-16);
        expect_told(MEMOIR_SLAB_FOREIGN_POINTER, (void *)-16);
        memoir_slab_free(slab, a);
        memoir_slab_free(slab, a);
        expect_told(MEMOIR_SLAB_DOUBLE_FREE, a);
        memoir_slab_free(slab, b);
        memoir_slab_free(slab, a);
        expect_told(MEMOIR_SLAB_DOUBLE_FREE, a);
        cr_expect_eq(stats_of(slab).frees, 2);
        expect_sound(slab);
        memoir_slab_destroy(slab);
        memoir_slab_destroy(other);
    }
}

Test(embed_slab, a_second_free_is_found_wherever_the_object_is_meanwhile)
{
    FOR_CHECKED_KINDS(flags) {
        struct memoir_slab *slab = make(64, *flags);
        take_many(slab, MANY, 64);
        give_many(slab, MANY, 64);
        for (int i = 0; i < MANY; i += 13) {
            memoir_slab_free(slab, objects[i]);
            cr_assert(told.kind == MEMOIR_SLAB_DOUBLE_FREE || told.kind == MEMOIR_SLAB_FOREIGN_POINTER);
            cr_assert_eq(told.calls, 1, "object %d", i);
            told.calls = 0;
        }
        char *again = memoir_slab_alloc(slab);
        memoir_slab_free(slab, again);
        memoir_slab_free(slab, again);
        expect_told(MEMOIR_SLAB_DOUBLE_FREE, again);
        expect_sound(slab);
        memoir_slab_destroy(slab);
    }
}

Test(embed_slab, without_checks_foreign_pointers_are_told_at_once_and_the_rest_when_it_goes_back)
{
    for (int kind = 0; kind < 3; kind++) {
        struct memoir_slab *slab = make(64, every[kind]);
        take_many(slab, 100, 64);
        memoir_slab_free(slab, &told);
        expect_told(MEMOIR_SLAB_FOREIGN_POINTER, &told);
        memoir_slab_free(slab, objects[5]);
        memoir_slab_free(slab, objects[5]);
        memoir_slab_trim(slab);
        expect_told(MEMOIR_SLAB_DOUBLE_FREE, objects[5]);
        memoir_slab_free(slab, objects[7] + 8);
        cr_expect_not_null(memoir_slab_check(slab, NULL));
        memoir_slab_trim(slab);
        expect_told(MEMOIR_SLAB_NOT_AN_OBJECT, objects[7] + 8);
        cr_expect_eq(stats_of(slab).in_use, 99);
        expect_sound(slab);
        memoir_slab_destroy(slab);
    }
}

Test(embed_slab, bad_options_are_told)
{
    static char buffer[200];
    const struct memoir_slab_options bad[] = {
        { .size = 0 }, { .size = MEMOIR_SLAB_LARGEST + 1 }, { .size = 8, .align = 24 }, { .size = 8, .align = 8192 },
        { .size = 8, .flags = 8 }, { .size = 1 << 20, .limit = SIZE_MAX },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct memoir_slab_options o = bad[i];
        o.on_error = listen;
        told.calls = 0;
        cr_expect_null(memoir_slab_create(&o));
        cr_expect_eq(errno, EINVAL);
        expect_told(MEMOIR_SLAB_BAD_REQUEST, NULL);
    }
    struct memoir_slab_options o = { .size = 100, .on_error = listen };
    cr_expect_null(memoir_slab_create_in(buffer, sizeof buffer, &o));
    expect_told(MEMOIR_SLAB_BAD_REQUEST, NULL);
    cr_expect_null(memoir_slab_create_in(NULL, 1 << 20, &o));
    expect_told(MEMOIR_SLAB_BAD_REQUEST, NULL);
    cr_expect_eq(memoir_slab_buffer_size(0, &o), 0);
    cr_expect_eq(memoir_slab_buffer_size(SIZE_MAX / 50, &o), 0);
    cr_expect_eq(memoir_slab_buffer_size(10, NULL), 0);
    o.flags = MEMOIR_SLAB_THREAD_CACHES;
    cr_expect_null(memoir_slab_create_in(buffer, sizeof buffer, &o));
    expect_told(MEMOIR_SLAB_BAD_REQUEST, NULL);
    cr_expect_eq(memoir_slab_destroy(NULL), 0);
}

Test(embed_slab, the_default_handler_aborts, .signal = SIGABRT)
{
    struct memoir_slab *slab = memoir_slab_create(&(struct memoir_slab_options){ .size = 8, .name = "mine" });
    close(2);
    memoir_slab_free(slab, &told);
}

/* ---- looking ---------------------------------------------------------------------------------------- */

struct walk { struct memoir_slab *slab; size_t seen, stop; char *before; bool frees; };

static bool visit(void *ctx, void *object)
{
    struct walk *w = ctx;
    cr_assert((char *)object > w->before);
    w->before = object;
    if (w->frees)
        memoir_slab_free(w->slab, object);
    return ++w->seen != w->stop;
}

Test(embed_slab, the_walk_sees_what_is_in_use)
{
    FOR_EVERY_KIND(flags) {
        struct memoir_slab *slab = make(40, *flags);
        take_many(slab, 10000, 40);
        for (int i = 0; i < 10000; i += 3)
            memoir_slab_free(slab, objects[i]);
        struct walk w = { slab, 0, 0, NULL, false }, part = { slab, 0, 100, NULL, false };
        cr_expect(memoir_slab_walk(slab, visit, &w));
        cr_expect_eq(w.seen, 10000 - 3334);
        cr_expect_not(memoir_slab_walk(slab, visit, &part));
        cr_expect_eq(part.seen, 100);
        expect_sound(slab);
        memoir_slab_destroy(slab);
    }
}

Test(embed_slab, a_walk_may_free_everything)
{
    struct memoir_slab *slab = make(40, 0);
    take_many(slab, MANY, 40);
    struct walk w = { slab, 0, 0, NULL, true };
    cr_expect(memoir_slab_walk(slab, visit, &w));
    cr_expect_eq(w.seen, MANY);
    cr_expect_eq(stats_of(slab).in_use, 0);
    expect_sound(slab);
    memoir_slab_destroy(slab);
}

/* ---- threads ---------------------------------------------------------------------------------------- */

static struct memoir_slab *common;

static void *churn(void *seed)
{
    uintptr_t *mine[300] = { NULL };
    uintptr_t me = (uintptr_t)seed;
    unsigned random = (unsigned)me;
    for (int i = 0; i < 60000; i++) {
        uintptr_t **p = &mine[(random = random * 1103515245 + 12345) >> 8 & 255];
        if (*p) {
            cr_assert_eq((*p)[0], me);
            cr_assert_eq((*p)[2], me + (uintptr_t)*p);
            memoir_slab_free(common, *p);
            *p = NULL;
        } else if ((*p = memoir_slab_alloc(common))) {
            (*p)[0] = me;
            (*p)[2] = me + (uintptr_t)*p;
        }
    }
    for (int i = 0; i < 300; i++)
        memoir_slab_free(common, mine[i]);
    return NULL;
}

Test(embed_slab, threads_share_one)
{
    for (int kind = 1; kind < 6; kind += kind == 2 ? 2 : 1) {
        common = make(24, every[kind]);
        for (int round = 0; round < 3; round++) {
            pthread_t threads[4];
            for (uintptr_t i = 0; i < 4; i++)
                pthread_create(&threads[i], NULL, churn, (void *)(i + 1));
            for (int i = 0; i < 4; i++)
                pthread_join(threads[i], NULL);
        }
        cr_expect_eq(stats_of(common).in_use, 0);
        cr_expect_gt(stats_of(common).allocs, 3 * 4 * 20000);
        cr_expect_eq(stats_of(common).allocs, stats_of(common).frees);
        expect_sound(common);
        memoir_slab_trim(common);
        cr_expect_eq(stats_of(common).slabs, 0);
        memoir_slab_destroy(common);
    }
}
