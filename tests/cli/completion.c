/* completion.c: what shells complete. Bash runs the function as readline would: "=" is a word of its own. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "run.h"

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

struct line_row {
    char words[96]; /* as COMP_WORDS; the last one is being completed */
    char wanted[96];
    char unwanted[64]; /* "": nothing is ruled out */
};

ParameterizedTestParameters(completion, bash)
{
    static struct line_row rows[] = {
        { "memoir rep", "report\n", "run\n" },
        { "memoir ''", "compare\n", "" },
        { "memoir report --fo", "--format=\n", "--top=\n" },
        { "memoir report --format = ma", "massif\n", "json\n" },
        { "memoir report --format ma", "massif\n", "json\n" },
        { "memoir report --sort = ''", "growth\n", "massif\n" },
        { "memoir report -o READ", "README.md\n", "" },
        { "memoir report READ", "README.md\n", "" },
        { "memoir run --strat", "--strategy=\n", "--trace=\n" },
        { "memoir run --strategy = b", "best-fit\nbuddy\n", "slab\n" },
        { "memoir --leaks = f", "full\n", "off\n" },
        { "memoir run --hard", "--harden\n", "" },
        { "memoir run --harden gi", "git\n", "--" },
        { "memoir run --trace = full ls READ", "README.md\n", "" },
        { "memoir run -- ls READ", "README.md\n", "" },
        { "memoir compare --output = o", "once\n", "discard\n" },
        { "memoir compare --runs 3 READ", "", "README.md\n" },
        { "memoir ls --a", "--all\n", "--format" },
        { "memoir top --sort = g", "growth\n", "calls\n" },
        { "memoir help comp", "compare\ncompletion\n", "help\n" },
        { "memoir completion z", "zsh\n", "bash\n" },
        { "memoir oom-test --max", "--max-runs=\n", "--jobs" },
    };
    return cr_make_param_array(struct line_row, rows, sizeof rows / sizeof *rows);
}

ParameterizedTest(struct line_row *row, completion, bash)
{
    char script[PATH_MAX + 512];
    snprintf(script, sizeof script, "unset -f _command_offset; source <('%s' completion bash); COMP_WORDS=(%s); "
             "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _memoir; printf '%%s\\n' \"${COMPREPLY[@]}\"", run_path("memoir"), row->words);
    struct run_result result = run_program(&(struct run_spec){
        .argv = WORDS("/bin/bash", "--norc", "-c", script), .preload = "" });
    cr_expect_str_eq(run_ending(&result), "exit 0");
    cr_expect_str_eq(result.err, "", "%s: %s", row->words, result.err);
    cr_expect_not_null(strstr(result.out, row->wanted), "%s: no %s in: %s", row->words, row->wanted, result.out);
    if (*row->unwanted)
        cr_expect_null(strstr(result.out, row->unwanted), "%s: %s in: %s", row->words, row->unwanted, result.out);
    run_free(&result);
}

/* Zsh reads it and knows what completes memoir. */
Test(completion, zsh)
{
    char script[PATH_MAX + 512];
    if (access("/bin/zsh", X_OK) != 0)
        cr_skip_test("zsh is not installed");
    snprintf(script, sizeof script, "autoload -Uz compinit; compinit -D; source <('%s' completion zsh); print $_comps[memoir]; "
             "whence -w _memoir", run_path("memoir"));
    struct run_result result = run_program(&(struct run_spec){ .argv = WORDS("/bin/zsh", "-fc", script), .preload = "" });
    cr_expect_str_eq(result.out, "_memoir\n_memoir: function\n", "%s", result.err);
    run_free(&result);
}

Test(completion, one_line_says_what_is_wrong)
{
    static const char *const calls[] = { "", "fish", "bash zsh" };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        char command[PATH_MAX + 64];
        snprintf(command, sizeof command, "'%s' completion %s", run_path("memoir"), calls[i]);
        struct run_result result = run_program(&(struct run_spec){ .argv = WORDS("/bin/sh", "-c", command), .preload = "" });
        cr_expect_str_eq(run_ending(&result), "exit 2");
        cr_expect_str_eq(result.err, "memoir: memoir completion needs the name of a shell: bash or zsh\n");
        run_free(&result);
    }
}
