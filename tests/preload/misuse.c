/* misuse.c: runs the rows of misuse.def: what is said of each bug, and that nothing is said of its twin. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "rows.h"

struct row {
    const char *program, *env, *ending, *err;
};

static const struct row rows[] = {
#define MISUSE(program, env, ending, err) { "misuse_" #program, env, ending, err },
#include "misuse.def"
#undef MISUSE
};

ParameterizedTestParameters(misuse, rows) { return ROW_NUMBERS(rows); }

ParameterizedTest(int *param, misuse, rows, .timeout = 60)
{
    const struct row *row = &rows[*param];
    if (!run_is_ours())
        cr_skip_test("only memoir says so");
    expect_row(row->program, "", row->env, row->ending, row->err);
}

ParameterizedTestParameters(misuse, twins) { return ROW_NUMBERS(rows); }

ParameterizedTest(int *param, misuse, twins, .timeout = 60)
{
    const struct row *row = &rows[*param];
    static const char *const strategies[] = { "slab", "first-fit", "segregated-fit", "buddy" };
    expect_row(row->program, "good", row->env, "exit 0", "");
    for (size_t i = 0; i < COUNT(strategies) && run_is_ours(); i++) {
        char env[128];
        snprintf(env, sizeof env, "MEMOIR_CHECK=1 MEMOIR_STRATEGY=%s", strategies[i]);
        expect_row(row->program, "good", env, "exit 0", "");
    }
}
