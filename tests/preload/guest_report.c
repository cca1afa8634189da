/* How a process ends, and where its reports go: the ending the parent sees is the one without us,
 * and there is one report per process, in its own place. */
#include "guest.h"

static const char *const statistics[] = { "MEMOIR_STATS=1", "MEMOIR_LEAKS=summary", "MEMOIR_FORMAT=json", NULL };

static struct run_result start(const char *program, const char *a, const char *b, const char *const *env)
{
    const char *argv[] = { run_program_path(program), a, b, NULL };
    return run_program(&(struct run_spec){ .argv = argv, .env = env });
}

static unsigned occurrences(const char *text, const char *of)
{
    unsigned n = 0;
    for (const char *at = text; (at = strstr(at, of)) != NULL; at += strlen(of))
        n++;
    return n;
}

/* The number after "key": in a JSON text; -1 when the key is missing. Keys of memoir's reports are
 * unique at the places asked for here. */
static long json_number(const char *json, const char *key)
{
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\"", key);
    const char *at = strstr(json, quoted);
    if (!at)
        return -1;
    at += strlen(quoted);
    return strtol(at + strspn(at, ": \t\n"), NULL, 10);
}

static bool is_one_line(const char *text)
{
    const char *end = strchr(text, '\n');
    return end && end[1] == '\0' && end != text;
}

/* --- endings --------------------------------------------------------------------------------- */

enum { MUST_REPORT = 1, MAY_REPORT = 0 };

static void check_report(const char *how, const struct run_result *r)
{
    cr_expect_eq(occurrences(r->err, "\"totals\""), 1, "%s: not one report: %s", how, r->err);
    if (WIFSIGNALED(r->status))
        cr_expect_eq(json_number(r->err, "signal"), WTERMSIG(r->status), "%s: %s", how, r->err);
    else
        cr_expect_eq(json_number(r->err, "code"), WEXITSTATUS(r->status), "%s: %s", how, r->err);
}

/* The same ending three times: without us, silent, with a report. */
static void check_ending(const char *how, int report)
{
    const char *argv[] = { run_program_path("guest_exit"), how, NULL };
    struct run_result plain = run_program(&(struct run_spec){ .argv = argv, .preload = "" });
    struct run_result silent = run_program(&(struct run_spec){ .argv = argv });
    struct run_result loud = run_program(&(struct run_spec){ .argv = argv, .env = statistics });
    cr_expect_str_eq(run_ending(&silent), run_ending(&plain), "%s: %s without, %s with", how, run_ending(&plain),
                     run_ending(&silent));
    cr_expect_str_eq(run_ending(&loud), run_ending(&plain), "%s: %s without, %s with a report", how,
                     run_ending(&plain), run_ending(&loud));
    cr_expect_str_eq(silent.err, plain.err, "%s: %s", how, silent.err);
    if (report == MUST_REPORT && run_is_ours())
        check_report(how, &loud);
    run_free(&plain);
    run_free(&silent);
    run_free(&loud);
}

Test(ending, returns) { check_ending("return", MUST_REPORT); }
Test(ending, exits) { check_ending("exit", MUST_REPORT); }
Test(ending, exits_at_once) { check_ending("_exit", MUST_REPORT); }
Test(ending, exits_quickly) { check_ending("quick_exit", MUST_REPORT); }
Test(ending, exits_in_a_thread) { check_ending("thread-exit", MUST_REPORT); }
Test(ending, exits_in_a_handler) { check_ending("exit-in-handler", MUST_REPORT); }
Test(ending, last_thread) { check_ending("last-thread", MUST_REPORT); }
Test(ending, aborts) { check_ending("abort", MUST_REPORT); }
Test(ending, aborts_with_a_handler) { check_ending("abort-handled", MUST_REPORT); }
Test(ending, raises) { check_ending("raise", MUST_REPORT); }
Test(ending, reads_null) { check_ending("segv", MUST_REPORT); }
Test(ending, overflows_its_stack) { check_ending("overflow", MAY_REPORT); }
Test(ending, execs_in_a_thread) { check_ending("thread-exec", MAY_REPORT); }
Test(ending, killed) { check_ending("9", MAY_REPORT); }

/* Every other signal whose default is to end the process. */
static const int fatal[] = { SIGHUP, SIGINT,  SIGQUIT, SIGILL,    SIGTRAP, SIGABRT, SIGBUS,    SIGFPE,
                             SIGUSR1, SIGSEGV, SIGUSR2, SIGPIPE,   SIGALRM, SIGTERM, SIGSTKFLT, SIGXCPU,
                             SIGXFSZ, SIGVTALRM, SIGPROF, SIGPOLL, SIGPWR,  SIGSYS };

static void check_signals(const char *prefix, int report)
{
    for (size_t i = 0; i < sizeof fatal / sizeof fatal[0]; i++) {
        char how[32];
        snprintf(how, sizeof how, "%s%d", prefix, fatal[i]);
        check_ending(how, report);
    }
}

Test(ending, fatal_signals) { check_signals("", MUST_REPORT); }
Test(ending, fatal_signals_reset_by_the_program) { check_signals("reset-", MAY_REPORT); }
Test(ending, real_time_signals)
{
    check_ending("34", MAY_REPORT);
    check_ending("64", MAY_REPORT);
}

/* --- where the report goes ------------------------------------------------------------------- */

struct files {
    unsigned count;
    char names[8][256];
};

static struct files list_files(const char *path)
{
    struct files list = { 0 };
    DIR *dir = opendir(path);
    for (struct dirent *e; dir && list.count < 8 && (e = readdir(dir)) != NULL;)
        if (e->d_name[0] != '.')
            snprintf(list.names[list.count++], 256, "%s", e->d_name);
    closedir(dir);
    return list;
}

/* A directory for reports, and the environment that sends them to dir/name. */
struct place {
    char dir[PATH_MAX];
    char output[PATH_MAX + 64];
    const char *env[3];
};

static void prepare(struct place *place, const char *name)
{
    run_make_dir(place->dir);
    snprintf(place->output, sizeof place->output, "MEMOIR_OUTPUT=%s/%s", place->dir, name);
    place->env[0] = place->output;
    place->env[1] = "MEMOIR_FORMAT=json";
    place->env[2] = NULL;
}

static bool not_ours(void)
{
    if (!run_is_ours())
        cr_skip_test("about memoir's own reports");
    return !run_is_ours();
}

/* The JSON report dir/name is that of process pid, ending with `code`. */
static void check_file(const char *dir, const char *name, long pid, long code)
{
    char *text = run_read_file(dir, name);
    cr_assert(text != NULL, "no report %s", name);
    cr_expect_eq(occurrences(text, "\"totals\""), 1, "%s: %s", name, text);
    cr_expect_eq(json_number(text, "pid"), pid, "%s: %s", name, text);
    cr_expect_eq(json_number(text, "code"), code, "%s: %s", name, text);
    free(text);
}

Test(output, expands_names)
{
    struct place place;
    char exe[256] = "", rest[256] = "";
    long pid = 0;
    if (not_ours())
        return;
    prepare(&place, "%e,%p,%t,%%");
    struct run_result r = start("guest_report", "plain", "3", place.env);
    struct files files = list_files(place.dir);
    cr_expect_str_eq(run_ending(&r), "exit 3");
    cr_expect_str_eq(r.err, "");
    cr_assert_eq(files.count, 1, "%u files", files.count);
    cr_expect_eq(sscanf(files.names[0], "%255[^,],%ld,%255s", exe, &pid, rest), 3, "%s", files.names[0]);
    cr_expect_str_eq(exe, "guest_report");
    cr_expect(rest[0] >= '0' && rest[0] <= '9' && strcmp(strchr(rest, ','), ",%") == 0, "%s", rest);
    check_file(place.dir, files.names[0], pid, 3);
    run_free(&r);
    run_remove_dir(place.dir);
}

Test(output, a_file_per_process)
{
    struct place place;
    char name[32];
    long parent = 0, child = 0;
    if (not_ours())
        return;
    prepare(&place, "%p");
    struct run_result r = start("guest_report", "fork", NULL, place.env);
    cr_expect_str_eq(run_ending(&r), "exit 4", "%s", r.err);
    cr_assert_eq(sscanf(r.out, "%ld %ld", &parent, &child), 2);
    cr_expect_eq(list_files(place.dir).count, 2);
    snprintf(name, sizeof name, "%ld", parent);
    check_file(place.dir, name, parent, 4);
    snprintf(name, sizeof name, "%ld", child);
    check_file(place.dir, name, child, 3);
    run_free(&r);
    run_remove_dir(place.dir);
}

/* Without %p a child must not overwrite its parent's report, nor the parent its child's. */
Test(output, a_child_has_its_own_file)
{
    struct place place;
    long parent = 0, child = 0;
    if (not_ours())
        return;
    prepare(&place, "report");
    struct run_result r = start("guest_report", "fork", NULL, place.env);
    cr_assert_eq(sscanf(r.out, "%ld %ld", &parent, &child), 2);
    struct files files = list_files(place.dir);
    cr_assert_eq(files.count, 2, "%u files", files.count);
    check_file(place.dir, "report", parent, 4);
    check_file(place.dir, files.names[strcmp(files.names[0], "report") == 0], child, 3);
    run_free(&r);
    run_remove_dir(place.dir);
}

static void check_unwritable(const char *output)
{
    const char *env[] = { output, NULL };
    struct run_result r = start("guest_report", "plain", "3", env);
    cr_expect_str_eq(run_ending(&r), "exit 3", "%s: %s", output, run_ending(&r));
    cr_expect(is_one_line(r.err), "%s: not one line: %s", output, r.err);
    cr_expect_str_eq(r.out, "");
    run_free(&r);
}

Test(output, cannot_be_written)
{
    if (not_ours())
        return;
    check_unwritable("MEMOIR_OUTPUT=/nonexistent/directory/report");
    check_unwritable("MEMOIR_OUTPUT=/proc");
    check_unwritable("MEMOIR_OUTPUT=/dev/full");
}

Test(output, while_running)
{
    const char *env[] = { "MEMOIR_SIGNAL=USR2", "MEMOIR_STATS=1", "MEMOIR_FORMAT=json", NULL };
    if (not_ours())
        return;
    struct run_result r = start("guest_report", "signal", "2", env);
    cr_expect_str_eq(run_ending(&r), "exit 6", "%s: %s", run_ending(&r), r.err);
    cr_expect_str_eq(r.out, "went on\n");
    cr_expect_eq(occurrences(r.err, "\"totals\""), 3, "two while running and one at the end: %s", r.err);
    run_free(&r);
}

/* The daemon closes what it inherited, takes descriptor 0 for its file, and reports only there where
 * it was told to. */
Test(output, of_a_daemon)
{
    struct place place;
    char file[PATH_MAX + 16];
    prepare(&place, "report.%p");
    snprintf(file, sizeof file, "%s/daemon", place.dir);
    struct run_result r = start("guest_report", "daemon", file, place.env);
    cr_expect_str_eq(run_ending(&r), "exit 0");
    char *text = NULL;
    for (int i = 0; i < 50 && !(text && *text); i++) {
        free(text);
        poll(NULL, 0, 100);
        text = run_read_file(place.dir, "daemon");
    }
    poll(NULL, 0, 300);
    cr_expect(text && strcmp(text, "daemon\n") == 0, "the daemon's own file: %s", text ? text : "missing");
    if (run_is_ours()) /* the first process, the one between, and the daemon */
        cr_expect_eq(list_files(place.dir).count, 4, "%u files", list_files(place.dir).count);
    free(text);
    run_free(&r);
    run_remove_dir(place.dir);
}

/* --- settings -------------------------------------------------------------------------------- */

static void check_complaint(const char *setting, const char *names)
{
    const char *env[] = { setting, NULL };
    struct run_result r = start("guest_report", "plain", "3", env);
    cr_expect_str_eq(run_ending(&r), "exit 3");
    cr_expect(is_one_line(r.err) && strstr(r.err, names), "%s: not one line with %s: %s", setting, names, r.err);
    run_free(&r);
}

Test(settings, misspelt)
{
    if (not_ours())
        return;
    check_complaint("MEMOIR_STATZ=1", "MEMOIR_STATS");
    check_complaint("MEMOIR_POOLLIMIT=64m", "MEMOIR_POOL_LIMIT");
    check_complaint("MEMOIR_LEAKS=summery", "summary");
    check_complaint("MEMOIR_STRATEGY=bestfit", "best-fit");
}

/* Past the cap requests fail and are counted; nothing else changes. */
static void check_limit(const char *strategy, const char *size)
{
    struct place place;
    char setting[64];
    prepare(&place, "report");
    snprintf(setting, sizeof setting, "MEMOIR_STRATEGY=%s", strategy);
    const char *env[] = { place.output, "MEMOIR_FORMAT=json", "MEMOIR_POOL_LIMIT=64m", setting, NULL };
    struct run_result r = start("guest_limit", size, NULL, env);
    cr_expect_str_eq(run_ending(&r), "exit 0", "%s, %s bytes: %s: %s", strategy, size, run_ending(&r), r.err);
    char *text = run_read_file(place.dir, "report");
    cr_assert(text != NULL, "%s, %s bytes: no report", strategy, size);
    cr_expect_eq(json_number(text, "failed"), atol(r.out), "%s, %s bytes: program saw %s: %s", strategy, size, r.out,
                 text);
    free(text);
    run_free(&r);
    run_remove_dir(place.dir);
}

Test(settings, pool_limit)
{
    if (not_ours())
        return;
    for (int i = 0; i < GUEST_STRATEGIES; i++) {
        check_limit(guest_strategies[i], "100");
        check_limit(guest_strategies[i], "3000");
        check_limit(guest_strategies[i], "1048576");
    }
}
