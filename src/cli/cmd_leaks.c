/* cmd_leaks.c: asks a running process what it has lost. The process finds out itself: it is stopped no longer than a
 * copy of it takes, and its ledger then holds the answer. */
#include "cli.h"
#include "living.h"
#include "progress.h"
#include "render.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 60 * 1000, EVERY_MS = 10 };

/* Waits until there was one check more. */
static bool await_check(struct mr_living *living)
{
    uint32_t before = living->header.checks;
    struct mr_progress progress;
    bool answered = false;
    mr_progress_begin(&progress);
    for (int waited = 0; waited < PATIENCE_MS && !answered; waited += EVERY_MS) {
        answered = !mr_living_header(living->fd, &living->header) || living->header.end != MR_LEDGER_RUNNING ||
                   living->header.checks != before;
        if (answered)
            break;
        nanosleep(&(struct timespec){ .tv_nsec = EVERY_MS * 1000000L }, NULL);
        mr_progress_show(&progress, "process %ld looks for leaks", (long)living->pid);
    }
    mr_progress_end(&progress);
    return answered;
}

/* False after one line. */
static bool ask(struct mr_living *living)
{
    long pid = living->pid;
    uint32_t request = living->header.request_signal;
    if (request == 0 || request > (uint32_t)SIGRTMAX)
        mr_cli_say("process %ld answers to no signal: all were taken when it started", pid);
    else if (kill(living->pid, (int)request) != 0)
        mr_cli_say("process %ld: %s", pid, strerror(errno));
    else if (!await_check(living))
        mr_cli_say("process %ld did not answer within %d s: it may block all signals", pid, PATIENCE_MS / 1000);
    else
        return true;
    return false;
}

static int tell(const struct mr_living *living, struct mr_report_args *args)
{
    char why[512];
    struct mr_reader *ledger = mr_reader_open_fd(living->fd, why, sizeof why);
    if (!ledger) {
        mr_cli_say("%s", why);
        return MR_CODE_FAILED;
    }
    signal(SIGPIPE, SIG_IGN);
    int code = mr_render_ledger(ledger, args, NULL, living->path, STDOUT_FILENO);
    mr_reader_close(ledger);
    return code;
}

static int check(struct mr_report_args *args)
{
    struct mr_living living;
    char *end;
    if (!args->file) {
        mr_cli_say("memoir leaks needs the number of a process");
        return MR_CODE_USAGE;
    }
    long pid = strtol(args->file, &end, 10);
    if (*end != '\0' || pid <= 0) {
        mr_cli_say("memoir leaks %.80s: not the number of a process", args->file);
        return MR_CODE_USAGE;
    }
    int why = mr_living_open((pid_t)pid, &living);
    if (why)
        mr_living_complain((pid_t)pid, why);
    args->hide_stats = true;
    int code = why == 0 && ask(&living) ? tell(&living, args) : MR_CODE_FAILED;
    mr_living_close(&living);
    return code;
}

int mr_cmd_leaks(char **words)
{
    struct mr_report_args args;
    int code = MR_CODE_USAGE;
    if (!mr_report_args_init(&args)) {
        mr_cli_say("out of memory");
        return MR_CODE_FAILED;
    }
    if (mr_report_args_read(&args, words))
        code = args.help ? mr_cmd_help((char *[]){ (char *)"leaks", NULL }) : check(&args);
    mr_report_args_free(&args);
    return code;
}
