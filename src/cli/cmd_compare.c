/* cmd_compare.c: memoir compare. */
#include "cli.h"
#include "compare.h"
#include "os.h"
#include "preload.h"
#include "program.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RUNS_DEFAULT = 5, TIME_MOST = 86400, WITH_MOST = 16 };
enum { DIFFERENT = 1 }; /* exit code: a way ended otherwise than glibc */

struct request {
    struct mr_compare compare;
    unsigned long runs, seconds; /* seconds 0: no bound */
    const char *library, *with[WITH_MOST];
    size_t with_count;
    bool all, help;
};

static volatile int interrupted;

/* ---- options ------------------------------------------------------------------------------------------- */

static bool read_runs(void *to, const char *value)
{
    struct request *request = to;
    return mr_flags_number("runs", value, 1, MR_COMPARE_RUNS_MOST, &request->runs);
}

static bool read_time(void *to, const char *value)
{
    struct request *request = to;
    return mr_flags_number("time", value, 1, TIME_MOST, &request->seconds);
}

static bool read_with(void *to, const char *value)
{
    struct request *request = to;
    if (request->with_count == WITH_MOST)
        mr_cli_say("--with=%.100s: that is one too many; at most %d", value, (int)WITH_MOST);
    else
        request->with[request->with_count] = value;
    return request->with_count++ < WITH_MOST;
}

static const char *output_names(size_t i)
{
    static const char *const names[] = { "discard", "once", NULL };
    return names[i];
}

static bool read_output(void *to, const char *value)
{
    struct request *request = to;
    int i = mr_flags_choose("output", value, output_names);
    request->compare.show_output = i == 1;
    return i >= 0;
}

const struct mr_flag mr_cmd_compare_flags[] = {
    { .name = "runs", .value = "N", .read = read_runs, .sentence = "run each way N times (default 5)" },
    { .name = "time", .value = "SECONDS", .read = read_time, .sentence = "begin no further round that would end later" },
    { .name = "all", .letter = 'a', .offset = offsetof(struct request, all),
      .sentence = "also each classic strategy of memoir's" },
    { .name = "with", .value = "PATH", .file = true, .read = read_with,
      .sentence = "also the allocator in that shared object; may be given again" },
    { .name = "output", .value = "WHICH", .read = read_output, .words = output_names,
      .sentence = "what the program writes: nowhere (the default), or that of the first run where it belongs" },
    { .name = "library", .value = "PATH", .file = true, .offset = offsetof(struct request, library),
      .sentence = "the libmemoir.so to use, instead of the one that lies beside memoir" },
    { .name = "help", .letter = 'h', .offset = offsetof(struct request, help), .sentence = "this help" },
    { .name = NULL },
};

/* ---- rounds -------------------------------------------------------------------------------------------- */

/* Each round begins with another way: none is always first after a pause. */
static bool run_round(struct mr_compare *compare, size_t round)
{
    for (size_t i = 0; i < compare->way_count && !interrupted; i++)
        if (!mr_compare_run(compare, &compare->ways[(i + round) % compare->way_count], &interrupted))
            return false;
    return !interrupted;
}

/* A round that was cut off is taken back: all ways have as many runs. */
static void level(struct mr_compare *compare, size_t rounds)
{
    for (size_t i = 0; i < compare->way_count; i++)
        compare->ways[i].runs = mr_min(compare->ways[i].runs, rounds);
}

static void run_rounds(struct request *request)
{
    struct mr_compare *compare = &request->compare;
    uint64_t begin = mr_clock_ms(), limit = request->seconds * 1000;
    mr_progress_begin(&compare->progress);
    compare->run_count = request->runs * compare->way_count;
    while (compare->rounds < request->runs) {
        uint64_t spent = mr_clock_ms() - begin;
        if (limit && compare->rounds && spent + spent / compare->rounds > limit)
            break;
        if (!run_round(compare, compare->rounds))
            break;
        compare->rounds++;
    }
    level(compare, compare->rounds);
    mr_progress_end(&compare->progress);
}

/* ---- all of it ----------------------------------------------------------------------------------------- */

static void interrupt(int sig)
{
    (void)sig;
    interrupted = 1;
}

/* 0, or the exit code after one line. */
static int check_program(char **program)
{
    char path[PATH_MAX];
    if (!*program) {
        mr_cli_say("no program to run; memoir help compare says how");
        return MR_CODE_USAGE;
    }
    if (!mr_program_find(*program, path)) {
        mr_cli_say("%s: no such program", *program);
        return MR_CODE_NOT_FOUND;
    }
    const char *obstacle = mr_program_obstacle(path);
    if (obstacle)
        mr_cli_say("%s %s: the loader preloads nothing into it, so there is nothing to compare", *program, obstacle);
    return obstacle ? MR_CODE_FAILED : 0;
}

static int compare(struct request *request)
{
    struct mr_compare *compare = &request->compare;
    struct sigaction action = { .sa_handler = interrupt };
    char library[PATH_MAX];
    int code = check_program(compare->program);
    if (code == 0)
        code = mr_preload_find(request->library, library);
    if (code)
        return code;
    mr_compare_ways(compare, library, request->all);
    for (size_t i = 0; i < request->with_count; i++)
        if (!mr_compare_ways_with(compare, request->with[i]))
            return MR_CODE_USAGE;
    compare->others = getenv("LD_PRELOAD");
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    run_rounds(request);
    if (compare->rounds == 0) {
        mr_cli_say(interrupted ? "interrupted before each way had run once" : "nothing was measured");
        return MR_CODE_FAILED;
    }
    return mr_compare_tell(compare) ? 0 : DIFFERENT;
}

int mr_cmd_compare(char **words)
{
    struct request request = { .runs = RUNS_DEFAULT };
    if (!mr_flags_read("compare", mr_cmd_compare_flags, &request, &words))
        return MR_CODE_USAGE;
    if (request.help)
        return mr_cmd_help((char *[]){ (char *)"compare", NULL });
    request.compare.program = words;
    request.compare.ways = calloc(MR_COMPARE_WAYS_MOST, sizeof *request.compare.ways);
    if (!request.compare.ways) {
        mr_cli_say("out of memory");
        return MR_CODE_FAILED;
    }
    int code = compare(&request);
    free(request.compare.ways);
    return code;
}
