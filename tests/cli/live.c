/* live.c: memoir ls and memoir top from outside, over a program that runs, and what they say when it has ended. */
#include <criterion/criterion.h>
#include <time.h>

#include "said.h"

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* ---- a program that keeps a ledger --------------------------------------------------------------------- */

static char dir[PATH_MAX], ledger[2 * PATH_MAX], number[32];
static pid_t pid;
static int fds[2];
static struct run_spec spec;
static const char *words[8];
static const char *env[8];
static char ledger_variable[2 * PATH_MAX + 32];

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 }, NULL);
}

static void start(const char *seconds, const char *trace)
{
    struct stat out = { .st_size = 0 };
    run_make_dir(dir);
    snprintf(ledger, sizeof ledger, "%s/ledger", dir);
    snprintf(ledger_variable, sizeof ledger_variable, "MEMOIR_LEDGER=%s", ledger);
    words[0] = run_program_path("cli_live");
    words[1] = seconds;
    words[2] = "3";
    env[0] = ledger_variable;
    env[1] = trace;
    spec = (struct run_spec){ .argv = words, .env = env, .preload = run_path("libmemoir.so"), .seconds = 60 };
    pid = run_start(&spec, fds);
    snprintf(number, sizeof number, "%d", (int)pid);
    for (int i = 0; i < 500 && !(fstat(fds[0], &out) == 0 && out.st_size); i++)
        pause_ms(20);
    cr_assert_gt(out.st_size, 0, "cli_live did not start");
}

static void stop(void)
{
    if (pid > 0) {
        kill(pid, SIGKILL);
        struct run_result result = run_finish(&spec, pid, fds);
        run_free(&result);
    }
    pid = 0;
    run_remove_dir(dir);
}

static struct run_result memoir(const char *const *with)
{
    const char *argv[16] = { "/usr/bin/env" };
    char state[PATH_MAX];
    snprintf(state, sizeof state, "XDG_STATE_HOME=%s/state-live", getenv("MEMOIR_TEST_BUILD"));
    argv[1] = state;
    argv[2] = run_path("memoir");
    for (size_t i = 0; with[i] && i < 12; i++)
        argv[i + 3] = with[i];
    return run_program(&(struct run_spec){ .argv = argv, .preload = "" });
}

static char *expect(const char *const *with, const char *ending) { return expect_said(memoir(with), ending, ""); }

static void expect_one_line(const char *const *with, int code, const char *line)
{
    expect_refusal(memoir(with), code, line);
}

/* ---- ls ------------------------------------------------------------------------------------------------ */

/* The line of our program, in place; other programs may keep ledgers at the same time. */
static char *line_of(char *text, const char *pid_text)
{
    size_t len = strlen(pid_text);
    for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = '\0';
        if (strncmp(line, pid_text, len) == 0 && line[len] == '\t')
            return line;
    }
    return NULL;
}

Test(live, ls_tells_what_a_process_has_in_use, .timeout = 60)
{
    unsigned long since, in_use, resident, sites, rate;
    char state[16], path[PATH_MAX];
    start("30", "MEMOIR_TRACE=full");
    char *text = expect(WORDS("ls"), "exit 0");
    cr_expect_eq(strncmp(text, "pid\tstate\tsince\tin_use_bytes\t", 29), 0, "%s", text);
    char *line = line_of(text, number);
    cr_assert_not_null(line);
    cr_assert_eq(sscanf(line, "%*d\t%15s\t%lu\t%lu\t%lu\t%lu\t%lu\t%4095s", state, &since, &in_use, &resident, &sites, &rate, path), 7,
                 "%s", line);
    cr_expect_str_eq(state, "runs");
    cr_expect_leq(labs((long)since - (long)time(NULL)), 30);
    cr_expect_geq(in_use, 3u << 20);
    cr_expect_geq(resident, in_use);
    cr_expect(sites >= 3 && sites < 100, "%lu", sites);
    cr_expect_gt(rate, 10000);
    cr_expect_str_eq(path, ledger);
    expect_in(line, "cli_live 30 3");
    free(text);
    stop();
}

Test(live, ls_without_call_stacks_does_not_guess, .timeout = 60)
{
    start("30", "MEMOIR_TRACE=off");
    char *text = expect(WORDS("ls"), "exit 0");
    char *line = line_of(text, number);
    cr_assert_not_null(line);
    expect_in(line, "\t-\t");
    free(text);
    stop();
}

Test(live, ls_as_json, .timeout = 60)
{
    char command[4 * PATH_MAX];
    start("30", "MEMOIR_TRACE=full");
    snprintf(command, sizeof command, "'%s' ls --format=json | jq -e '.[] | select(.pid == %d) | .state == \"runs\" and "
             ".in_use_bytes > 3000000 and .bytes_per_second > 10000 and .sites >= 3 and .ledger == \"%s\"'",
             run_path("memoir"), (int)pid, ledger);
    struct run_result result = run_program(&(struct run_spec){ .argv = WORDS("/bin/sh", "-c", command), .preload = "" });
    cr_expect_str_eq(result.out, "true\n", "%s", result.err);
    run_free(&result);
    stop();
}

Test(live, ls_of_what_has_ended_is_asked_for, .timeout = 60)
{
    struct run_result ran = memoir(WORDS("run", "--output=/dev/null", run_program_path("cli_live"), "0", "5"));
    cr_expect_str_eq(run_ending(&ran), "exit 5", "%s", ran.err);
    run_free(&ran);
    char *without = expect(WORDS("ls"), "exit 0"), *with = expect(WORDS("ls", "--all"), "exit 0");
    cr_expect_null(strstr(without, "cli_live 0 5"), "%s", without);
    expect_in(with, "\tended\t");
    expect_in(with, "cli_live 0 5");
    free(without);
    free(with);
}

Test(live, ls_takes_no_words)
{
    expect_one_line(WORDS("ls", "x"), 2, "memoir ls takes no words: x");
    expect_one_line(WORDS("ls", "--format=xml"), 2, "--format=xml: not one of text|json");
}

/* In a library without optimisation the first block of a site may have a stack of its own, with more of memoir's functions. */

/* ---- top, one table ------------------------------------------------------------------------------------ */

static void expect_order(const char *text, const char *first, const char *second)
{
    const char *a = strstr(text, first), *b = strstr(text, second);
    cr_expect(a && b && a < b, "%s not before %s in: %s", first, second, text);
}

Test(live, top_once_orders_sites, .timeout = 60)
{
    start("30", "MEMOIR_TRACE=full");
    char *text = expect(WORDS("top", "--once", "--interval=0.5", number), "exit 0");
    char *calls = expect(WORDS("top", "--once", "--interval=0.5", "--sort=calls", "--top=1", number), "exit 0");
    char *growth = expect(WORDS("top", "--once", "--interval=0.5", "--sort=growth", "--filter=GAIN", ledger), "exit 0");
    expect_in(text, " has run for 0:");
    expect_order(text, "0 B           0         0 B  hold_much  cli_live.c:", "churn  cli_live.c:");
    expect_in(calls, "churn  cli_live.c:");
    cr_expect_null(strstr(calls, "hold_much"), "%s", calls);
    expect_in(growth, "gain  cli_live.c:");
    cr_expect_null(strstr(growth, "hold_much"), "%s", growth);
    free(text);
    free(calls);
    free(growth);
    stop();
}

Test(live, top_tells_how_it_ended, .timeout = 60)
{
    start("0", "MEMOIR_TRACE=full");
    struct run_result ended = run_finish(&spec, pid, fds);
    pid = 0;
    cr_expect_str_eq(run_ending(&ended), "exit 3");
    run_free(&ended);
    char *text = expect(WORDS("top", "--once", ledger), "exit 0");
    expect_in(text, " ended with exit code 3 after 0:");
    expect_in(text, "(means since the start)");
    expect_in(text, "hold_much");
    free(text);
    stop();
    start("30", "MEMOIR_TRACE=full");
    kill(pid, SIGKILL);
    struct run_result killed = run_finish(&spec, pid, fds);
    pid = 0;
    run_free(&killed);
    text = expect(WORDS("top", "--once", ledger), "exit 0");
    expect_in(text, " was killed after 0:");
    free(text);
    stop();
}

Test(live, top_says_what_is_wrong, .timeout = 60)
{
    char line[2 * PATH_MAX + 128];
    expect_one_line(WORDS("top", "1"), 2, "memoir top needs a terminal that can move its cursor; --once prints one table anywhere");
    expect_one_line(WORDS("top", "--once", "999999999"), 125, "process 999999999: there is no such process");
    expect_one_line(WORDS("top", "--once", "/none"), 125, "/none: No such file or directory");
    expect_one_line(WORDS("top", "--once", "/etc/passwd"), 125, "/etc/passwd: is not a memoir ledger: too short");
    expect_one_line(WORDS("top", "--sort=size"), 2, "--sort=size: not one of in_use|blocks|bytes|calls|growth");
    expect_one_line(WORDS("top", "--interval=0"), 2, "--interval=0: not a number of seconds from 0.1 to 3600");
    expect_one_line(WORDS("top", "1", "2"), 2, "one process at a time: 1 and 2");
    expect_one_line(WORDS("top", "--onse"), 2, "memoir top has no option --onse; memoir help top lists them");
    start("30", "MEMOIR_TRACE=off");
    snprintf(line, sizeof line, "%s: has no call stacks: the program must run with MEMOIR_TRACE=full or sample", ledger);
    expect_one_line(WORDS("top", "--once", number), 125, line);
    stop();
}

/* ---- top on a terminal --------------------------------------------------------------------------------- */

static char server[64];

static char *tmux(const char *const *with)
{
    const char *argv[24] = { "/usr/bin/tmux", "-f", "/dev/null", "-L", server };
    for (size_t i = 0; with[i] && i < 18; i++)
        argv[i + 5] = with[i];
    struct run_result result = run_program(&(struct run_spec){ .argv = argv, .preload = "" });
    cr_expect_str_eq(run_ending(&result), "exit 0", "tmux %s: %s", with[0], result.err);
    free(result.err);
    return result.out;
}

static void open_terminal(const char *command)
{
    if (access("/usr/bin/tmux", X_OK) != 0)
        cr_skip_test("tmux is not installed: apt-get install tmux");
    snprintf(server, sizeof server, "memoir-test-%d", (int)getpid());
    free(tmux(WORDS("new-session", "-d", "-x", "100", "-y", "24", command)));
}

#define press(...) free(tmux(WORDS("send-keys", __VA_ARGS__)))

/* Waits until the screen shows the text, or no longer. */
static void expect_screen(const char *text, bool shown)
{
    char *screen = tmux(WORDS("capture-pane", "-p"));
    for (int i = 0; i < 100 && !strstr(screen, text) == shown; i++) {
        pause_ms(100);
        free(screen);
        screen = tmux(WORDS("capture-pane", "-p"));
    }
    cr_expect_eq(strstr(screen, text) != NULL, shown, "%s \"%s\" on the screen:\n%s", shown ? "no" : "still", text, screen);
    free(screen);
}

static void expect_report(const char *name)
{
    char *report = NULL;
    for (int i = 0; i < 100 && !report; i++) {
        pause_ms(100);
        report = run_read_file(dir, name);
    }
    cr_assert_not_null(report);
    expect_in(report, "== memoir == cli_live");
    expect_in(report, "hold_much");
    free(report);
}

Test(live, top_on_a_terminal, .timeout = 120)
{
    char command[4 * PATH_MAX], report[3 * PATH_MAX];
    start("60", "MEMOIR_TRACE=full");
    snprintf(command, sizeof command, "'%s' top --interval=0.3 %d", run_path("memoir"), (int)pid);
    open_terminal(command);
    expect_screen("   IN USE*     BLOCKS", true);
    expect_screen("0 B           0         0 B  hold_much  cli_live.c:", true);
    expect_screen("q quit", true);
    press("c");
    expect_screen("CALLS/S*", true);
    press("Enter");
    expect_screen("    main  cli_live.c:", true);
    press("Escape");
    expect_screen("    main  cli_live.c:", false);
    press("Tab");
    expect_screen("below 2.0 MiB, ", true);
    press("Tab");
    press("/", "gain", "Enter");
    expect_screen("only names with: gain", true);
    expect_screen("hold_much", false);
    press("/", "BSpace", "BSpace", "BSpace", "BSpace", "Enter");
    expect_screen("hold_much", true);
    press("Space");
    expect_screen("frozen", true);
    press("Space");
    expect_screen("frozen", false);
    snprintf(report, sizeof report, "%s/report", dir);
    press("w", report, "Enter");
    expect_screen("the report is in ", true);
    expect_report("report");
    press("w", "/none/report", "Enter");
    expect_screen("memoir: --output=/none/report: No such file or directory", true);
    press("h");
    expect_screen("freeze, go on", true);
    press("h");
    free(tmux(WORDS("resize-window", "-x", "60", "-y", "10")));
    expect_screen("        0 B           0         0 B  ho", true);
    expect_screen("has run for", true);
    kill(pid, SIGKILL);
    struct run_result killed = run_finish(&spec, pid, fds);
    pid = 0;
    run_free(&killed);
    expect_screen("was killed after", true);
    expect_screen("        0 B           0         0 B  ho", true);
    press("-l", "q");
    pause_ms(300);
    cr_expect_neq(access("/none", F_OK), 0);
    stop();
}

Test(live, top_on_a_terminal_nobody_knows, .timeout = 60)
{
    char command[4 * PATH_MAX];
    start("30", "MEMOIR_TRACE=full");
    snprintf(command, sizeof command, "TERM=nonesuch '%s' top %d; echo \"code $?\"; sleep 20", run_path("memoir"), (int)pid);
    open_terminal(command);
    expect_screen("TERM=nonesuch is no terminal known here; --once prints one table anywhere", true);
    expect_screen("code 2", true);
    free(tmux(WORDS("kill-server")));
    stop();
}
