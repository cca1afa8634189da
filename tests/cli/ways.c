/* ways.c: memoir compare from outside. Programs that look at LD_PRELOAD themselves make the differences. */
#include <criterion/criterion.h>

#include "said.h"

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static struct run_result compare(const char *const *words)
{
    const char *argv[16] = { run_path("memoir"), "compare" };
    for (size_t i = 0; words[i] && i < 13; i++)
        argv[i + 2] = words[i];
    return run_program(&(struct run_spec){ .argv = argv, .preload = "", .seconds = 100 });
}

static char *expect(const char *const *words, const char *ending) { return expect_said(compare(words), ending, ""); }

static void expect_one_line(const char *const *words, int code, const char *line)
{
    expect_refusal(compare(words), code, line);
}

Test(ways, every_way_is_measured, .timeout = 120)
{
    char *text = expect(WORDS("--runs=2", "--all", "sh", "-c", "echo heard; exit 0"), "exit 0");
    expect_in(text, "== memoir compare == sh -c 'echo heard; exit 0'\n   2 runs of each, in turn; ");
    static const char *const names[] = { "glibc ", "memoir ", "memoir, huge pages ", "memoir, hardened ", "memoir, first-fit ",
                                         "memoir, buddy " };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char line[64];
        snprintf(line, sizeof line, "\n%s", names[i]);
        expect_in(text, line);
    }
    cr_expect_null(strstr(text, "\nheard\n"), "what the program writes was not asked for");
    cr_expect_null(strstr(text, "memoir, slab"), "that is memoir itself");
    free(text);
}

Test(ways, output_is_shown_once, .timeout = 120)
{
    char *text = expect(WORDS("--runs=2", "--output=once", "sh", "-c", "echo heard"), "exit 0");
    char *first = strstr(text, "heard\n");
    cr_assert_not_null(first);
    cr_expect_null(strstr(first + 1, "\nheard\n"));
    free(text);
}

Test(ways, exit_codes_that_differ_are_told, .timeout = 120)
{
    char *text = expect(WORDS("--runs=2", "sh", "-c", "test -z \"$LD_PRELOAD\" || exit 4"), "exit 1");
    expect_in(text, "\nmemoir: exit code 4 where glibc has exit code 0\n");
    expect_in(text, "\nkeep glibc: ");
    free(text);
    text = expect(WORDS("--runs=2", "sh", "-c", "kill -SEGV $$"), "exit 0");
    expect_in(text, "\nevery run ended with signal 11 (SEGV)\n");
    free(text);
}

Test(ways, the_verdict_follows_the_figures, .timeout = 120)
{
    char *text = expect(WORDS("--runs=4", "sh", "-c", "test -n \"$LD_PRELOAD\" || sleep 0.5"), "exit 0");
    expect_in(text, "\nuse ");
    expect_in(text, " % less time");
    expect_in(text, " LD_PRELOAD=/");
    expect_in(text, " sh -c 'test -n \"$LD_PRELOAD\" || sleep 0.5'\n");
    free(text);
    text = expect(WORDS("--runs=2", "sh", "-c", "test -z \"$LD_PRELOAD\" || sleep 0.5"), "exit 0");
    expect_in(text, "\nkeep glibc: no way takes less time ");
    free(text);
    text = expect(WORDS("--runs=1", "true"), "exit 0");
    expect_in(text, "\nno verdict after one run of each: ");
    free(text);
}

Test(ways, input_that_is_a_file_is_everybodys, .timeout = 120)
{
    char command[PATH_MAX + 128];
    snprintf(command, sizeof command, "'%s' compare --runs=2 sh -c 'read x; test \"$x\" = \"#!/bin/bash\"' < scripts/test.sh",
             run_path("memoir"));
    struct run_result result = run_program(&(struct run_spec){ .argv = WORDS("/bin/sh", "-c", command), .preload = "" });
    cr_expect_str_eq(run_ending(&result), "exit 0", "%s", result.err);
    cr_expect_null(strstr(result.out, "every run ended"), "%s", result.out);
    run_free(&result);
}

Test(ways, another_allocator_may_be_named, .timeout = 120)
{
    char flag[PATH_MAX + 16];
    snprintf(flag, sizeof flag, "--with=%s", run_path("libmemoir.so"));
    char *text = expect(WORDS("--runs=1", flag, "true"), "exit 0");
    expect_in(text, "\nlibmemoir.so ");
    free(text);
}

Test(ways, one_line_says_what_is_wrong, .timeout = 60)
{
    expect_one_line(WORDS("--runs=2"), 2, "no program to run; memoir help compare says how");
    expect_one_line(WORDS("no-such-program"), 127, "no-such-program: no such program");
    expect_one_line(WORDS("--runs=0", "true"), 2, "--runs=0: not a whole number from 1 to 100");
    expect_one_line(WORDS("--output=all", "true"), 2, "--output=all: not one of discard|once");
    expect_one_line(WORDS("--with=/none", "true"), 2, "--with=/none: No such file or directory");
    expect_one_line(WORDS("--library=/none", "true"), 2, "--library=/none: No such file or directory");
    expect_one_line(WORDS("--rums=1", "true"), 2, "memoir compare has no option --rums=1; memoir help compare lists them");
    if (access("/sbin/ldconfig", X_OK) == 0)
        expect_one_line(WORDS("/sbin/ldconfig"), 125, "/sbin/ldconfig is statically linked: the loader preloads nothing into it, so "
                                                      "there is nothing to compare");
}
