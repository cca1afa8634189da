/* report.c: `memoir report` from outside: names of real programs, bad ledgers, suppressions, what goes where. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <pty.h>

#include "said.h"
#include "test_ledger.h"

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static char dir[PATH_MAX];

static void begin(void)
{
    run_make_dir(dir);
}

static void end(void)
{
    run_remove_dir(dir);
}

TestSuite(report, .init = begin, .fini = end, .timeout = 60);

/* A path in the test's directory, in one of a few static buffers. */
static const char *in_dir(const char *name)
{
    static char paths[8][PATH_MAX + 64];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    return path;
}

static const char *make_file(const char *name, const char *content)
{
    const char *path = in_dir(name);
    FILE *f = fopen(path, "w");
    cr_assert(f && fputs(content, f) >= 0 && fclose(f) == 0);
    return path;
}

/* The ledger of a real run: 5 sessions lost, 10 names lost. */
static const char *make_ledger(const char *program)
{
    const char *path = in_dir("ledger");
    char ledger[PATH_MAX + 80];
    snprintf(ledger, sizeof ledger, "MEMOIR_LEDGER=%s", path);
    struct run_result result = run_program(&(struct run_spec){
        .argv = WORDS(program, "5", "more"), .env = WORDS(ledger, "MEMOIR_TRACE=full", "MEMOIR_LEAKS=summary", "MEMOIR_OUTPUT=/dev/null") });
    cr_assert_str_eq(run_ending(&result), "exit 0", "%s", result.err);
    run_free(&result);
    return path;
}

static struct run_result memoir(const char *const *words)
{
    const char *argv[16] = { run_path("memoir"), "report" };
    for (size_t i = 0; words[i]; i++)
        argv[i + 2] = words[i];
    return run_program(&(struct run_spec){ .argv = argv, .preload = "" });
}

static char *expect(const char *const *words, const char *ending, const char *err)
{
    return expect_said(memoir(words), ending, err);
}

/* --- what is said about bad words and bad files ------------------------------------------------------------ */

struct words_row {
    char words[3][32];
    char line[200];
};

ParameterizedTestParameters(report, bad_words)
{
    static struct words_row rows[] = {
        { { "--fromat=json", "x" }, "memoir report has no option --fromat=json; memoir help report lists them" },
        { { "-x", "x" }, "memoir report has no option -x; memoir help report lists them" },
        { { "--format=xml", "x" },
          "--format=xml: the formats are text, json, pprof, folded, massif, openmetrics, github, sarif, html" },
        { { "--sort=size", "x" }, "--sort=size: not one of bytes|blocks|allocations|peak|temporary|growth" },
        { { "--cost=bytes", "x" }, "--cost=bytes: not one of in_use|peak|leaked|allocations|temporary" },
        { { "--top=-1", "x" }, "--top=-1: a number of sites, or 0 for all" },
        { { "--top=9999999999999999999999", "x" }, "--top=9999999999999999999999: a number of sites, or 0 for all" },
        { { "--leak-kinds=lost", "x" }, "--leak-kinds=lost: a list of definite,indirect,possible,reachable,in_use,all" },
        { { "--leak-kinds=definite,", "x" },
          "--leak-kinds=definite,: a list of definite,indirect,possible,reachable,in_use,all" },
        { { "--function=", "x" }, "--function needs a value" },
        { { "x", "--output" }, "--output needs a value" },
        { { "--debuginfod=yes", "x" }, "--debuginfod takes no value" },
        { { "--suppressions=/none", "x" }, "--suppressions=/none: No such file or directory" },
        { { "x", "y" }, "one ledger at a time: x and y; memoir diff compares two" },
    };
    return cr_make_param_array(struct words_row, rows, sizeof rows / sizeof *rows);
}

ParameterizedTest(struct words_row *row, report, bad_words)
{
    const char *words[4] = { NULL };
    char line[256];
    for (size_t i = 0; i < 3 && row->words[i][0]; i++)
        words[i] = row->words[i];
    snprintf(line, sizeof line, "memoir: %s\n", row->line);
    char *out = expect(words, "exit 2", line);
    cr_expect_str_eq(out, "");
    free(out);
}

/* One line that begins with the path, whatever the file is. */
static void expect_refused(const char *path)
{
    struct run_result result = memoir(WORDS(path));
    char start[PATH_MAX + 96];
    size_t len = (size_t)snprintf(start, sizeof start, "memoir: %s: ", path);
    cr_expect_str_eq(run_ending(&result), "exit 125", "%s", path);
    cr_expect(strncmp(result.err, start, len) == 0, "%s", result.err);
    cr_expect_eq(strchr(result.err, '\n'), result.err + result.err_len - 1, "%s", result.err);
    cr_expect_str_eq(result.out, "");
    run_free(&result);
}

Test(report, files_that_are_no_ledgers)
{
    struct test_ledger l = test_ledger_new(4, 4);
    l.header->version = 77;
    test_ledger_write(&l, in_dir("other-version"));
    l = test_ledger_new(4, 4);
    l.size = 5000;
    test_ledger_write(&l, in_dir("cut-off"));
    expect_refused("/nowhere/at/all");
    expect_refused("/tmp");
    expect_refused(make_file("empty", ""));
    expect_refused(make_file("text", "{\"memoir\": \"0.1.0\"}\n"));
    expect_refused(in_dir("other-version"));
    expect_refused(in_dir("cut-off"));
}

Test(report, an_output_that_cannot_be_written)
{
    const char *ledger = make_ledger(run_program_path("cli_leaks"));
    free(expect(WORDS("-o", "/nowhere/x", ledger), "exit 125", "memoir: --output=/nowhere/x: No such file or directory\n"));
    free(expect(WORDS("-o", "/dev/full", ledger), "exit 125", "memoir: cannot write the report: No space left on device\n"));
}

/* --- names --------------------------------------------------------------------------------------------------- */

Test(report, functions_files_and_lines_of_a_real_program)
{
    char *text = expect(WORDS(make_ledger(run_program_path("cli_leaks"))), "exit 0", "");
    expect_in(text, "definitely lost");
    expect_in(text, "       make_session  cli_leaks.c:");
    expect_in(text, "       accept_one    cli_leaks.c:");
    expect_in(text, "       main          cli_leaks.c:");
    cr_expect_null(strstr(text, "__libc_start"), "%s", text);
    cr_expect_null(strstr(text, "libmemoir"), "%s", text);
    expect_in(text, "\n== memoir == ");
    free(text);
}

Test(report, a_program_that_was_replaced_or_removed_has_offsets)
{
    char command[3 * PATH_MAX];
    snprintf(command, sizeof command, "cp '%s' '%s'", run_program_path("cli_leaks"), in_dir("copy"));
    cr_assert_eq(system(command), 0);
    const char *ledger = make_ledger(in_dir("copy"));
    snprintf(command, sizeof command, "cp /bin/true '%s'", in_dir("copy"));
    cr_assert_eq(system(command), 0);
    char *text = expect(WORDS(ledger), "exit 0", "");
    expect_in(text, "copy was replaced since: its build id is another; its functions have no names here\n");
    expect_in(text, "       copy+0x");
    expect_in(text, "(build id ");
    cr_expect_null(strstr(text, "make_session"), "%s", text);
    free(text);
    unlink(in_dir("copy"));
    text = expect(WORDS(ledger), "exit 0", "");
    expect_in(text, "copy is gone from this machine; its functions have no names here\n");
    free(text);
}

Test(report, filters_and_order)
{
    const char *ledger = make_ledger(run_program_path("cli_leaks"));
    char *text = expect(WORDS("--function=copy_name", ledger), "exit 0", "");
    expect_in(text, "       copy_name");
    cr_expect_null(strstr(text, "#2"), "%s", text);
    expect_in(text, "that do not fit the filters\n");
    free(text);
    text = expect(WORDS("--sort=blocks", "--top=1", ledger), "exit 0", "");
    expect_in(text, "#1  70 B in 10 blocks");
    cr_expect_null(strstr(text, "#2"), "%s", text);
    free(text);
}

/* --- suppressions ---------------------------------------------------------------------------------------------- */

Test(report, what_is_suppressed_is_counted_and_told)
{
    const char *ledger = make_ledger(run_program_path("cli_leaks"));
    const char *file = make_file("suppressions", "leak:copy_name\nleak:nobody\n");
    struct run_result result = memoir(WORDS("--no-default-suppressions", "--show-suppressions", "--suppressions", file, ledger));
    cr_expect_str_eq(run_ending(&result), "exit 0");
    cr_expect_null(strstr(result.out, "       copy_name"), "%s", result.out);
    expect_in(result.out, "   + suppressed                                10                    70        70 B\n");
    expect_in(result.err, "memoir: suppressions that were used:\n           70 bytes       10 blocks  copy_name (");
    expect_in(result.err, "memoir: suppressions that fit nothing:\n   nobody (");
    run_free(&result);
}

Test(report, suppressions_in_error)
{
    const char *ledger = make_ledger(run_program_path("cli_leaks"));
    const char *file = make_file("suppressions", "leak:x\nnonsense\n");
    char line[PATH_MAX + 160];
    snprintf(line, sizeof line, "memoir: %s:2: neither leak:PATTERN nor the { of a block as Valgrind writes it\n", file);
    free(expect(WORDS("--suppressions", file, ledger), "exit 2", line));
}

/* What is generated suppresses what it was generated from, and nothing is left. */
Test(report, generated_suppressions_work)
{
    const char *ledger = make_ledger(run_program_path("cli_leaks")), *file = in_dir("generated");
    free(expect(WORDS("--gen-suppressions", "-o", file, ledger), "exit 0", ""));
    char *text = expect(WORDS("--suppressions", file, ledger), "exit 0", "");
    cr_expect_null(strstr(text, "#1"), "%s", text);
    expect_in(text, "\n== memoir == nothing is lost: ");
    free(text);
}

/* --- where it goes ------------------------------------------------------------------------------------------------ */

static bool has_colour(const char *const *env, const char *ledger)
{
    char text[65536];
    size_t len = 0;
    int master;
    pid_t pid = forkpty(&master, NULL, NULL, NULL);
    if (pid == 0) {
        unsetenv("NO_COLOR");
        setenv("TERM", "xterm", 1);
        for (; *env; env++)
            putenv((char *)*env);
        execl(run_path("memoir"), "memoir", "report", ledger, (char *)NULL);
        _exit(127);
    }
    for (ssize_t got; len < sizeof text - 1 && (got = read(master, text + len, sizeof text - 1 - len)) > 0;)
        len += (size_t)got;
    text[len] = '\0';
    waitpid(pid, NULL, 0);
    close(master);
    expect_in(text, "== memoir ==");
    return strchr(text, '\x1b') != NULL;
}

Test(report, colours_for_terminals_that_want_them)
{
    const char *ledger = make_ledger(run_program_path("cli_leaks"));
    cr_expect(has_colour(WORDS("A=b"), ledger));
    cr_expect_not(has_colour(WORDS("NO_COLOR=1"), ledger));
    cr_expect_not(has_colour(WORDS("TERM=dumb"), ledger));
    char *text = expect(WORDS(ledger), "exit 0", "");
    cr_expect_null(strchr(text, '\x1b'));
    free(text);
}

Test(report, a_reader_that_goes_away_is_no_failure)
{
    char script[2 * PATH_MAX];
    const char *ledger = make_ledger(run_program_path("cli_leaks"));
    snprintf(script, sizeof script, "{ '%s' report --format=json '%s'; echo $? >&2; } | true", run_path("memoir"), ledger);
    struct run_result result = run_program(&(struct run_spec){ .argv = WORDS("/bin/sh", "-c", script), .preload = "" });
    cr_expect_str_eq(result.err, "0\n");
    run_free(&result);
}

Test(report, json_fits_the_schema)
{
    const char *ledger = make_ledger(run_program_path("cli_leaks")), *file = in_dir("json");
    free(expect(WORDS("--format=json", "-o", file, ledger), "exit 0", ""));
    struct run_result result = run_program(&(struct run_spec){
        .argv = WORDS("/usr/bin/env", "python3", "tests/cli/validate.py", "tests/cli/schema.json", file,
                      "tests/cli/expected/server.json"), .preload = "" });
    cr_expect_str_eq(run_ending(&result), "exit 0", "%s", result.out);
    run_free(&result);
}
