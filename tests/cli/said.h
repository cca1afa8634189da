/* said.h: what a command of memoir must have said, for the tests that run them. */
#ifndef TESTS_CLI_SAID_H
#define TESTS_CLI_SAID_H

#include <criterion/criterion.h>

#include "run.h"

RUN_UNUSED static void expect_in(const char *text, const char *part)
{
    cr_expect_not_null(strstr(text, part), "no \"%s\" in:\n%s", part, text);
}

/* How it must have ended and what stderr must be; what it wrote on stdout, to be freed. */
RUN_UNUSED static char *expect_said(struct run_result result, const char *ending, const char *err)
{
    cr_expect_str_eq(run_ending(&result), ending, "%s: %s", run_ending(&result), result.err);
    cr_expect_str_eq(result.err, err, "%s", result.err);
    free(result.err);
    return result.out;
}

/* One line on stderr, nothing on stdout. */
RUN_UNUSED static void expect_refusal(struct run_result result, int code, const char *line)
{
    char wanted[PATH_MAX + 256];
    snprintf(wanted, sizeof wanted, "memoir: %s\n", line);
    cr_expect(WIFEXITED(result.status) && WEXITSTATUS(result.status) == code, "%s", run_ending(&result));
    cr_expect_str_eq(result.err, wanted);
    cr_expect_str_eq(result.out, "");
    run_free(&result);
}

#endif
