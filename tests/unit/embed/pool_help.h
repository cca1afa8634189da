/* pool_help.h: a pool whose handler remembers what it was told. */
#ifndef TESTS_EMBED_POOL_HELP_H
#define TESTS_EMBED_POOL_HELP_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "memoir/pool.h"

static struct told {
    unsigned times;
    enum memoir_pool_error kind;
    const void *pointer;
    char words[400];
} told;

static inline void remember(void *ctx, struct memoir_pool *pool, enum memoir_pool_error kind, const void *pointer,
                            const char *words)
{
    (void)ctx;
    (void)pool;
    told.times++;
    told.kind = kind;
    told.pointer = pointer;
    strncpy(told.words, words, sizeof told.words - 1);
}

/* The handler was called once since the last time, with this. */
static inline void expect_told(enum memoir_pool_error kind, const void *p, const char *words)
{
    cr_expect_eq(told.times, 1, "told %u times", told.times);
    cr_expect_eq(told.kind, kind, "kind %d: %s", (int)told.kind, told.words);
    cr_expect_eq(told.pointer, p);
    cr_expect(strstr(told.words, words), "\"%s\" does not say \"%s\"", told.words, words);
    told.times = 0;
}

static inline void expect_silent(void)
{
    cr_expect_eq(told.times, 0, "%s", told.words);
}

static inline struct memoir_pool_options options_of(enum memoir_fit fit, unsigned flags)
{
    return (struct memoir_pool_options){ .fit = fit, .flags = flags, .name = "test", .on_error = remember };
}

static inline struct memoir_pool *make_pool(enum memoir_fit fit, unsigned flags, size_t size)
{
    struct memoir_pool_options o = options_of(fit, flags);
    struct memoir_pool *pool = memoir_pool_create(size, &o);
    cr_assert_not_null(pool, "%s", told.words);
    return pool;
}

static inline void expect_pool_sound(struct memoir_pool *pool)
{
    const char *why = memoir_pool_check(pool, NULL);
    cr_assert_null(why, "%s", why);
}

static inline struct memoir_pool_stats stats_of(struct memoir_pool *pool)
{
    struct memoir_pool_stats s;
    memoir_pool_stats(pool, &s);
    return s;
}

#endif
