#include "cli.h"
#include "ledger.h"
#include "ledgers.h"
#include "render.h"
#include "report_args.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int report_on(struct mr_report_args *args)
{
    char why[512], path[PATH_MAX];
    if (!mr_ledgers_choose("report", args->file, path))
        return MR_CODE_FAILED;
    struct mr_reader *ledger = mr_reader_open(path, why, sizeof why);
    if (!ledger) {
        mr_cli_say("%s", why);
        return MR_CODE_FAILED;
    }
    signal(SIGPIPE, SIG_IGN);
    int code = mr_render_ledger(ledger, args, NULL, NULL, STDOUT_FILENO);
    mr_reader_close(ledger);
    return code;
}

int mr_cmd_report(char **words)
{
    struct mr_report_args args;
    if (!mr_report_args_init(&args)) {
        mr_cli_say("out of memory");
        return MR_CODE_FAILED;
    }
    int code = MR_CODE_USAGE;
    if (mr_report_args_read(&args, words))
        code = args.help ? mr_cmd_help((char *[]){ (char *)"report", NULL }) : report_on(&args);
    mr_report_args_free(&args);
    return code;
}
