/* story.c: a program ends in every way there is, and what it allocated is told all the same: by memoir run, and from
 * the ledger of a program that ran without it. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdint.h>

#include "run.h"

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

enum { REPORTS_MOST = 8 };

static char dir[PATH_MAX];

static void begin(void) { run_make_dir(dir); }
static void end(void) { run_remove_dir(dir); }

TestSuite(story, .init = begin, .fini = end, .timeout = 60);

/* ---- reports ------------------------------------------------------------------------------------------------- */

/* The JSON reports of a run, one per process and program. */
struct reports {
    char *texts[REPORTS_MOST];
    size_t count;
};

static char *in_dir(char path[PATH_MAX + 300], const char *name)
{
    snprintf(path, PATH_MAX + 300, "%s/%s", dir, name);
    return path;
}

/* Every file of the directory whose name begins so; `convert` makes a report of each. */
static struct reports gather(const char *prefix, char *(*convert)(const char *name))
{
    struct reports reports = { .count = 0 };
    DIR *entries = opendir(dir);
    for (struct dirent *e; entries && (e = readdir(entries)) != NULL;)
        if (strncmp(e->d_name, prefix, strlen(prefix)) == 0 && reports.count < REPORTS_MOST)
            reports.texts[reports.count++] = convert(e->d_name);
    closedir(entries);
    return reports;
}

static void release(struct reports *reports)
{
    for (size_t i = 0; i < reports->count; i++)
        free(reports->texts[i]);
}

static char *as_it_is(const char *name) { return run_read_file(dir, name); }

static char *by_memoir_report(const char *name)
{
    char path[PATH_MAX + 300];
    struct run_result result = run_program(&(struct run_spec){
        .argv = WORDS(run_path("memoir"), "report", "--format=json", "--top=0", "--leak-kinds=all", in_dir(path, name)), .preload = "" });
    cr_expect_str_eq(run_ending(&result), "exit 0", "%s", result.err);
    free(result.err);
    return result.out;
}

static uint64_t number_after(const char *text, const char *key)
{
    const char *at = strstr(text, key);
    return at ? strtoull(at + strlen(key), NULL, 10) : UINT64_MAX;
}

/* The site whose innermost frame with a source line is this one; NULL when the report has none. */
static const char *site_at(const char *report, const char *function, int line)
{
    char frame[256];
    snprintf(frame, sizeof frame, "\"function\":\"%s\",\"file\":\"tests/preload/prog/story_ends.c\",\"line\":%d,", function, line);
    const char *at = strstr(report, frame);
    while (at && at > report && strncmp(at, "{\"kind\":", 8) != 0)
        at--;
    return at;
}

/* ---- what is known -------------------------------------------------------------------------------------------- */

struct place {
    char function[32];
    int line;
};
enum { KEEP_ALL, KEEP_SOME, KEEP_NONE, KEEP_IN_THREAD, KEEP_IN_CHILD, PLACES };
static struct place places[PLACES];

static void learn_places(void)
{
    struct run_result result = run_program(&(struct run_spec){ .argv = WORDS(run_program_path("story_ends"), "lines"), .preload = "" });
    int n = 0, used = 0;
    for (const char *p = result.out; n < PLACES && sscanf(p, "%31s %d\n%n", places[n].function, &places[n].line, &used) == 2; p += used)
        n++;
    cr_assert_eq(n, PLACES, "story_ends lines: %s%s", result.out, result.err);
    run_free(&result);
}

static void expect_site(const char *report, int place, uint64_t allocations, uint64_t frees)
{
    const struct place *p = &places[place];
    const char *site = site_at(report, p->function, p->line);
    cr_assert_not_null(site, "%s:%d is missing in %s", p->function, p->line, report);
    cr_expect_eq(number_after(site, "\"allocations\":"), allocations, "%s: %.200s", p->function, site);
    cr_expect_eq(number_after(site, "\"frees\":"), frees, "%s: %.200s", p->function, site);
    cr_expect_eq(number_after(site, "\"blocks\":"), allocations - frees, "%s: %.200s", p->function, site);
}

/* Beside the four sites only the C library's threads allocate, a block each at most. */
static void expect_first_blocks(const char *report, uint64_t more, uint64_t slack)
{
    expect_site(report, KEEP_ALL, 100, 0);
    expect_site(report, KEEP_SOME, 200, 50);
    expect_site(report, KEEP_IN_THREAD, 30, 0);
    uint64_t allocations = number_after(report, "\"totals\":{\"allocations\":") - more;
    cr_expect(allocations >= 1330 && allocations <= 1330 + slack, "%lu allocations", (unsigned long)allocations);
}

static const char *report_with(const struct reports *reports, int place, bool wanted)
{
    for (size_t i = 0; i < reports->count; i++)
        if (!site_at(reports->texts[i], places[place].function, places[place].line) == !wanted)
            return reports->texts[i];
    cr_assert_fail("no report %s %s", wanted ? "with" : "without", places[place].function);
    return NULL;
}

/* ---- the ways ------------------------------------------------------------------------------------------------- */

struct way {
    char name[16], ending[16];
    size_t reports;        /* how many processes and programs there were */
    unsigned closed;       /* RUN_CLOSE(...) at the start */
    bool threads_go_on;    /* others allocate until the end: the sum is not known */
};

static const struct way ways[] = {
    { "return", "exit 0", 1, 0, false },     { "exit", "exit 3", 1, 0, false },        { "_exit", "exit 4", 1, 0, false },
    { "quick_exit", "exit 5", 1, 0, false }, { "abort", "signal 6", 1, 0, false },     { "sigkill", "signal 9", 1, 0, false },
    { "sigterm", "signal 15", 1, 0, false }, { "sigint", "signal 2", 1, 0, false },    { "sigsegv", "signal 11", 1, 0, false },
    { "threads", "signal 9", 1, 0, true },   { "closed", "exit 0", 1, 0, false },      { "vfork", "exit 0", 1, 0, false },
    { "return", "exit 0", 1, RUN_CLOSE(0) | RUN_CLOSE(1) | RUN_CLOSE(2), false },      { "exec", "exit 0", 2, 0, false },
    { "sigkill", "signal 9", 1, RUN_CLOSE(1) | RUN_CLOSE(2), false },                  { "fork", "exit 0", 2, 0, false },
};

static void check(const struct way *way, struct reports *reports, const struct run_result *result)
{
    cr_expect_str_eq(run_ending(result), way->ending, "%s: %s", way->name, result->err);
    cr_assert_eq(reports->count, way->reports, "%s: %zu reports; %s", way->name, reports->count, result->err);
    uint64_t slack = way->threads_go_on ? UINT64_MAX / 2 : 4;
    if (strcmp(way->name, "exec") == 0) {
        expect_first_blocks(report_with(reports, KEEP_IN_CHILD, false), 0, slack);
        expect_site(report_with(reports, KEEP_IN_CHILD, true), KEEP_IN_CHILD, 7, 0);
    } else if (strcmp(way->name, "fork") == 0) {
        expect_first_blocks(report_with(reports, KEEP_IN_CHILD, false), 0, slack);
        expect_first_blocks(report_with(reports, KEEP_IN_CHILD, true), 7, slack);
        expect_site(report_with(reports, KEEP_IN_CHILD, true), KEEP_IN_CHILD, 7, 0);
    } else {
        expect_first_blocks(reports->texts[0], 0, slack);
    }
    release(reports);
}

ParameterizedTestParameters(story, memoir_run)
{
    return cr_make_param_array(struct way, (struct way *)ways, sizeof ways / sizeof *ways);
}

static struct run_spec memoir_run(char words[3][PATH_MAX + 300], const char *argv[8], const char *way)
{
    static const char *env[2];
    snprintf(words[0], sizeof words[0], "--output=%s/report.%%p", dir);
    snprintf(words[1], sizeof words[1], "XDG_STATE_HOME=%s/state", dir);
    env[0] = words[1];
    const char *const all[] = { run_path("memoir"), "run", words[0], "--format=json", run_program_path("story_ends"), way,
                                in_dir(words[2], "mark"), NULL };
    memcpy(argv, all, sizeof all);
    return (struct run_spec){ .argv = argv, .env = env, .preload = "" };
}

ParameterizedTest(struct way *way, story, memoir_run)
{
    char words[3][PATH_MAX + 300];
    const char *argv[8];
    learn_places();
    struct run_spec spec = memoir_run(words, argv, way->name);
    spec.closed = way->closed;
    struct run_result result = run_program(&spec);
    struct reports reports = gather("report.", as_it_is);
    check(way, &reports, &result);
    run_free(&result);
}

/* Without the CLI: the ledger lies where MEMOIR_LEDGER says, and memoir report tells it afterwards. */
static struct run_spec alone(char words[2][PATH_MAX + 300], const char *argv[4], const char *way)
{
    static const char *env[3];
    snprintf(words[0], sizeof words[0], "MEMOIR_LEDGER=%s/ledger.%%p", dir);
    env[0] = words[0];
    env[1] = "MEMOIR_TRACE=full";
    const char *const all[] = { run_program_path("story_ends"), way, in_dir(words[1], "mark"), NULL };
    memcpy(argv, all, sizeof all);
    return (struct run_spec){ .argv = argv, .env = env };
}

ParameterizedTestParameters(story, memoir_report)
{
    return cr_make_param_array(struct way, (struct way *)ways, sizeof ways / sizeof *ways);
}

ParameterizedTest(struct way *way, story, memoir_report)
{
    char words[2][PATH_MAX + 300];
    const char *argv[4];
    learn_places();
    struct run_spec spec = alone(words, argv, way->name);
    spec.closed = way->closed;
    struct run_result result = run_program(&spec);
    struct reports reports = gather("ledger.", by_memoir_report);
    for (size_t i = 0; i < reports.count && !way->threads_go_on && reports.count == 1; i++)
        expect_site(reports.texts[i], KEEP_NONE, 1000, 1000);
    check(way, &reports, &result);
    run_free(&result);
}

/* ---- killed by another process, and outliving memoir run --------------------------------------------------------- */

/* The file the program writes when it is ready, to be freed. */
static char *wait_for_mark(void)
{
    for (int i = 0; i < 1000; i++) {
        char *text = run_read_file(dir, "mark");
        if (text && strchr(text, '\n'))
            return text;
        free(text);
        usleep(10000);
    }
    cr_assert_fail("the program did not get to its end");
    return NULL;
}

static struct run_result kill_from_outside(const struct run_spec *spec)
{
    int fds[2];
    pid_t pid = run_start(spec, fds);
    char *mark = wait_for_mark();
    cr_assert_eq(kill((pid_t)atoi(mark), SIGKILL), 0);
    free(mark);
    return run_finish(spec, pid, fds);
}

static const struct way outside = { "outside", "signal 9", 1, 0, false };

Test(story, killed_from_outside_under_memoir_run)
{
    char words[3][PATH_MAX + 300];
    const char *argv[8];
    learn_places();
    struct run_spec spec = memoir_run(words, argv, "outside");
    struct run_result result = kill_from_outside(&spec);
    struct reports reports = gather("report.", as_it_is);
    check(&outside, &reports, &result);
    run_free(&result);
}

Test(story, killed_from_outside)
{
    char words[2][PATH_MAX + 300];
    const char *argv[4];
    learn_places();
    struct run_spec spec = alone(words, argv, "outside");
    struct run_result result = kill_from_outside(&spec);
    struct reports reports = gather("ledger.", by_memoir_report);
    check(&outside, &reports, &result);
    run_free(&result);
}

/* What the daemon waits for before it makes its blocks. */
static void let_go(void)
{
    char path[PATH_MAX + 300];
    int fd = open(in_dir(path, "mark.go"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    cr_assert(fd >= 0 && close(fd) == 0);
}

/* Parent, its child, and the daemon; only the daemon makes blocks of its own. */
static void check_daemon(struct reports *reports)
{
    cr_assert_eq(reports->count, 3, "%zu reports", reports->count);
    for (size_t i = 0; i < reports->count; i++)
        expect_first_blocks(reports->texts[i], 0, 4 + 7);
    expect_site(report_with(reports, KEEP_IN_CHILD, true), KEEP_IN_CHILD, 7, 0);
    release(reports);
}

Test(story, a_daemon_has_its_ledger)
{
    char words[2][PATH_MAX + 300];
    const char *argv[4];
    learn_places();
    struct run_spec spec = alone(words, argv, "daemon");
    struct run_result result = run_program(&spec);
    cr_expect_str_eq(run_ending(&result), "exit 0", "%s", result.err);
    let_go();
    free(wait_for_mark());
    usleep(50000);
    struct reports reports = gather("ledger.", by_memoir_report);
    check_daemon(&reports);
    run_free(&result);
}

/* memoir run tells where the daemon's ledger lies, and leaves it there. */
Test(story, a_daemon_outlives_memoir_run)
{
    char words[3][PATH_MAX + 300], path[PATH_MAX];
    const char *argv[8];
    learn_places();
    struct run_spec spec = memoir_run(words, argv, "daemon");
    struct run_result result = run_program(&spec);
    const char *said = strstr(result.err, "goes on; memoir report ");
    cr_assert(said && sscanf(said, "goes on; memoir report %4095s", path) == 1, "%s", result.err);
    let_go();
    free(wait_for_mark());
    usleep(50000);
    struct run_result report = run_program(&(struct run_spec){
        .argv = WORDS(run_path("memoir"), "report", "--format=json", "--top=0", "--leak-kinds=all", path), .preload = "" });
    expect_first_blocks(report.out, 7, 4);
    expect_site(report.out, KEEP_IN_CHILD, 7, 0);
    unlink(path);
    *strrchr(path, '/') = '\0';
    cr_expect_eq(rmdir(path), 0, "%s", path);
    run_free(&report);
    run_free(&result);
}

/* ---- shapes of leaks --------------------------------------------------------------------------------------------- */

struct shape {
    char function[32], kind[32];
    int line;
    uint64_t blocks;
};

/* The kind of the first site with this frame, anywhere in its stack; "" when there is none. */
static const char *frame_at(const char *report, const struct shape *s)
{
    char frame[96], line[32];
    snprintf(frame, sizeof frame, "\"function\":\"%s\",\"file\":\"tests/preload/", s->function);
    snprintf(line, sizeof line, "\"line\":%d,", s->line);
    for (const char *at = report; (at = strstr(at, frame)) != NULL; at++) {
        const char *its = strstr(at, "\"line\":");
        if (its && strncmp(its, line, strlen(line)) == 0)
            return at;
    }
    return NULL;
}

static void expect_shape(const char *report, const struct shape *s)
{
    char start[96];
    const char *site = frame_at(report, s);
    cr_assert_not_null(site, "%s:%d is missing in %s", s->function, s->line, report);
    while (site > report && strncmp(site, "{\"kind\":", 8) != 0)
        site--;
    snprintf(start, sizeof start, "{\"kind\":\"%s\",", s->kind);
    cr_expect(strncmp(site, start, strlen(start)) == 0, "%s is no %s: %.40s", s->function, s->kind, site);
    cr_expect_eq(number_after(site, "\"blocks\":"), s->blocks, "%s: %.80s", s->function, site);
}

static uint64_t blocks_of(const char *report, const char *kind)
{
    char sum[64];
    snprintf(sum, sizeof sum, "\"%s\":{\"bytes\":", kind);
    const char *at = strstr(report, sum);
    return at ? number_after(at, "\"blocks\":") : UINT64_MAX;
}

/* Every shape as it must be, and nothing else is lost. The child's own shape is not in the parent's report. */
static void expect_shapes(const char *report, const char *lines, bool is_child)
{
    static const char *const kinds[] = { "definitely_lost", "indirectly_lost", "possibly_lost" };
    uint64_t sums[3] = { 0 };
    struct shape s;
    int used = 0;
    for (; sscanf(lines, "%31s %d %31s %lu\n%n", s.function, &s.line, s.kind, &s.blocks, &used) == 4; lines += used) {
        if (!is_child && strcmp(s.function, "in_a_fork_child") == 0)
            continue;
        expect_shape(report, &s);
        for (int i = 0; i < 3; i++)
            sums[i] += strcmp(s.kind, kinds[i]) == 0 ? s.blocks : 0;
    }
    cr_assert(sums[0] > 20 && sums[1] == 20 && sums[2] == 1, "story_leaks lines");
    for (int i = 0; i < 3; i++)
        cr_expect_eq(blocks_of(report, kinds[i]), sums[i], "%s: %lu, not %lu", kinds[i],
                     (unsigned long)blocks_of(report, kinds[i]), (unsigned long)sums[i]);
}

Test(story, each_leak_at_its_line_and_no_other)
{
    char output[PATH_MAX + 300], state[PATH_MAX + 300];
    struct run_result lines = run_program(&(struct run_spec){ .argv = WORDS(run_program_path("story_leaks"), "lines"), .preload = "" });
    snprintf(output, sizeof output, "--output=%s/report.%%p", dir);
    snprintf(state, sizeof state, "XDG_STATE_HOME=%s/state", dir);
    struct run_result result = run_program(&(struct run_spec){
        .argv = WORDS(run_path("memoir"), "run", output, "--format=json", run_program_path("story_leaks")), .env = WORDS(state), .preload = "" });
    cr_expect_str_eq(run_ending(&result), "exit 0", "%s", result.err);
    struct reports reports = gather("report.", as_it_is);
    cr_assert_eq(reports.count, 2);
    for (size_t i = 0; i < 2; i++)
        expect_shapes(reports.texts[i], lines.out, strstr(reports.texts[i], "\"function\":\"in_a_fork_child\""));
    release(&reports);
    run_free(&lines);
    run_free(&result);
}

/* ---- everything at once -------------------------------------------------------------------------------------------- */

/* Allocations of all sites whose innermost frame is that function. A stack whose blocks are of several kinds has as many
 * rows, each with all its allocations; the blocks are each row's own, and here they are all or none. */
static uint64_t made_by(const char *report, const char *function)
{
    char name[64];
    uint64_t sum = 0;
    snprintf(name, sizeof name, ",\"function\":\"%s\",", function);
    for (const char *at = strstr(report, "\"sites\":["); at && (at = strstr(at, "{\"kind\":")) != NULL; at++) {
        const char *first = strstr(at, "\"stack\":[{"), *its = first ? strchr(first, ',') : NULL;
        uint64_t blocks = number_after(at, "\"blocks\":");
        if (its && strncmp(its, name, strlen(name)) == 0)
            sum += blocks ? blocks : number_after(at, "\"allocations\":");
    }
    return sum;
}

/* A handler that interrupts the booking of another block may lose its own stack, never another's. */
static void expect_figures(const char *report, const char *out)
{
    char function[32];
    unsigned long made;
    int used = 0, n = 0;
    for (; sscanf(out, "%31s %lu\n%n", function, &made, &used) == 2; out += used, n++) {
        uint64_t told = made_by(report, function);
        bool right = strcmp(function, "in_handler") == 0 ? told <= made && told >= made / 2 : told == made;
        cr_expect(right, "%s made %lu blocks, %lu are told", function, made, (unsigned long)told);
    }
    cr_assert_eq(n, 4);
}

Test(story, threads_forks_handlers_and_libraries_at_once)
{
    char ledger[PATH_MAX + 300], path[PATH_MAX + 300];
    snprintf(ledger, sizeof ledger, "MEMOIR_LEDGER=%s/first", dir);
    struct run_result result = run_program(&(struct run_spec){
        .argv = WORDS(run_program_path("story_churn")), .env = WORDS(ledger, "MEMOIR_TRACE=full"), .seconds = 50 });
    cr_expect_str_eq(run_ending(&result), "exit 0", "%s", result.err);
    struct run_result report = run_program(&(struct run_spec){
        .argv = WORDS(run_path("memoir"), "report", "--format=json", "--top=0", "--leak-kinds=all", in_dir(path, "first")), .preload = "" });
    expect_figures(report.out, result.out);
    run_free(&report);
    run_free(&result);
}

Test(story, sampling_survives_it_too)
{
    struct run_result result = run_program(&(struct run_spec){
        .argv = WORDS(run_program_path("story_churn")), .env = WORDS("MEMOIR_TRACE=sample", "MEMOIR_SAMPLE_INTERVAL=2000"), .seconds = 50 });
    cr_expect_str_eq(run_ending(&result), "exit 0", "%s", result.err);
    run_free(&result);
}
