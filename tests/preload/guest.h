/* guest.h: what the two drivers of the guest programs share. */
#ifndef MR_TEST_GUEST_H
#define MR_TEST_GUEST_H

#include "run.h"

#include <criterion/criterion.h>

#define GUEST_MAX 8

/* A program that prints nothing and exits 0, and what it is run with. */
struct guest {
    const char *program;
    const char *args[GUEST_MAX];
    const char *env[GUEST_MAX];
    const char *preload; /* as in struct run_spec */
    unsigned seconds;
    bool strategies;     /* under other strategies too (run_under_strategy) */
    unsigned row;        /* its number, for that */
    bool beyond;         /* asks for more than plain glibc promises: not run against it */
    bool ours;           /* about memoir itself: not run against others */
};

static const char *const guest_strategies[] = { "slab",      "first-fit",      "next-fit", "best-fit",
                                                "worst-fit", "segregated-fit", "buddy" };
enum { GUEST_STRATEGIES = sizeof guest_strategies / sizeof guest_strategies[0] };

RUN_UNUSED static bool guest_skips(const struct guest *g)
{
    if ((g->ours && !run_is_ours()) || (g->beyond && run_is_reference())) {
        cr_skip_test("not for this allocator");
        return true;
    }
    return false;
}

/* Runs g with one more environment string (may be NULL). */
RUN_UNUSED static struct run_result guest_start(const struct guest *g, const char *more)
{
    const char *argv[GUEST_MAX + 2] = { run_program_path(g->program) };
    const char *env[GUEST_MAX + 2] = { more };
    memcpy(argv + 1, g->args, sizeof g->args);
    memcpy(env + (more != NULL), g->env, sizeof g->env);
    return run_program(&(struct run_spec){ .argv = argv, .env = env, .preload = g->preload, .seconds = g->seconds });
}

#endif
