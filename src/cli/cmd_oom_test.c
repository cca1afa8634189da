/* cmd_oom_test.c: memoir oom-test. The sites come from a run of the program as it is; each then has a run of its own, the
 * most called first. */
#include "cli.h"
#include "oom.h"
#include "preload.h"
#include "progress.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_RUNS = 500, TOP = 20, JOBS_MOST = 64 };
enum { WAIT_MS = 50, TIMEOUT_LEAST_MS = 5000, TIMEOUT_FACTOR = 10, FIRST_TIMEOUT_MS = 600000 };

enum { FOUND = 1 }; /* exit code: some crashed, hung or told the wrong thing */

static volatile sig_atomic_t interrupted;

/* ---- words ------------------------------------------------------------------------------------------------ */

struct request {
    struct mr_oom_test test;
    const char *library;
    bool help;
};

static bool read_max_runs(void *to, const char *value)
{
    struct request *request = to;
    return mr_flags_number("max-runs", value, 0, 1000000, &request->test.max_runs);
}

static bool read_jobs(void *to, const char *value)
{
    struct request *request = to;
    return mr_flags_number("jobs", value, 0, JOBS_MOST, &request->test.jobs);
}

static bool read_top(void *to, const char *value)
{
    struct request *request = to;
    return mr_flags_number("top", value, 0, 1000000, &request->test.top);
}

static bool read_timeout(void *to, const char *value)
{
    struct request *request = to;
    unsigned long seconds;
    if (!mr_flags_number("timeout", value, 0, 86400, &seconds))
        return false;
    request->test.plan.timeout_ms = seconds * 1000;
    return true;
}

const struct mr_flag mr_cmd_oom_test_flags[] = {
    { .name = "max-runs", .value = "N", .read = read_max_runs,
      .sentence = "run at most N times, the most called call stacks first (default 500)" },
    { .name = "jobs", .value = "N", .read = read_jobs, .sentence = "N runs at a time (default: as many as there are processors)" },
    { .name = "timeout", .value = "SECONDS", .read = read_timeout,
      .sentence = "a run that takes longer hangs (default: ten times the first run, at least 5)" },
    { .name = "top", .value = "N", .read = read_top, .sentence = "list N runs (default 20; 0: all)" },
    { .name = "library", .value = "PATH", .file = true, .offset = offsetof(struct request, library),
      .sentence = "the libmemoir.so to use, instead of the one that lies beside memoir" },
    { .name = "help", .letter = 'h', .offset = offsetof(struct request, help), .sentence = "this help" },
    { .name = NULL },
};

static bool read_words(struct request *request, char **words)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    request->test = (struct mr_oom_test){ .max_runs = MAX_RUNS, .top = TOP };
    request->test.jobs = (size_t)mr_min(cpus > 0 ? cpus : 1, JOBS_MOST);
    if (!mr_flags_read("oom-test", mr_cmd_oom_test_flags, request, &words))
        return false;
    request->test.plan.program = words;
    if (!*words && !request->help)
        mr_cli_say("no program to run; memoir help oom-test says how");
    return *words || request->help;
}

/* ---- the run as it is ---------------------------------------------------------------------------------------- */

static int most_called_first(const void *a, const void *b)
{
    const struct mr_oom_site *x = a, *y = b;
    return (x->calls < y->calls) - (x->calls > y->calls);
}

/* Sites whose stacks differ only in what means nothing in another run are one. */
static void add_site(struct mr_oom_test *test, uint64_t site)
{
    struct mr_reader_site from = mr_reader_site(test->ledger, site);
    uint64_t hash = mr_oom_run_hash(test->ledger, site);
    if (from.sum.allocs == 0)
        return;
    for (size_t i = 0; i < test->site_count; i++)
        if (test->sites[i].hash == hash) {
            test->sites[i].calls += from.sum.allocs;
            return;
        }
    test->sites[test->site_count++] = (struct mr_oom_site){ .hash = hash, .calls = from.sum.allocs, .stack = from.stack };
}

static bool list_sites(struct mr_oom_test *test)
{
    uint64_t count = mr_reader_count(test->ledger, MR_SECTION_SITES);
    test->sites = calloc(count + 1, sizeof *test->sites);
    for (uint64_t i = 1; test->sites && i < count; i++)
        add_site(test, i);
    if (test->sites)
        qsort(test->sites, test->site_count, sizeof *test->sites, most_called_first);
    test->runs = mr_min(test->site_count, test->max_runs);
    return test->sites != NULL;
}

static bool run_alone(const struct mr_oom_test *test, struct mr_oom_end *end, struct mr_reader **ledger)
{
    struct mr_oom_run *run = mr_oom_run_start(&test->plan, 0);
    if (!run)
        return false;
    while (mr_oom_run_wait(&run, 1, WAIT_MS) < 0)
        if (interrupted)
            mr_oom_run_kill(run);
    mr_oom_run_finish(run, end, ledger);
    return true;
}

/* Returns 0, or the exit code after one line. */
static int say_unusable(const struct mr_oom_test *test)
{
    const struct mr_oom_end *end = &test->first;
    const char *name = *test->plan.program;
    int code = WIFEXITED(end->status) ? WEXITSTATUS(end->status) : 0;
    if (interrupted)
        return MR_CODE_FAILED;
    if (!end->started && code == MR_CODE_NOT_FOUND)
        mr_cli_say("%s: no such program", name);
    else if (!end->started)
        mr_cli_say("%s left no ledger: memoir is not preloaded into it (it is static, or changes its user), or it cannot "
                   "be executed", name);
    else if (end->hung)
        mr_cli_say("%s does not end by itself; --timeout=SECONDS ends it, and oom-test wants programs that do", name);
    else
        return 0;
    return !end->started && (code == MR_CODE_NOT_FOUND || code == MR_CODE_NOT_EXECUTABLE) ? code : MR_CODE_FAILED;
}

/* Twice, to see what differs from run to run by itself. */
static int run_as_it_is(struct mr_oom_test *test)
{
    struct mr_oom_end again;
    uint64_t wanted = test->plan.timeout_ms;
    test->plan.timeout_ms = wanted ? wanted : FIRST_TIMEOUT_MS;
    if (!run_alone(test, &test->first, &test->ledger)) {
        mr_cli_say("cannot run %s: %s", *test->plan.program, strerror(errno));
        return MR_CODE_FAILED;
    }
    int code = say_unusable(test);
    if (code)
        return code;
    if (!wanted)
        test->plan.timeout_ms = mr_max((uint64_t)TIMEOUT_LEAST_MS, TIMEOUT_FACTOR * test->first.elapsed_ms);
    test->same_output = run_alone(test, &again, NULL) && again.output == test->first.output;
    return 0;
}

/* ---- the runs that are refused something ---------------------------------------------------------------------- */

struct field {
    struct mr_oom_run *runs[JOBS_MOST];
    size_t sites[JOBS_MOST];
    size_t under_way, next, done, bad;
    struct mr_progress progress;
};

static void collect(struct field *field, struct mr_oom_test *test, size_t i)
{
    struct mr_oom_site *site = &test->sites[field->sites[i]];
    mr_oom_run_finish(field->runs[i], &site->end, NULL);
    site->verdict = mr_oom_tell_verdict(test, &site->end);
    site->done = !interrupted;
    field->done++;
    field->bad += site->verdict <= MR_OOM_HUNG;
    field->under_way--;
    field->runs[i] = field->runs[field->under_way];
    field->sites[i] = field->sites[field->under_way];
}

static bool start_next(struct field *field, struct mr_oom_test *test)
{
    struct mr_oom_run *run = mr_oom_run_start(&test->plan, test->sites[field->next].hash);
    if (!run)
        return false;
    field->sites[field->under_way] = field->next++;
    field->runs[field->under_way++] = run;
    return true;
}

/* With no room for another run the next one waits until one has ended. */
static void run_all(struct mr_oom_test *test)
{
    struct field field = { .under_way = 0 };
    mr_progress_begin(&field.progress);
    size_t jobs = mr_max(test->jobs, 1);
    while (field.under_way || (field.next < test->runs && !interrupted)) {
        while (field.under_way < jobs && field.next < test->runs && !interrupted)
            if (!start_next(&field, test))
                break;
        for (size_t i = 0; i < field.under_way && interrupted; i++)
            mr_oom_run_kill(field.runs[i]);
        mr_progress_show(&field.progress, "%zu of %zu runs, %zu of them crashed or hung", field.done, test->runs, field.bad);
        int ended = mr_oom_run_wait(field.runs, field.under_way, WAIT_MS);
        if (ended >= 0)
            collect(&field, test, (size_t)ended);
    }
    mr_progress_end(&field.progress);
}

/* ---- all of it ---------------------------------------------------------------------------------------------------- */

static void interrupt(int sig)
{
    (void)sig;
    interrupted = 1;
}

/* What a report would be of is of no interest here, but what misuse the failures lead to is (MEMOIR_CHECK). */
static void prepare(void)
{
    struct sigaction action = { .sa_handler = interrupt };
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    setenv("MEMOIR_TRACE", "full", 1);
    setenv("MEMOIR_LEAKS", "off", 1);
    setenv("MEMOIR_STATS", "0", 1);
    unsetenv("MEMOIR_OUTPUT");
    unsetenv("MEMOIR_SIGNAL");
}

static int judge(const struct mr_oom_test *test)
{
    for (size_t i = 0; i < test->site_count; i++)
        if (test->sites[i].done && test->sites[i].verdict <= MR_OOM_WRONG)
            return FOUND;
    return interrupted ? MR_CODE_FAILED : 0;
}

static int run(struct mr_oom_test *test)
{
    prepare();
    int code = run_as_it_is(test);
    if (code == 0 && !list_sites(test))
        code = MR_CODE_FAILED;
    if (code == 0) {
        run_all(test);
        code = mr_oom_tell_all(test) ? judge(test) : MR_CODE_FAILED;
    }
    if (test->ledger)
        mr_reader_close(test->ledger);
    free(test->sites);
    return code;
}

int mr_cmd_oom_test(char **words)
{
    struct request request = { .help = false };
    if (!read_words(&request, words))
        return MR_CODE_USAGE;
    if (request.help)
        return mr_cmd_help((char *[]){ (char *)"oom-test", NULL });
    int code = mr_preload_set(request.library);
    return code ? code : run(&request.test);
}
