/* compare.c: from ledgers of real runs: memoir diff, --baseline and --error-exitcode, and each format. */
#include <criterion/criterion.h>

#include "said.h"

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* A stale pointer somewhere may keep one session reachable: what is lost is told to within a session. */

/* Two runs of cli_leaks: `few` lost 10 sessions, `many` 25 sessions and 10 names. Made for each test. */
static char dir[PATH_MAX], few[PATH_MAX + 16], many[PATH_MAX + 16], scratch[PATH_MAX + 16];

static void make_ledger(const char *path, const char *sessions, const char *more)
{
    char ledger[PATH_MAX + 32];
    snprintf(ledger, sizeof ledger, "MEMOIR_LEDGER=%s", path);
    struct run_result result = run_program(&(struct run_spec){
        .argv = (const char *const[]){ run_program_path("cli_leaks"), sessions, more, NULL },
        .env = WORDS(ledger, "MEMOIR_TRACE=full", "MEMOIR_LEAKS=summary", "MEMOIR_OUTPUT=/dev/null") });
    cr_assert_str_eq(run_ending(&result), "exit 0", "%s", result.err);
    run_free(&result);
}

static void make_ledgers(void)
{
    run_make_dir(dir);
    snprintf(few, sizeof few, "%s/few", dir);
    snprintf(many, sizeof many, "%s/many", dir);
    snprintf(scratch, sizeof scratch, "%s/scratch", dir);
    make_ledger(few, "10", NULL);
    make_ledger(many, "25", "more");
}

static void remove_ledgers(void)
{
    run_remove_dir(dir);
}

TestSuite(compare, .init = make_ledgers, .fini = remove_ledgers, .timeout = 60);

static struct run_result memoir(const char *const *words)
{
    const char *argv[16] = { run_path("memoir") };
    for (size_t i = 0; words[i]; i++)
        argv[i + 1] = words[i];
    return run_program(&(struct run_spec){ .argv = argv, .preload = "" });
}

static char *expect(const char *const *words, const char *ending, const char *err)
{
    return expect_said(memoir(words), ending, err);
}

static void check(const char *const *words, const char *ending, const char *err)
{
    free(expect(words, ending, err));
}

/* --- memoir diff --------------------------------------------------------------------------------------------- */

Test(compare, two_runs)
{
    char *text = expect(WORDS("diff", few, many), "exit 0", "");
    cr_expect_not_null(strstr(text, "   #1  +1.5 KiB in +15 blocks, grew: from 1000 B to 2.4 KiB\n"), "%s", text);
    cr_expect_not_null(strstr(text, "   #2  +70 B in +10 blocks, appeared\n"), "%s", text);
    cr_expect_not_null(strstr(text, "\n== memoir == 1.5 KiB more in use than before, 2 sites changed\n"), "%s", text);
    free(text);
    text = expect(WORDS("diff", many, few, "--top=1"), "exit 0", "");
    cr_expect_not_null(strstr(text, "   #1  -1.5 KiB in -15 blocks, shrank: from 2.4 KiB to 1000 B\n"), "%s", text);
    cr_expect_null(strstr(text, "#2"), "%s", text);
    free(text);
    text = expect(WORDS("diff", "--", few, few), "exit 0", "");
    cr_expect_not_null(strstr(text, "\n== memoir == as much in use as before, 0 sites changed\n"), "%s", text);
    free(text);
}

Test(compare, a_ledger_and_a_json_report_are_the_same)
{
    check(WORDS("report", "--format=json", "-o", scratch, few), "exit 0", "");
    char *from_json = expect(WORDS("diff", scratch, many), "exit 0", "");
    char *from_ledger = expect(WORDS("diff", few, many), "exit 0", "");
    cr_expect_str_eq(from_json, from_ledger);
    free(from_json);
    free(from_ledger);
}

/* The sums of the JSON difference, computed by a JSON reader that is not ours. */
Test(compare, json_adds_up)
{
    char script[2 * PATH_MAX + 512];
    snprintf(script, sizeof script, "\"$1\" diff --format=json '%s' '%s' | python3 -c 'import json, sys\n"
             "d = json.load(sys.stdin); a = d[\"in_use\"]\n"
             "for k in (\"bytes\", \"blocks\"):\n"
             "    assert sum(s[\"change\"][k] for s in d[\"sites\"]) == a[\"change\"][k] == a[\"after\"][k] - a[\"before\"][k]\n"
             "print(*[s[\"fate\"] for s in d[\"sites\"]], d[\"sites\"][0][\"stack\"][0][\"function\"])'", few, many);
    struct run_result result = run_program(&(struct run_spec){
        .argv = WORDS("/bin/sh", "-c", script, "sh", run_path("memoir")), .preload = "" });
    cr_expect_str_eq(result.out, "grew appeared make_session\n", "%s%s", result.out, result.err);
    run_free(&result);
}

Test(compare, bad_words)
{
    check(WORDS("diff", few), "exit 2",
          "memoir: memoir diff needs two files: a ledger or a JSON report each, the earlier one first\n");
    check(WORDS("diff", "a", "b", "c"), "exit 2", "memoir: memoir diff compares two files; c is a third\n");
    check(WORDS("diff", "--top=x", "a", "b"), "exit 2", "memoir: --top=x: a number of sites, or 0 for all\n");
    check(WORDS("diff", "--format", "xml", "a", "b"), "exit 2", "memoir: --format=xml: a difference is written as text, json or html\n");
    check(WORDS("diff", "--sort=bytes", "a", "b"), "exit 2", "memoir: memoir diff has no option --sort=bytes; memoir help diff lists them\n");
    check(WORDS("diff", few, "/no/such/file"), "exit 125", "memoir: /no/such/file: No such file or directory\n");
    check(WORDS("diff", "tests/cli/expected/stacks.sarif", few), "exit 125",
          "memoir: tests/cli/expected/stacks.sarif: neither a ledger nor a JSON report of memoir's: it is JSON of something else\n");
    check(WORDS("diff", "/etc/passwd", few), "exit 125", "memoir: /etc/passwd: is not a memoir ledger: too short\n");
}

/* --- CI ------------------------------------------------------------------------------------------------------- */

Test(compare, leaks_fail_a_run)
{
    check(WORDS("report", few), "exit 0", "");
    struct run_result result = memoir(WORDS("report", "--error-exitcode=23", few));
    cr_expect_str_eq(run_ending(&result), "exit 23");
    cr_expect(strncmp(result.err, "memoir: 1 leak of ", 18) == 0 && strstr(result.err, " B: exit code 23\n"), "%s", result.err);
    run_free(&result);
    check(WORDS("report", "--error-exitcode=23", "--leak-kinds=possible", few), "exit 0", "");
    check(WORDS("report", "--error-exitcode=0", few), "exit 2", "memoir: --error-exitcode=0: an exit code is a number from 1 to 255\n");
    check(WORDS("report", "--error-exitcode=1x", few), "exit 2", "memoir: --error-exitcode=1x: an exit code is a number from 1 to 255\n");
}

/* More blocks of a known leak are no new leak; another call stack is. */
Test(compare, only_new_leaks_fail_a_run_with_a_baseline)
{
    char baseline[PATH_MAX + 32];
    snprintf(baseline, sizeof baseline, "--baseline=%s", few);
    check(WORDS("report", "--error-exitcode=9", baseline, few), "exit 0", "");
    check(WORDS("report", "--error-exitcode=9", baseline, many), "exit 9", "memoir: 1 leak of 70 B beyond the baseline: exit code 9\n");
    check(WORDS("report", "--format=json", "-o", scratch, many), "exit 0", "");
    snprintf(baseline, sizeof baseline, "--baseline=%s", scratch);
    check(WORDS("report", "--error-exitcode=9", baseline, many), "exit 0", "");
    check(WORDS("report", "--baseline=/no/such/file", many), "exit 125", "memoir: /no/such/file: No such file or directory\n");
}

Test(compare, without_a_leak_check_nobody_can_tell)
{
    char ledger[PATH_MAX + 32];
    snprintf(ledger, sizeof ledger, "MEMOIR_LEDGER=%s", scratch);
    struct run_result result = run_program(&(struct run_spec){
        .argv = WORDS("/bin/sh", "-c", "kill -9 $$"), .env = WORDS(ledger, "MEMOIR_TRACE=full") });
    cr_expect_str_eq(run_ending(&result), "signal 9");
    run_free(&result);
    check(WORDS("report", "--error-exitcode=9", scratch), "exit 125",
          "memoir: no leak check was made, so --error-exitcode cannot tell; --leak-kinds=in_use judges all that is in use\n");
}

/* --- formats ------------------------------------------------------------------------------------------------------ */

Test(compare, every_format_of_a_real_run)
{
    static const char *const formats[] = { "pprof", "folded", "massif", "openmetrics", "github", "sarif" };
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        check(WORDS("report", "--format", formats[i], "-o", scratch, many), "exit 0", "");
        struct run_result result = run_program(&(struct run_spec){
            .argv = WORDS("/usr/bin/env", "python3", "tests/cli/formats.py", formats[i], scratch), .preload = "" });
        cr_expect_str_eq(run_ending(&result), "exit 0", "%s: %s%s", formats[i], result.out, result.err);
        run_free(&result);
    }
    char *text = expect(WORDS("report", "--format=folded", "--cost=leaked", many), "exit 0", "");
    cr_expect_not_null(strstr(text, ";main;accept_one;make_session 2"), "%s", text);
    cr_expect_not_null(strstr(text, ";main;copy_name;"), "%s", text);
    free(text);
    text = expect(WORDS("report", "--format=github", many), "exit 0", "");
    cr_expect_not_null(strstr(text, "tests/preload/prog/cli_leaks.c,line=9,title=2."), "%s", text);
    free(text);
}

Test(compare, a_profile_is_not_for_a_terminal)
{
    char command[2 * PATH_MAX];
    snprintf(command, sizeof command, "%s report --format=pprof %s", run_path("memoir"), few);
    struct run_result result = run_program(&(struct run_spec){
        .argv = WORDS("/usr/bin/env", "script", "-qec", command, "/dev/null"), .preload = "" });
    cr_expect_str_eq(run_ending(&result), "exit 2");
    cr_expect_str_eq(result.out, "memoir: --format=pprof is no text: send it to a file (-o FILE), not to a terminal\r\n", "%s", result.out);
    run_free(&result);
}

/* --- --output ------------------------------------------------------------------------------------------------------ */

/* Who has the old file open goes on reading the old report; nothing else is left in the directory. */
Test(compare, an_output_file_is_replaced_as_a_whole)
{
    char text[16] = "";
    struct stat st;
    int fd = open(scratch, O_RDWR | O_CREAT, 0600);
    cr_assert_eq(write(fd, "old", 3), 3);
    fchmod(fd, 0640);
    check(WORDS("report", "--format=openmetrics", "-o", scratch, few), "exit 0", "");
    cr_expect_eq(pread(fd, text, sizeof text, 0), 3);
    cr_expect_str_eq(text, "old");
    close(fd);
    cr_expect(stat(scratch, &st) == 0 && (st.st_mode & 0777) == 0640 && st.st_size > 1000);
    int files = 0;
    DIR *entries = opendir(dir);
    for (struct dirent *e; (e = readdir(entries)) != NULL;)
        files += e->d_name[0] != '.';
    closedir(entries);
    cr_expect_eq(files, 3);
}

Test(compare, outputs_that_cannot_be_replaced)
{
    char link[PATH_MAX + 32], *text = expect(WORDS("report", "--format=folded", "-o", "/dev/stdout", few), "exit 0", "");
    struct stat st;
    cr_expect_not_null(strstr(text, "make_session"), "%s", text);
    free(text);
    snprintf(link, sizeof link, "%s-link", scratch);
    cr_assert_eq(symlink(scratch, link), 0);
    check(WORDS("report", "-o", link, few), "exit 0", "");
    cr_expect(lstat(link, &st) == 0 && S_ISLNK(st.st_mode));
    cr_expect(stat(scratch, &st) == 0 && st.st_size > 100);
    check(WORDS("report", "-o", "/dev/full", few), "exit 125", "memoir: cannot write the report: No space left on device\n");
    check(WORDS("report", "-o", "/no/dir/x", few), "exit 125", "memoir: --output=/no/dir/x: No such file or directory\n");
}
