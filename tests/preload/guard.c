/* guard.c: runs the rows of guard.def: what is said at the faulty instruction, that nothing is said of its twin, and which
 * requests fail. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "rows.h"

struct row {
    const char *program, *arg, *env, *ending, *err;
};

static const struct row rows[] = {
#define GUARD(program, arg, env, ending, err) { #program, arg, env, ending, err },
#include "guard.def"
#undef GUARD
};

ParameterizedTestParameters(guard, rows) { return ROW_NUMBERS(rows); }

ParameterizedTest(int *param, guard, rows, .timeout = 60)
{
    const struct row *row = &rows[*param];
    if (!run_is_ours())
        cr_skip_test("only memoir does so");
    expect_row(row->program, row->arg, row->env, row->ending, row->err);
    if (strncmp(row->program, "guard_", 6) == 0)
        expect_row(row->program, "good", row->env, "exit 0", "");
}
