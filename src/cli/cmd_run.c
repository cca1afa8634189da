#include "args.h"
#include "child.h"
#include "cli.h"
#include "conf.h"
#include "ledger.h"
#include "ledgers.h"
#include "preload.h"
#include "program.h"
#include "render.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

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

static void say_no_ledger(const char *name, int status)
{
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        mr_cli_say("no report: %s was killed before it ran anything of memoir", name);
    else
        mr_cli_say("no report: %s left no ledger; it may have changed its user or root, cleared its environment, or "
                   "started a static program in its place", name);
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

/* --- settling what is asked for ---------------------------------------------------------------------------- */

/* A variable of the environment counts where no option was given; from here on it is memoir's, not the library's. */
static bool settle_report(struct mr_args *args)
{
    struct mr_report_args *report = &args->report;
    if (!report->output && *args->conf.output && strcmp(args->conf.output, "stderr") != 0)
        report->output = args->conf.output;
    if (report->output && strcmp(report->output, "stderr") == 0)
        report->output = NULL;
    if (report->format == &mr_report_formats[0])
        report->format = &mr_report_formats[args->conf.format];
    if (report->format->binary && !report->output) {
        mr_cli_say("--format=%s is no text: --output=FILE says where it goes", report->format->name);
        return false;
    }
    report->show_map = args->conf.map;
    report->hide_stats = args->conf.stats_set && !args->conf.stats;
    report->hide_leaks = args->conf.leaks_set && args->conf.leaks == MR_LEAKS_OFF;
    return true;
}

/* Every block by itself, or a report whenever a signal arrives: the library writes these, in its own two formats, as the
 * program goes on. */
static bool is_the_librarys(const struct mr_args *args)
{
    return args->conf.signal || (args->conf.leaks_set && args->conf.leaks == MR_LEAKS_FULL);
}

static int become(char **program)
{
    execvp(*program, program);
    return say_not_started(*program, errno);
}

static int leave_it_to_the_library(const struct mr_args *args)
{
    const struct mr_report_format *format = args->report.format;
    if (format < mr_report_formats || format >= mr_report_formats + mr_report_format_count) {
        mr_cli_say("--format=%s is not among what the library writes with --signal and --leaks=full: text and json",
                   format->name);
        return MR_CODE_USAGE;
    }
    if (args->report.html) {
        mr_cli_say("--html does not go with --signal and --leaks=full: the library then writes the report, text or json");
        return MR_CODE_USAGE;
    }
    if (!args->conf.stats_set)
        setenv("MEMOIR_STATS", "1", 1);
    setenv("MEMOIR_FORMAT", format->name, 1);
    setenv("MEMOIR_OUTPUT", args->report.output ? args->report.output : "stderr", 1);
    return become(args->program);
}

/* --- running ------------------------------------------------------------------------------------------------- */

static struct mr_render_end end_of(int status)
{
    if (WIFSIGNALED(status))
        return (struct mr_render_end){ MR_EXIT_SIGNALLED, WTERMSIG(status) };
    return (struct mr_render_end){ MR_EXIT_EXITED, WEXITSTATUS(status) };
}

/* The name of a report or a ledger, with everything put in. */
static void put_name(char *name, size_t cap, const char *pattern, const struct mr_reader *ledger)
{
    const struct mr_ledger_header *header = mr_reader_header(ledger);
    struct mr_fmt f = mr_fmt_to_buffer(name, cap);
    for (const char *p = pattern; *p; p++) {
        char field = *p == '%' ? p[1] : '\0';
        p += field == 'p' || field == 'e' || field == 't' || field == '%';
        if (field == 'p')
            mr_fmt_print(&f, "%ld", (long)header->pid);
        else if (field == 'e')
            mr_fmt_print(&f, "%s", mr_frames_base(header->executable));
        else if (field == 't')
            mr_fmt_print(&f, "%lu", (unsigned long)header->start_wall);
        else
            mr_fmt_char(&f, *p);
    }
    mr_fmt_end_string(&f);
}

/* Where the ledger stays: where the user said, else among the last runs. */
static void keep(struct mr_ledger_file *file, const char *wanted, const struct mr_reader *ledger)
{
    char path[PATH_MAX];
    if (!*wanted) {
        mr_ledgers_keep(file);
        return;
    }
    put_name(path, sizeof path, wanted, ledger);
    if (mr_ledgers_copy(file->path, path)) {
        unlink(file->path);
        memcpy(file->path, path, sizeof path);
        file->kept = true;
    } else {
        mr_cli_say("--ledger=%s: %s", path, strerror(errno));
    }
}

/* A process that became other programs by exec: the last has the name for itself, those before it .1, .2, ... behind it. */
static void put_place(char *name, size_t cap, unsigned place)
{
    size_t len = strlen(name);
    if (place)
        snprintf(name + len, cap - len, ".%u", place);
}

/* The name that the pattern means for this ledger; NULL for none. */
static const char *fill_in(char name[PATH_MAX], const char *pattern, const struct mr_reader *ledger, unsigned place)
{
    if (!pattern)
        return NULL;
    put_name(name, PATH_MAX, pattern, ledger);
    put_place(name, PATH_MAX, place);
    return name;
}

/* One ledger told. Returns the exit code that --error-exitcode asks for, else 0. */
static int tell(struct mr_ledger_file *file, struct mr_args *args, const struct mr_render_end *end, unsigned place)
{
    char why[512], output[PATH_MAX], html[PATH_MAX];
    struct mr_reader *ledger = mr_reader_open(file->path, why, sizeof why);
    const char *output_pattern = args->report.output, *html_pattern = args->report.html;
    if (!ledger) {
        mr_cli_say("%s", why);
        return MR_CODE_FAILED;
    }
    if (end)
        keep(file, args->conf.ledger, ledger);
    args->report.output = fill_in(output, output_pattern, ledger, place);
    args->report.html = fill_in(html, html_pattern, ledger, place);
    int code = mr_render_ledger(ledger, &args->report, end, end ? file->path : NULL, STDERR_FILENO);
    args->report.output = output_pattern;
    args->report.html = html_pattern;
    mr_reader_close(ledger);
    return code;
}

static bool names_every_process(const char *output) { return output && strstr(output, "%p"); }

/* Reports of the other processes, those whose names differ. Returns the first exit code that is not 0. */
static int tell_others(struct mr_ledgers *ledgers, size_t main, struct mr_args *args)
{
    int code = 0;
    args->report.html_only = !names_every_process(args->report.output);
    if (!names_every_process(args->report.html))
        args->report.html = NULL;
    for (size_t i = 0; i < ledgers->count; i++) {
        bool went_on = i + 1 < ledgers->count && ledgers->files[i + 1].pid == ledgers->files[i].pid;
        unsigned place = went_on ? ledgers->files[i].number + 1 : 0;
        int one = i == main ? 0 : tell(&ledgers->files[i], args, NULL, place);
        code = code ? code : one;
    }
    return code;
}

static void say_others(const struct mr_ledgers *ledgers, size_t main)
{
    size_t others = 0;
    for (size_t i = 0; i < ledgers->count; i++)
        others += i != main && (i == 0 || ledgers->files[i].pid != ledgers->files[i - 1].pid) &&
                  ledgers->files[i].pid != ledgers->files[main].pid;
    if (others)
        mr_cli_say("%zu other process%s of the program %s recorded too; --output=FILE.%%p reports every one", others,
                   others == 1 ? "" : "es", others == 1 ? "was" : "were");
}

/* Daemons: their reports are of what was so far. */
static void say_what_goes_on(const struct mr_ledgers *ledgers)
{
    for (size_t i = 0; i < ledgers->count; i++)
        if (mr_ledgers_goes_on(&ledgers->files[i]))
            mr_cli_say("process %d goes on; memoir report %s tells of it at any time (the file is yours to remove)",
                       (int)ledgers->files[i].pid, ledgers->files[i].path);
}

static int tell_all(struct mr_ledgers *ledgers, pid_t pid, struct mr_args *args, int status)
{
    size_t main = mr_ledgers_main(ledgers, pid);
    if (main == ledgers->count)
        return 0;
    struct mr_render_end end = end_of(status);
    int code = tell(&ledgers->files[main], args, &end, 0);
    if (names_every_process(args->report.output) || names_every_process(args->report.html)) {
        int others = tell_others(ledgers, main, args);
        code = code ? code : others;
    } else {
        say_others(ledgers, main);
    }
    return code;
}

static int run_and_tell(struct mr_args *args, bool out_of_reach)
{
    struct mr_ledgers ledgers;
    if (!mr_ledgers_open(&ledgers)) {
        mr_cli_say("cannot make a directory for the ledger (%s); the program writes its report itself", strerror(errno));
        return leave_it_to_the_library(args);
    }
    int status;
    pid_t pid = mr_child_run(args->program, &status);
    int why = pid < 0 ? errno : 0;
    signal(SIGPIPE, SIG_IGN);
    mr_ledgers_gather(&ledgers);
    int code = why ? 0 : tell_all(&ledgers, pid, args, status);
    bool told = mr_ledgers_main(&ledgers, pid) < ledgers.count;
    say_what_goes_on(&ledgers);
    mr_ledgers_close(&ledgers);
    if (why)
        return say_not_started(*args->program, why);
    if (!told && !out_of_reach)
        say_no_ledger(*args->program, status);
    if (code && WIFEXITED(status))
        return code;
    mr_child_imitate(status);
}

/* What nobody has chosen is every call stack, and what is lost. */
static void choose(struct mr_args *args)
{
    if (!args->conf.trace_set)
        setenv("MEMOIR_TRACE", "full", 1);
    if (!args->conf.leaks_set)
        setenv("MEMOIR_LEAKS", "summary", 1);
    unsetenv("MEMOIR_OUTPUT");
}

static int run(struct mr_args *args)
{
    if (!*args->program) {
        mr_cli_say("no program to run; memoir help run says how");
        return MR_CODE_USAGE;
    }
    if (!settle_report(args))
        return MR_CODE_USAGE;
    int code = mr_preload_set(args->library);
    if (code)
        return code;
    choose(args);
    if (is_the_librarys(args))
        return leave_it_to_the_library(args);
    if (args->report.hide_stats && args->report.hide_leaks && !*args->conf.ledger && !args->report.html)
        return become(args->program);
    return run_and_tell(args, is_out_of_reach(*args->program));
}

int mr_cmd_run(char **words)
{
    struct mr_args args;
    int code = MR_CODE_USAGE;
    if (mr_args_read(&args, words)) {
        if (args.help)
            code = mr_cmd_help((char *[]){ (char *)"run", NULL });
        else
            code = args.version ? printf("memoir %s\n", MR_VERSION) < 0 : run(&args);
    }
    mr_report_args_free(&args.report);
    return code;
}
