/* cmd_leaks.c: asks a running process what it has lost. The process finds out itself: it is stopped no longer than a
 * copy of it takes, and its ledger then holds the answer. */
#include "ask.h"
#include "cli.h"
#include "render.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

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
    int code = why == 0 && mr_ask_living(&living, MR_LEDGER_ASK_CHECK) ? tell(&living, args) : MR_CODE_FAILED;
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
