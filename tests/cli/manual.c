/* manual.c: man memoir: complete, as the program tells itself, and well formed. */
#include <criterion/criterion.h>

#include "run.h"

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void expect_silence(const char *command)
{
    struct run_result result = run_program(&(struct run_spec){ .argv = WORDS("/bin/sh", "-c", command), .preload = "" });
    cr_expect_str_eq(run_ending(&result), "exit 0", "%s: %s%s", command, result.out, result.err);
    cr_expect_str_eq(result.out, "");
    cr_expect_str_eq(result.err, "");
    run_free(&result);
}

/* Every command with every option: what the help says is what stands there. */
Test(manual, commands_are_up_to_date, .timeout = 60)
{
    char command[PATH_MAX + 64];
    snprintf(command, sizeof command, "scripts/gen-commands-doc.sh --check '%s' 2>&1", run_path("memoir"));
    expect_silence(command);
}

/* The check itself can fail. */
Test(manual, a_command_that_is_missing_is_found, .timeout = 60)
{
    char command[3 * PATH_MAX];
    snprintf(command, sizeof command,
             "d=$(mktemp -d) && mkdir -p $d/scripts $d/src/cli && cp scripts/gen-commands-doc.sh $d/scripts && "
             "sed '/SS memoir top/,/SS memoir/d' src/cli/memoir.1 >$d/src/cli/memoir.1; $d/scripts/gen-commands-doc.sh --check '%s'; "
             "code=$?; rm -r $d; exit $code", run_path("memoir"));
    struct run_result result = run_program(&(struct run_spec){ .argv = WORDS("/bin/sh", "-c", command), .preload = "" });
    cr_expect_str_eq(run_ending(&result), "exit 1", "%s", result.err);
    cr_expect_not_null(strstr(result.out, "memoir.1 is not up to date with the help of the commands: run "), "%s", result.out);
    run_free(&result);
}

Test(manual, every_option_of_the_library_stands_there)
{
    static const char *const names[] = {
#define MR_OPTION(TYPE, field, NAME, def, min, max, values, sentence) #NAME,
#include "options.def"
#undef MR_OPTION
    };
    char *page = run_read_file("src/cli", "memoir.1");
    cr_assert_not_null(page);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char variable[64];
        snprintf(variable, sizeof variable, "\\fBMEMOIR_%s\\fR\n", names[i]);
        cr_expect_not_null(strstr(page, variable), "%s is missing", names[i]);
    }
    static const char *const sections[] = { "NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS", "EXIT STATUS", "ENVIRONMENT", "FILES",
                                            "EXAMPLES", "SEE ALSO" };
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        char heading[64];
        snprintf(heading, sizeof heading, "\n.SH %s\n", sections[i]);
        cr_expect_not_null(strstr(page, heading), "no section %s", sections[i]);
    }
    free(page);
}

Test(manual, is_well_formed, .timeout = 60)
{
    bool mandoc = access("/usr/bin/mandoc", X_OK) == 0, groff = access("/usr/bin/groff", X_OK) == 0;
    if (mandoc)
        expect_silence("mandoc -T lint -W warning src/cli/memoir.1");
    if (groff)
        expect_silence("groff -man -ww -rLL=200n -T utf8 -z src/cli/memoir.1");
    if (!mandoc && !groff)
        cr_skip_test("neither mandoc nor groff is installed");
}
