#include "args.h"
#include "child.h"
#include "cli.h"
#include "conf.h"
#include "program.h"
#include "reports.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIBRARY "libmemoir.so"

/* --- the library ---------------------------------------------------------------------------------- */

/* Beside the program memoir (as built), else in ../lib of it (as installed). */
static bool find_library(char *path)
{
    static const char *const places[] = { "", "../lib/" };
    char self[PATH_MAX], candidate[PATH_MAX + 32];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self);
    while (len > 0 && self[len - 1] != '/')
        len--;
    for (size_t i = 0; i < MR_COUNT(places); i++) {
        snprintf(candidate, sizeof candidate, "%.*s%s" LIBRARY, (int)len, self, places[i]);
        if (realpath(candidate, path))
            return true;
    }
    return false;
}

/* Puts the library in front of what LD_PRELOAD already names. Returns 0, or the exit code after one line. */
static int preload(const char *wanted)
{
    char path[PATH_MAX];
    if (wanted ? !realpath(wanted, path) : !find_library(path)) {
        if (wanted)
            mr_cli_say("--library=%s: %s", wanted, strerror(errno));
        else
            mr_cli_say(LIBRARY " lies neither beside memoir nor in ../lib of it; --library=PATH names it");
        return wanted ? MR_CODE_USAGE : MR_CODE_FAILED;
    }
    if (strpbrk(path, " :$")) {
        mr_cli_say("%s: the loader cannot preload a path with a blank, a colon or a dollar sign", path);
        return MR_CODE_FAILED;
    }
    const char *others = getenv("LD_PRELOAD");
    char *all = NULL;
    if (asprintf(&all, "%s%s%s", path, others && *others ? ":" : "", others ? others : "") < 0)
        return MR_CODE_FAILED;
    setenv("LD_PRELOAD", all, 1);
    free(all);
    return 0;
}

/* --- what goes wrong --------------------------------------------------------------------------------- */

static int say_not_started(const char *name, int why)
{
    char path[PATH_MAX];
    if (why != ENOENT) {
        mr_cli_say("%s: %s", name, strerror(why));
        return MR_CODE_NOT_EXECUTABLE;
    }
    const struct mr_command *command = mr_cli_nearest(name);
    if (mr_program_find(name, path))
        mr_cli_say("%s: the interpreter it names was not found", name);
    else if (!strchr(name, '/') && mr_conf_distance(name, strlen(name), command->name, strlen(command->name)) <= 2)
        mr_cli_say("%s is neither a command nor a program; did you mean memoir %s?", name, command->name);
    else
        mr_cli_say("%s: no such program", name);
    return MR_CODE_NOT_FOUND;
}

static void say_no_report(const char *name, int status)
{
    if (!WIFSIGNALED(status)) {
        mr_cli_say("no report: %s wrote none; it may have changed its user or root, cleared its environment, or "
                   "started a static program in its place", name);
        return;
    }
    const char *abbreviation = sigabbrev_np(WTERMSIG(status));
    mr_cli_say("no report: %s was killed by signal %d (%s) before it could write one", name, WTERMSIG(status),
               abbreviation ? abbreviation : "real-time");
}

/* True, after one line, when the program will run without the library. */
static bool is_out_of_reach(const char *name)
{
    char path[PATH_MAX];
    const char *obstacle = mr_program_find(name, path) ? mr_program_obstacle(path) : NULL;
    if (obstacle)
        mr_cli_say("%s %s: the loader does not preload memoir into it, so there is no report of it", name, obstacle);
    return obstacle != NULL;
}

/* --- running ------------------------------------------------------------------------------------------- */

/* What nobody has chosen is the whole report. True when some part of it is wanted. */
static bool choose_parts(struct mr_conf *conf)
{
    if (!conf->stats_set) {
        conf->stats = 1;
        setenv("MEMOIR_STATS", "1", 1);
    }
    if (!conf->leaks_set) {
        conf->leaks = MR_LEAKS_SUMMARY;
        setenv("MEMOIR_LEAKS", "summary", 1);
    }
    return conf->stats || conf->leaks != MR_LEAKS_OFF;
}

/* The library needs no help where its report goes to a file, is written again and again on a signal, or
 * is not wanted: memoir then becomes the program. */
static int become(char **program)
{
    execvp(*program, program);
    return say_not_started(*program, errno);
}

static int run_and_show(char **program, bool out_of_reach)
{
    struct mr_reports reports;
    if (!mr_reports_open(&reports)) {
        mr_cli_say("cannot make a directory for the report (%s); the program writes it to stderr itself",
                   strerror(errno));
        return become(program);
    }
    int status, why = 0;
    pid_t pid = mr_child_run(program, &status);
    if (pid < 0)
        why = errno;
    else if (!mr_reports_show(&reports, pid, STDERR_FILENO) && !out_of_reach)
        say_no_report(*program, status);
    unsigned others = mr_reports_close(&reports, pid);
    if (why)
        return say_not_started(*program, why);
    if (others)
        mr_cli_say("%u other process%s of the program reported too; --output=FILE.%%p keeps every report", others,
                   others == 1 ? "" : "es");
    mr_child_imitate(status);
}

int mr_cmd_run(char **words)
{
    struct mr_args args;
    if (!mr_args_read(&args, words))
        return MR_CODE_USAGE;
    if (args.help)
        return mr_cmd_help((char *[]){ (char *)"run", NULL });
    if (args.version)
        return printf("memoir %s\n", MR_VERSION) < 0;
    if (!*args.program) {
        mr_cli_say("no program to run; memoir help run says how");
        return MR_CODE_USAGE;
    }
    int code = preload(args.library);
    if (code)
        return code;
    bool wanted = choose_parts(&args.conf);
    bool out_of_reach = wanted && is_out_of_reach(*args.program);
    if (!wanted || *args.conf.output || args.conf.signal)
        return become(args.program);
    return run_and_show(args.program, out_of_reach);
}
