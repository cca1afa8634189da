/* map.c: `memoir map` and MEMOIR_MAP from outside: of a process that runs, that has ended, that was killed. */
#include <criterion/criterion.h>
#include <pty.h>
#include <time.h>

#include "said.h"

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static char dir[PATH_MAX], ledger[PATH_MAX + 16], variable[PATH_MAX + 40];

static void begin(void)
{
    run_make_dir(dir);
    snprintf(ledger, sizeof ledger, "%s/ledger", dir);
    snprintf(variable, sizeof variable, "MEMOIR_LEDGER=%s", ledger);
}

static void end(void)
{
    run_remove_dir(dir);
}

TestSuite(map, .init = begin, .fini = end, .timeout = 60);

static struct run_result memoir(const char *const *words)
{
    const char *argv[16] = { run_path("memoir"), "map" };
    char state[PATH_MAX + 32];
    snprintf(state, sizeof state, "XDG_STATE_HOME=%s", dir);
    for (size_t i = 0; words[i]; i++)
        argv[i + 2] = words[i];
    return run_program(&(struct run_spec){ .argv = argv, .env = WORDS(state), .preload = "" });
}

static void expect_picture(const char *const *words, const char *when)
{
    struct run_result result = memoir(words);
    cr_expect_str_eq(run_ending(&result), "exit 0", "%s", result.err);
    cr_expect_str_eq(result.err, "");
    expect_in(result.out, when);
    expect_in(result.out, " |m");
    expect_in(result.out, "slabs: blocks in use");
    expect_in(result.out, "SLABS of       in use");
    run_free(&result);
}

static void refuse(const char *const *words, const char *ending, const char *line)
{
    struct run_result result = memoir(words);
    cr_expect_str_eq(run_ending(&result), ending, "%s", result.err);
    cr_expect_str_eq(result.err, line, "%s", result.err);
    cr_expect_str_eq(result.out, "");
    run_free(&result);
}

/* A shell under memoir that writes a ledger; what stands in `script` says how it goes on. */
static struct run_result run_shell(const char *script, const char *more)
{
    return run_program(&(struct run_spec){ .argv = WORDS("/bin/sh", "-c", script), .env = WORDS(variable, more) });
}

/* ---- ended -------------------------------------------------------------------------------------------- */

Test(map, of_a_process_that_has_ended)
{
    struct run_result result = run_shell("x=1", "MEMOIR_TRACE=full");
    run_free(&result);
    expect_picture(WORDS(ledger), "MAP of the heap at the end");
    expect_picture(WORDS("--width=200", ledger), "a mark is 64.0 KiB   # slab in use");
}

Test(map, into_a_file)
{
    char out[PATH_MAX + 16];
    snprintf(out, sizeof out, "%s/picture", dir);
    struct run_result result = run_shell("x=1", "MEMOIR_TRACE=full");
    run_free(&result);
    result = memoir(WORDS("-o", out, ledger));
    cr_expect_str_eq(result.out, "");
    cr_expect_eq(access(out, R_OK), 0);
    run_free(&result);
}

/* It allocates for two seconds and kills itself: what is left is a map of a second before. */
Test(map, of_a_process_that_was_killed)
{
    struct run_result result = run_program(&(struct run_spec){
        .argv = WORDS(run_program_path("map_sleeper"), "die"), .env = WORDS(variable, "MEMOIR_TRACE=full") });
    cr_expect_str_eq(run_ending(&result), "signal 9");
    run_free(&result);
    expect_picture(WORDS(ledger), "MAP of the heap ");
}

Test(map, of_one_that_made_none)
{
    char line[PATH_MAX + 200];
    struct run_result result = run_shell("kill -9 $$", "MEMOIR_TRACE=off");
    run_free(&result);
    snprintf(line, sizeof line, "memoir: %s: holds no map: the process was killed, or became another program, before it made one\n",
             ledger);
    refuse(WORDS(ledger), "exit 125", line);
}

/* ---- running ------------------------------------------------------------------------------------------ */

static pid_t start_sleeper(const char *trace)
{
    pid_t pid = fork();
    if (pid == 0) {
        setenv("LD_PRELOAD", run_preload(), 1);
        putenv(variable);
        setenv("MEMOIR_TRACE", trace, 1);
        execl(run_program_path("map_sleeper"), "map_sleeper", dir, NULL);
        _exit(127);
    }
    char ready[PATH_MAX + 16];
    snprintf(ready, sizeof ready, "%s/ready", dir);
    for (int i = 0; i < 2000 && access(ready, F_OK) != 0; i++)
        nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
    return pid;
}

/* It sleeps and allocates no more: the map is made by the question, and it goes on as it was. */
static void ask_sleeper(const char *trace)
{
    char word[32];
    int status;
    pid_t pid = start_sleeper(trace);
    snprintf(word, sizeof word, "%d", (int)pid);
    expect_picture(WORDS(word), "MAP of the heap now");
    expect_picture(WORDS(word), "1.0 MiB"); /* the gap it made */
    kill(pid, SIGTERM);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 7, "%x", status);
}

Test(map, of_a_process_that_runs)
{
    if (run_is_ours())
        ask_sleeper("full");
}

Test(map, without_call_stacks)
{
    if (run_is_ours())
        ask_sleeper("off");
}

/* ---- bad words ---------------------------------------------------------------------------------------- */

Test(map, bad_words)
{
    refuse(WORDS("a", "b"), "exit 2", "memoir: one process at a time: a and b\n");
    refuse(WORDS("/nowhere/at/all"), "exit 125", "memoir: /nowhere/at/all: cannot be opened: No such file or directory\n");
    refuse(WORDS("999999999"), "exit 125",
           "memoir: no ledger of process 999999999 was kept; memoir map without a number tells of the last run\n");
    char word[32], line[128];
    snprintf(word, sizeof word, "%d", (int)getpid());
    snprintf(line, sizeof line, "memoir: process %s keeps no ledger: it must be started by memoir run, or with MEMOIR_LEDGER=FILE\n", word);
    refuse(WORDS(word), "exit 125", line);
    struct run_result result = memoir(WORDS("--width=7"));
    cr_expect_str_eq(run_ending(&result), "exit 2");
    expect_in(result.err, "--width=7");
    run_free(&result);
}

/* ---- MEMOIR_MAP --------------------------------------------------------------------------------------- */

Test(map, the_library_draws_it_alone)
{
    struct run_result result = run_program(&(struct run_spec){ .argv = WORDS("/bin/ls", "/"), .env = WORDS("MEMOIR_MAP=1") });
    cr_expect_str_eq(run_ending(&result), "exit 0");
    expect_in(result.err, "MAP of the heap at the end");
    cr_expect_null(strstr(result.err, "SIZE CLASSES"));
    cr_expect_null(strchr(result.err, '\x1b'), "colours, and no terminal");
    run_free(&result);
}

Test(map, each_strategy_has_a_picture)
{
    static const char *const strategies[] = { "first-fit", "next-fit", "best-fit", "worst-fit", "segregated-fit", "buddy" };
    for (size_t i = 0; i < sizeof strategies / sizeof *strategies; i++) {
        char strategy[64];
        snprintf(strategy, sizeof strategy, "MEMOIR_STRATEGY=%s", strategies[i]);
        struct run_result result = run_program(&(struct run_spec){
            .argv = WORDS("/bin/ls", "/"), .env = WORDS("MEMOIR_MAP=1", strategy) });
        expect_in(result.err, "a mark is 4.0 KiB");
        expect_in(result.err, "GAPS of");
        run_free(&result);
    }
}

/* As wide as the terminal, in colours unless NO_COLOR says no. */
static char *on_terminal(const char *no_color)
{
    static char text[65536];
    size_t len = 0;
    int to;
    struct winsize size = { .ws_row = 40, .ws_col = 133 };
    pid_t pid = forkpty(&to, NULL, NULL, &size);
    if (pid == 0) {
        setenv("LD_PRELOAD", run_preload(), 1);
        setenv("MEMOIR_MAP", "1", 1);
        setenv("TERM", "xterm", 1);
        setenv("NO_COLOR", no_color, 1);
        execl("/bin/ls", "ls", "/", NULL);
        _exit(127);
    }
    for (ssize_t n; len < sizeof text - 1 && (n = read(to, text + len, sizeof text - 1 - len)) > 0;)
        len += (size_t)n;
    text[len] = '\0';
    close(to);
    waitpid(pid, NULL, 0);
    return text;
}

Test(map, colours_on_a_terminal)
{
    if (!run_is_ours())
        return;
    char *text = on_terminal("");
    expect_in(text, "MAP of the heap");
    expect_in(text, "\x1b[");
    expect_in(text, "   # slab in use"); /* 133 columns: the legend stands on the same line */
    text = on_terminal("1");
    expect_in(text, "MAP of the heap");
    cr_expect_null(strchr(text, '\x1b'));
}
