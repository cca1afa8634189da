/* oom.c: memoir oom-test from outside. */
#include <criterion/criterion.h>

#include "said.h"

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static struct run_result memoir(const char *const *words)
{
    const char *argv[16] = { run_path("memoir"), "oom-test" };
    for (size_t i = 0; words[i] && i < 13; i++)
        argv[i + 2] = words[i];
    return run_program(&(struct run_spec){ .argv = argv, .preload = "", .seconds = 100 });
}

static void expect_has(const struct run_result *result, const char *text)
{
    cr_expect(strstr(result->out, text), "no \"%s\" in: %s%s", text, result->out, result->err);
}

static void expect_one_line(const char *const *words, int code, const char *line)
{
    expect_refusal(memoir(words), code, line);
}

/* fail_sites bears a refusal in six ways, one per function. */
Test(oom, each_way_to_bear_a_refusal_is_told, .timeout = 120)
{
    struct run_result result = memoir(WORDS("--timeout=2", "--jobs=2", run_program_path("fail_sites")));
    cr_expect_str_eq(run_ending(&result), "exit 1", "%s", result.err);
    cr_expect_str_eq(result.err, "");
    expect_has(&result, "crashed              a signal ended the program");
    expect_has(&result, "\n        1  hung    ");
    expect_has(&result, "\n        1  wrong output    ");
    expect_has(&result, "\n        1  failed silently    ");
    expect_has(&result, "\n        1  failed and said so  ");
    expect_has(&result, "\n        1  went on    ");
    expect_has(&result, "crashed: signal 11 (SEGV), when the first of 1 call failed here");
    expect_has(&result, "       careless  fail_sites.c:");
    expect_has(&result, "       stubborn  fail_sites.c:");
    expect_has(&result, "wrong output: exit code 0");
    expect_has(&result, "failed silently: exit code 4");
    expect_has(&result, "failed and said so: exit code 3");
    expect_has(&result, "last said on stderr: fail_sites: out of memory");
    cr_expect_null(strstr(result.out, "patient"), "what goes on is not listed");
    run_free(&result);
}

Test(oom, runs_and_lines_are_bounded, .timeout = 120)
{
    struct run_result result = memoir(WORDS("--timeout=2", "--max-runs=5", "--top=1", run_program_path("fail_sites")));
    expect_has(&result, "   5 runs, each with the first call of one of them refused (");
    expect_has(&result, " were left out; --max-runs=N sets how many are not)");
    expect_has(&result, "\n#1  ");
    cr_expect_null(strstr(result.out, "\n#2  "));
    run_free(&result);
}

Test(oom, a_program_that_never_fails_is_fine, .timeout = 60)
{
    struct run_result result = memoir(WORDS("true"));
    cr_expect_str_eq(run_ending(&result), "exit 0", "%s%s", result.out, result.err);
    run_free(&result);
}

Test(oom, what_cannot_be_done_is_said_in_one_line, .timeout = 60)
{
    expect_one_line(WORDS("--jobs=x", "true"), 2, "--jobs=x: not a whole number from 0 to 64");
    expect_one_line(WORDS("--joobs=1", "true"), 2, "memoir oom-test has no option --joobs=1; memoir help oom-test lists them");
    expect_one_line(WORDS("--jobs"), 2, "--jobs needs a value");
    expect_one_line(WORDS("--jobs=1"), 2, "no program to run; memoir help oom-test says how");
    expect_one_line(WORDS("no-such-program"), 127, "no-such-program: no such program");
    expect_one_line(WORDS("--timeout=1", "sleep", "30"), 125,
                    "sleep does not end by itself; --timeout=SECONDS ends it, and oom-test wants programs that do");
}
