/* cli.c: the program `memoir` from outside: what it passes through, what it shows, what it says. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <dirent.h>
#include <fcntl.h>
#include <pty.h>
#include <sys/stat.h>
#include <termios.h>

#include "run.h"

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* Runs memoir with these words, and these variables set; nothing is preloaded into memoir itself. */
static struct run_result memoir_with(const char *const *words, const char *const *env)
{
    const char *argv[32] = { "/usr/bin/env" };
    char state[PATH_MAX];
    snprintf(state, sizeof state, "XDG_STATE_HOME=%s/state", getenv("MEMOIR_TEST_BUILD"));
    size_t n = 1;
    argv[n++] = state;
    for (size_t i = 0; env && env[i] && n < 16; i++)
        argv[n++] = env[i];
    argv[n++] = run_path("memoir");
    for (size_t i = 0; words[i] && n < 31; i++)
        argv[n++] = words[i];
    return run_program(&(struct run_spec){ .argv = argv, .preload = "" });
}

#define memoir(...) memoir_with(WORDS(__VA_ARGS__), NULL)

static void expect_exit(const struct run_result *result, int code)
{
    cr_expect(!result->timed_out && WIFEXITED(result->status) && WEXITSTATUS(result->status) == code,
              "%s instead of exit %d; stderr: %s", run_ending(result), code, result->err);
}

static void expect_signal(const struct run_result *result, int number)
{
    cr_expect(!result->timed_out && WIFSIGNALED(result->status) && WTERMSIG(result->status) == number,
              "%s instead of signal %d; stderr: %s", run_ending(result), number, result->err);
}

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* --- what is said: exit code and the one line on stderr --------------------------------------------- */

struct line_row {
    char words[4][32];
    int code;
    char line[192];
};

ParameterizedTestParameters(cli, one_line)
{
    static struct line_row rows[] = {
        { { "" }, 2, "nothing to do; memoir PROGRAM runs a program, memoir --help says more" },
        { { "run" }, 2, "no program to run; memoir help run says how" },
        { { "--stats", "--" }, 2, "no program to run; memoir help run says how" },
        { { "--leaks=ful", "true" }, 2, "--leaks=ful: not one of off|summary|full; did you mean full?" },
        { { "--leaks", "ful", "true" }, 2, "--leaks=ful: not one of off|summary|full; did you mean full?" },
        { { "run", "--pool-limit=many" }, 2,
          "--pool-limit=many: not a size; write whole bytes, or with k, m, g or t, as in 512m" },
        { { "--purge-delay=25h", "true" }, 2, "--purge-delay=25h: out of range; it goes from 0 to 86400000 ms" },
        { { "--signal=USR9", "true" }, 2,
          "--signal=USR9: not a signal; write a name or a number, as in USR2, RTMIN+3 or 12; did you mean USR1?" },
        { { "--stats=maybe", "true" }, 2, "--stats=maybe: not one of 0|1|off|on|no|yes|false|true; did you mean false?" },
        { { "--stats=", "true" }, 2, "--stats= has no value" },
        { { "--leaks" }, 2, "--leaks needs a value" },
        { { "--library" }, 2, "--library needs a value" },
        { { "--library=/none", "true" }, 2, "--library=/none: No such file or directory" },
        { { "--stast", "true" }, 2, "--stast is no option; did you mean --stats?" },
        { { "--pool_limit=1", "true" }, 2, "--pool_limit is no option; did you mean --pool-limit?" },
        { { "--LEAKS=full", "true" }, 2, "--LEAKS is no option; did you mean --leaks?" },
        { { "--libary=x", "true" }, 2, "--libary is no option; did you mean --library?" },
        { { "-x", "true" }, 2, "-x is no option; all of memoir's begin with two dashes" },
        { { "optoins" }, 127, "optoins is neither a command nor a program; did you mean memoir options?" },
        { { "run", "no-such-program" }, 127, "no-such-program: no such program" },
        { { "--output=stderr", "no-such-program" }, 127, "no-such-program: no such program" },
        { { "/" }, 126, "/: Permission denied" },
        { { "--stats=0", "--leaks=off", "/" }, 126, "/: Permission denied" },
        { { "help", "rum" }, 2, "rum is no command; did you mean run?" },
        { { "options", "x" }, 2, "memoir options takes no arguments: x" },
    };
    return cr_make_param_array(struct line_row, rows, sizeof rows / sizeof *rows);
}

ParameterizedTest(struct line_row *row, cli, one_line)
{
    char wanted[256];
    const char *words[5] = { NULL };
    for (size_t i = 0; i < 4 && row->words[i][0]; i++)
        words[i] = row->words[i];
    struct run_result result = memoir_with(words, NULL);
    snprintf(wanted, sizeof wanted, "memoir: %s\n", row->line);
    expect_exit(&result, row->code);
    cr_expect_str_eq(result.err, wanted);
    cr_expect_str_eq(result.out, "");
    run_free(&result);
}

static void expect_narrow(const char *text)
{
    for (const char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1)
        cr_expect_leq(end - line, 100, "%.*s", (int)(end - line), line);
}

Test(cli, options_lists_every_row_of_the_table)
{
    static const char *const names[] = {
#define MR_OPTION(TYPE, field, NAME, def, min, max, values, sentence) #NAME,
#include "options.def"
#undef MR_OPTION
    };
    struct run_result result = memoir("options");
    expect_exit(&result, 0);
    expect_narrow(result.out);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char shown[64] = "\n  ";
        for (size_t c = 0; names[i][c]; c++)
            shown[3 + c] = names[i][c] == '_' ? '-' : (char)(names[i][c] | 0x20);
        strcat(shown, " ");
        cr_expect_not_null(strstr(result.out, shown), "%s is missing", names[i]);
    }
    run_free(&result);
}

Test(cli, help_of_everything)
{
    const char *const *const calls[] = {
        WORDS("help"), WORDS("--help"), WORDS("-h"), WORDS("help", "run"), WORDS("run", "--help"), WORDS("--leaks=full", "-h"),
        WORDS("help", "options"), WORDS("options", "--help"), WORDS("help", "help"),
    };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        struct run_result result = memoir_with(calls[i], NULL);
        expect_exit(&result, 0);
        expect_narrow(result.out);
        cr_expect_not_null(strstr(result.out, "usage: memoir"), "%s %s", calls[i][0], calls[i][1]);
        cr_expect_str_eq(result.err, "");
        run_free(&result);
    }
}

Test(cli, version)
{
    struct run_result result = memoir("--version");
    expect_exit(&result, 0);
    cr_expect(starts_with(result.out, "memoir ") && result.out[7] >= '0' && result.out[7] <= '9', "%s", result.out);
    run_free(&result);
}

Test(cli, output_that_cannot_be_written_is_a_failure)
{
    struct run_result result = run_program(&(struct run_spec){
        .argv = WORDS("/bin/sh", "-c", "\"$0\" options > /dev/full", run_path("memoir")), .preload = "" });
    expect_exit(&result, 125);
    cr_expect_str_eq(result.err, "memoir: cannot write the output: No space left on device\n");
    run_free(&result);
}

Test(cli, the_manual_page_has_every_option)
{
    struct run_result result = run_program(&(struct run_spec){
        .argv = WORDS("/bin/sh", "-c", "scripts/gen-options-doc.sh --check 2>&1 | grep memoir.1"), .preload = "" });
    expect_exit(&result, 1);
    cr_expect_str_eq(result.out, "");
    run_free(&result);
}

/* --- what passes through ---------------------------------------------------------------------------- */

Test(cli, output_and_exit_code_are_the_programs)
{
    struct run_result result = memoir("sh", "-c", "echo out; echo err >&2; exit 7");
    expect_exit(&result, 7);
    cr_expect_str_eq(result.out, "out\n");
    cr_expect(starts_with(result.err, "err\n== memoir == "), "%s", result.err);
    cr_expect_not_null(strstr(result.err, " ended: exit code 7 after "), "%s", result.err);
    cr_expect_not_null(strstr(result.err, "SIZE CLASSES"));
    run_free(&result);
}

Test(cli, dies_of_the_programs_signal)
{
    struct run_result result = memoir("sh", "-c", "kill -TERM $$");
    expect_signal(&result, SIGTERM);
    run_free(&result);
    result = memoir("sh", "-c", "kill -KILL $$");
    expect_signal(&result, SIGKILL);
    cr_expect_not_null(strstr(result.err, ") ended: killed by signal 9 (KILL) after "), "%s", result.err);
    run_free(&result);
    result = memoir("--output=stderr", "sh", "-c", "kill -HUP $$");
    expect_signal(&result, SIGHUP);
    run_free(&result);
}

/* Waits until the program has written something to stdout. */
static void wait_for_output(int fd)
{
    struct stat st;
    for (int i = 0; i < 1000; i++) {
        if (fstat(fd, &st) == 0 && st.st_size > 0)
            return;
        usleep(10000);
    }
    cr_assert_fail("the program never said that it is ready");
}

static struct run_result memoir_signalled(const char *script, int number)
{
    int fds[2];
    struct run_spec spec = { .argv = WORDS(run_path("memoir"), "sh", "-c", script), .preload = "" };
    pid_t pid = run_start(&spec, fds);
    wait_for_output(fds[0]);
    kill(pid, number);
    return run_finish(&spec, pid, fds);
}

Test(cli, signals_reach_the_program)
{
    static const int numbers[] = { SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char script[128];
        snprintf(script, sizeof script, "trap 'echo got; exit 5' %d; echo ready; while :; do sleep 0.05; done", numbers[i]);
        struct run_result result = memoir_signalled(script, numbers[i]);
        expect_exit(&result, 5);
        cr_expect_str_eq(result.out, "ready\ngot\n", "signal %d", numbers[i]);
        run_free(&result);
    }
    struct run_result result = memoir_signalled("echo ready; exec sleep 30", SIGTERM);
    expect_signal(&result, SIGTERM);
    run_free(&result);
}

/* memoir on a terminal of its own, with its whole output in `text`; `keys` are typed once it says "ready". */
static int memoir_on_terminal(const char *script, const char *keys, char *text, size_t size)
{
    int master, status;
    pid_t pid = forkpty(&master, NULL, NULL, NULL);
    if (pid < 0)
        cr_skip_test("this machine gives no pseudo-terminal");
    if (pid == 0) {
        setenv("LD_PRELOAD", "", 1);
        execl(run_path("memoir"), "memoir", "--leaks=off", "sh", "-c", script, NULL);
        _exit(99);
    }
    size_t len = 0;
    ssize_t got;
    while (len < size - 1 && (got = read(master, text + len, size - 1 - len)) > 0) {
        len += (size_t)got;
        text[len] = '\0';
        if (keys && strstr(text, "ready\r\n")) {
            cr_assert_eq(write(master, keys, strlen(keys)), (ssize_t)strlen(keys));
            keys = NULL;
        }
    }
    waitpid(pid, &status, 0);
    close(master);
    return status;
}

Test(cli, a_key_of_the_terminal_reaches_the_program_once, .timeout = 20)
{
    static char text[65536];
    int status = memoir_on_terminal("n=0; trap 'n=$((n+1))' INT; echo ready; sleep 0.5; sleep 0.5; echo $n of them",
                                    "\x03", text, sizeof text);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", status);
    cr_expect_not_null(strstr(text, "1 of them\r\n"), "%s", text);
    cr_expect_not_null(strstr(text, "== memoir == sh"), "%s", text);
}

/* Signals do not queue, so the program above cannot tell one from two that came at once. This one has left
 * the terminal's group: what it gets, memoir sent. */
Test(cli, a_key_of_the_terminal_is_not_passed_on, .timeout = 20)
{
    static char text[65536];
    memoir_on_terminal("exec setsid sh -c 'n=0; trap n=1 INT; echo ready; sleep 0.5; sleep 0.2; echo $n of them'", "\x03",
                       text, sizeof text);
    cr_expect_not_null(strstr(text, "0 of them\r\n"), "%s", text);
}

Test(cli, stops_and_goes_on_with_the_program, .timeout = 20)
{
    int fds[2], status = 0;
    struct run_spec spec = { .argv = WORDS(run_path("memoir"), "sh", "-c", "kill -TSTP $$; exit 4"), .preload = "" };
    pid_t pid = run_start(&spec, fds);
    waitpid(pid, &status, WUNTRACED);
    cr_expect(WIFSTOPPED(status), "memoir did not stop: status %x", status);
    kill(pid, SIGCONT);
    struct run_result result = run_finish(&spec, pid, fds);
    expect_exit(&result, 4);
    run_free(&result);
}

Test(cli, an_ignored_sigchld_of_the_caller)
{
    struct run_result result = run_program(&(struct run_spec){
        .argv = WORDS("/usr/bin/env", "--ignore-signal=CHLD", run_path("memoir"), "sh", "-c", "exit 6"), .preload = "" });
    expect_exit(&result, 6);
    run_free(&result);
}

Test(cli, closed_standard_streams)
{
    struct run_result result = run_program(&(struct run_spec){
        .argv = WORDS(run_path("memoir"), "sh", "-c", "exit 3"),
        .preload = "",
        .closed = RUN_CLOSE(0) | RUN_CLOSE(1) | RUN_CLOSE(2),
    });
    expect_exit(&result, 3);
    run_free(&result);
}

Test(cli, programs_are_found_as_a_shell_does)
{
    char dir[] = "/tmp/memoir-test-XXXXXX", path[64], search[128];
    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/my-script", dir);
    snprintf(search, sizeof search, "PATH=%s:/usr/bin:/bin", dir);
    FILE *f = fopen(path, "w");
    fputs("exit 9\n", f); /* no #!: the shell runs it */
    fclose(f);
    chmod(path, 0700);
    struct run_result result = memoir_with(WORDS("my-script"), WORDS(search));
    expect_exit(&result, 9);
    run_free(&result);
    f = fopen(path, "w");
    fputs("#!/none/at/all\n", f);
    fclose(f);
    result = memoir_with(WORDS("my-script"), WORDS(search));
    expect_exit(&result, 127);
    cr_expect_str_eq(result.err, "memoir: my-script: the interpreter it names was not found\n");
    run_free(&result);
    unlink(path);
    rmdir(dir);
}

Test(cli, a_program_named_like_a_command)
{
    struct run_result result = memoir("--", "options");
    expect_exit(&result, 127);
    run_free(&result);
}

/* --- the environment of the program ----------------------------------------------------------------- */

Test(cli, flags_win_over_the_environment_and_fill_it)
{
    struct run_result result = memoir_with(
        WORDS("--leaks=off", "--stats", "--pool-limit", "1g", "sh", "-c", "echo $MEMOIR_LEAKS $MEMOIR_STATS $MEMOIR_POOL_LIMIT"),
        WORDS("MEMOIR_LEAKS=full", "MEMOIR_POOL_LIMIT=2g"));
    expect_exit(&result, 0);
    cr_expect_str_eq(result.out, "off 1 1g\n");
    run_free(&result);
    result = memoir_with(WORDS("sh", "-c", "echo $MEMOIR_LEAKS $MEMOIR_STATS"), WORDS("MEMOIR_LEAKS=full"));
    cr_expect_str_eq(result.out, "full 1\n");
    run_free(&result);
}

Test(cli, an_existing_preload_stays_behind_ours)
{
    const char *script = "echo $LD_PRELOAD", *others = "libm.so.6";
    char wanted[PATH_MAX + 16];
    snprintf(wanted, sizeof wanted, "%s:libm.so.6\n", run_path("libmemoir.so"));
    struct run_result result = run_program(&(struct run_spec){ .argv = WORDS(run_path("memoir"), "sh", "-c", script), .preload = others });
    cr_expect_str_eq(result.out, wanted);
    run_free(&result);
}

Test(cli, parts_can_be_taken_away)
{
    struct run_result result = memoir("--stats=0", "--leaks=off", "sh", "-c", "exit 3");
    expect_exit(&result, 3);
    cr_expect_str_eq(result.err, "");
    run_free(&result);
    result = memoir("--stats=0", "sh", "-c", "exit 3");
    cr_expect_null(strstr(result.err, "SIZE CLASSES"));
    cr_expect_not_null(strstr(result.err, "still reachable"), "%s", result.err);
    run_free(&result);
    result = memoir("--leaks=off", "sh", "-c", "exit 3");
    cr_expect_not_null(strstr(result.err, "SIZE CLASSES"), "%s", result.err);
    cr_expect_null(strstr(result.err, "still reachable"));
    run_free(&result);
}

/* --- where the report goes ---------------------------------------------------------------------------- */

static bool is_empty(const char *path)
{
    int entries = 0;
    DIR *dir = opendir(path);
    while (dir && readdir(dir))
        entries++;
    closedir(dir);
    return entries == 2;
}

Test(cli, nothing_is_left_behind)
{
    char dir[] = "/tmp/memoir-test-XXXXXX", tmpdir[64];
    cr_assert_not_null(mkdtemp(dir));
    snprintf(tmpdir, sizeof tmpdir, "TMPDIR=%s", dir);
    struct run_result result = memoir_with(WORDS("sh", "-c", "/bin/true; exit 1"), WORDS(tmpdir));
    expect_exit(&result, 1);
    cr_expect_not_null(strstr(result.err, "\nmemoir: 1 other process of the program was recorded too; --output=FILE.%p "
                                          "reports every one\n"), "%s", result.err);
    cr_expect(is_empty(dir));
    run_free(&result);
    result = memoir_with(WORDS("no-such-program"), WORDS(tmpdir));
    cr_expect(is_empty(dir));
    run_free(&result);
    rmdir(dir);
}

Test(cli, the_last_runs_can_be_told_again)
{
    char dir[] = "/tmp/memoir-test-XXXXXX", state[64];
    cr_assert_not_null(mkdtemp(dir));
    snprintf(state, sizeof state, "XDG_STATE_HOME=%s", dir);
    struct run_result result = memoir_with(WORDS("report"), WORDS(state));
    expect_exit(&result, 125);
    cr_expect(starts_with(result.err, "memoir: no ledger was kept yet: "), "%s", result.err);
    run_free(&result);
    result = memoir_with(WORDS("sh", "-c", "exit 7"), WORDS(state));
    expect_exit(&result, 7);
    run_free(&result);
    result = memoir_with(WORDS("report"), WORDS(state));
    expect_exit(&result, 0);
    cr_expect_not_null(strstr(result.out, ") ended: exit code 7 after "), "%s", result.out);
    run_free(&result);
    result = memoir_with(WORDS("report", "999999999"), WORDS(state));
    expect_exit(&result, 125);
    cr_expect(starts_with(result.err, "memoir: no ledger of process 999999999 was kept; "), "%s", result.err);
    run_free(&result);
    result = run_program(&(struct run_spec){ .argv = WORDS("/bin/rm", "-r", dir), .preload = "" });
    run_free(&result);
}

Test(cli, of_several_programs_of_one_process_the_last_is_told)
{
    struct run_result result = memoir("env", "env", "sh", "-c", "exit 3");
    expect_exit(&result, 3);
    cr_expect(starts_with(result.err, "== memoir == sh (pid ") || starts_with(result.err, "== memoir == dash (pid "), "%s", result.err);
    run_free(&result);
}

/* Sites count more requests than the heap: blocks resized in place. */
Test(cli, a_program_that_resizes_blocks_has_its_heap_told)
{
    struct run_result result = memoir("--trace=full", "--format=json", run_path("tests/prog/count_realloc"), "1000");
    expect_exit(&result, 0);
    cr_expect_null(strstr(result.err, "the heap had no time"), "%s", result.err);
    cr_expect_not_null(strstr(result.err, "\"size_classes\":[{"), "%s", result.err);
    run_free(&result);
}

Test(cli, no_room_for_the_report)
{
    struct run_result result = run_program(&(struct run_spec){
        .argv = WORDS("/usr/bin/unshare", "-m", "sh", "-c", "mount -t tmpfs -o size=1m none /dev/shm && echo ready && "
                      "TMPDIR=/proc \"$0\" sh -c 'exit 2'", run_path("memoir")), .preload = "" });
    if (!starts_with(result.out, "ready")) {
        run_free(&result);
        cr_skip_test("no right to mount");
    }
    expect_exit(&result, 2);
    cr_expect(starts_with(result.err, "memoir: cannot make a directory for the ledger ("), "%s", result.err);
    cr_expect_not_null(strstr(result.err, "== memoir == sh"), "%s", result.err);
    run_free(&result);
}

Test(cli, out_of_reach_is_said_beforehand)
{
    if (access("/sbin/ldconfig", X_OK) != 0)
        cr_skip_test("no static program at hand");
    struct run_result result = memoir("/sbin/ldconfig", "--version");
    expect_exit(&result, 0);
    cr_expect_str_eq(result.err, "memoir: /sbin/ldconfig is statically linked: the loader does not preload memoir into it, "
                                 "so there is no report of it\n");
    run_free(&result);
}

/* The program is a file of these bytes; it need not run. */
static struct run_result memoir_of_bytes(const void *bytes, size_t size)
{
    char path[] = "/tmp/memoir-test-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_eq(write(fd, bytes, size), (ssize_t)size);
    fchmod(fd, 0700);
    close(fd);
    struct run_result result = memoir(path);
    unlink(path);
    return result;
}

Test(cli, obstacles_of_scripts_and_foreign_programs)
{
    static const char script[] = "#! /sbin/ldconfig -p\n", foreign[64] = "\177ELF\1\1\1";
    struct run_result result = memoir_of_bytes(foreign, sizeof foreign);
    cr_expect_not_null(strstr(result.err, " is a 32-bit program: the loader does not preload memoir into it"), "%s", result.err);
    run_free(&result);
    if (access("/sbin/ldconfig", X_OK) != 0)
        cr_skip_test("no static program at hand");
    result = memoir_of_bytes(script, strlen(script));
    cr_expect_not_null(strstr(result.err, " is statically linked: the loader does not preload memoir into it"), "%s", result.err);
    run_free(&result);
}

Test(cli, set_user_id_is_said_beforehand)
{
    struct stat st;
    if (geteuid() != 0 || stat("/bin/su", &st) != 0 || !(st.st_mode & S_ISUID))
        cr_skip_test("needs root and a set-user-id /bin/su");
    struct run_result result = run_program(&(struct run_spec){
        .argv = WORDS(run_path("memoir"), "/bin/su", "--version"), .preload = "", .uid = 65534 });
    if (WIFEXITED(result.status) && WEXITSTATUS(result.status) == 127)
        cr_skip_test("the build directory is closed to other users");
    expect_exit(&result, 0);
    cr_expect_str_eq(result.err, "memoir: /bin/su is set-user-id: the loader does not preload memoir into it, "
                                 "so there is no report of it\n");
    run_free(&result);
}

/* --- JSON ------------------------------------------------------------------------------------------------ */

static struct run_result validate(const char *file)
{
    return run_program(&(struct run_spec){
        .argv = WORDS("/usr/bin/env", "python3", "tests/cli/validate.py", "tests/cli/schema.json", file), .preload = "" });
}

static void expect_valid(const char *file)
{
    struct run_result result = validate(file);
    expect_exit(&result, 0);
    cr_expect_str_eq(result.out, "", "%s", result.out);
    run_free(&result);
}

Test(cli, json_fits_the_schema)
{
    char dir[] = "/tmp/memoir-test-XXXXXX", path[64], flag[96];
    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/report", dir);
    snprintf(flag, sizeof flag, "--output=%s", path);
    static const char *const leaks[] = { "--leaks=off", "--leaks=summary", "--leaks=full" };
    for (size_t i = 0; i < sizeof leaks / sizeof *leaks; i++) {
        struct run_result result = memoir(flag, "--format=json", leaks[i], "sh", "-c", "exit 4");
        expect_exit(&result, 4);
        cr_expect_str_eq(result.err, "");
        run_free(&result);
        expect_valid(path);
        unlink(path);
    }
    rmdir(dir);
}

Test(cli, golden_json_fits_the_schema)
{
    expect_valid("tests/cli/expected/summary.json");
    expect_valid("tests/cli/expected/blocks.json");
    expect_valid("tests/cli/expected/clean.json");
    expect_valid("tests/cli/expected/map.json");
}

/* The check itself can fail: a wrong report must not pass. */
Test(cli, the_schema_refuses)
{
    static const char *const edits[] = {
        "s/\"pid\":4242/\"pid\":\"4242\"/", "s/\"kind\":\"exited\",\"code\":0/\"kind\":\"exited\"/", "s/\"frees\":/\"freed\":/",
        "s/\"sites\":\\[\\],//", "s/\"strategy\":\"slab\"/\"strategy\":\"slob\"/", "s/{\"memoir\"/{\"more\":1,\"memoir\"/",
        "s/\"allocations\":88000000/\"allocations\":88000001/", "s/\"in_use_bytes\":452804112/\"in_use_bytes\":452804113/",
    };
    char path[] = "/tmp/memoir-test-XXXXXX";
    close(mkstemp(path));
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
        struct run_result result = run_program(&(struct run_spec){
            .argv = WORDS("/bin/sh", "-c", "sed \"$0\" tests/cli/expected/summary.json > \"$1\"", edits[i], path), .preload = "" });
        expect_exit(&result, 0);
        run_free(&result);
        result = validate(path);
        expect_exit(&result, 1);
        cr_expect_neq(result.out_len, 0, "%s passed", edits[i]);
        run_free(&result);
    }
    unlink(path);
}
