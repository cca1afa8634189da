#include "cli.h"
#include "args.h"
#include "conf.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const struct mr_command mr_cli_commands[] = {
    { "run", mr_cmd_run, "memoir [run] [options] [--] program [arguments]",
      "run a program on memoir's heap and show the report when it has ended",
      .help =
      "The program's input, output and exit code are its own; if a signal kills it, memoir dies of the\n"
      "same signal. Signals sent to memoir reach the program. The report goes to stderr when the program\n"
      "has ended: statistics and what is still in use, unless --stats=0 or --leaks=off take a part away.\n"
      "\n"
      "  --NAME=VALUE              any option of `memoir options`; of on/off options --NAME alone switches\n"
      "                            on. MEMOIR_* variables of the environment count where no option is given\n"
      "  --                        what follows is the program, even if it is named like a command\n",
      .flags = mr_args_flags, .more_flags = mr_report_args_flags, .words = MR_CLI_PROGRAM,
      .tail = "Exit code: the program's; 2 usage, 125 memoir itself failed, 126 not executable, 127 not found.\n" },
    { "report", mr_cmd_report, "memoir report [options] [LEDGER|PID]",
      "tell what a ledger says of a process that runs, has ended or was killed",
      .help =
      "The ledger is the file that MEMOIR_LEDGER or memoir run --ledger named. memoir run keeps those of the last\n"
      "runs: PID is one of theirs, and nothing is the last.\n",
      .flags = mr_report_args_flags, .words = MR_CLI_FILES,
      .tail = "Exit code: 0, N of --error-exitcode, 2 usage, 125 the ledger cannot be read.\n" },
    { "leaks", mr_cmd_leaks, "memoir leaks [options] PID",
      "have a running process look for leaks, and tell what it found",
      .help =
      "The process must keep a ledger: started by memoir run, or with MEMOIR_LEDGER=FILE. It is stopped no longer than\n"
      "a fork takes; the blocks are looked at in a copy.\n",
      .flags = mr_report_args_flags, .words = MR_CLI_PROCESS,
      .tail = "Exit code: 0, N of --error-exitcode, 2 usage, 125 the process keeps no ledger or does not answer.\n" },
    { "ls", mr_cmd_ls, "memoir ls [options]", "list the processes that keep a ledger, and what they have in use",
      .help =
      "Looks through the processes of this machine, as far as they may be looked at; none of them notices. On a\n"
      "terminal a table; else lines of fields separated by tabs, in bytes, bytes per second and seconds since 1970,\n"
      "\"-\" where something is not known.\n",
      .flags = mr_cmd_ls_flags, .tail = "Exit code: 0, if there are none too; 2 usage.\n" },
    { "top", mr_cmd_top, "memoir top [options] [PID|LEDGER]",
      "watch who asks for memory and holds it, while the program runs",
      .help =
      "Reads the ledger each second: the process is not stopped, signalled or traced. Without a word it is the one\n"
      "process that keeps a ledger. Shown are sites by what they hold, ask for and gain; the key h lists the keys.\n"
      "When the program has ended that is said, and the last state stays.\n",
      .flags = mr_cmd_top_flags, .words = MR_CLI_PROCESS,
      .tail = "Exit code: 0; 2 usage, also if there is no terminal; 125 there is no such ledger.\n" },
    { "map", mr_cmd_map, "memoir map [options] [PID|LEDGER]",
      "draw where in a process's heap what lies: slabs, large blocks, gaps, size classes",
      .help =
      "Of a process that runs, started by memoir run or with MEMOIR_LEDGER=FILE: it draws up the map itself, in a signal\n"
      "handler, and goes on. Of one that has ended: PID is one whose ledger memoir run kept, LEDGER a file, and nothing\n"
      "is the last run. What is killed leaves the map of a moment before, a second at most while it allocates.\n",
      .flags = mr_cmd_map_flags, .words = MR_CLI_PROCESS,
      .tail = "Exit code: 0; 2 usage, 125 there is no such ledger, it has no map, or the process does not answer.\n" },
    { "options", mr_cmd_options, "memoir options", "list every option with its default",
      .help =
      "Every option is --NAME=VALUE for memoir run and MEMOIR_NAME in the environment (upper case, _ for -)\n"
      "for a program that runs with LD_PRELOAD=libmemoir.so.\n" },
    { "diff", mr_cmd_diff, "memoir diff [options] before after",
      "compare what two runs had in use at the end, call stack by call stack",
      .help =
      "Both files are ledgers or reports kept with memoir report --format=json. Call stacks are the same when their\n"
      "functions are: lines, addresses and builds may differ. Shown are the sites that appeared, grew, shrank and\n"
      "vanished, the largest change first, and sums that lead from before to after.\n",
      .flags = mr_cmd_diff_flags, .words = MR_CLI_FILES,
      .tail = "Exit code: 0, different or not; 2 usage, 125 a file could not be read.\n" },
    { "oom-test", mr_cmd_oom_test, "memoir oom-test [options] [--] program [arguments]",
      "run a program once for each call stack that asks for memory, and refuse it there",
      .help =
      "The program first runs as it is. Each further run refuses the first request of one call stack: NULL and\n"
      "ENOMEM, bad_alloc from new. Told are the runs that crashed, hung, ended with another exit code or wrote\n"
      "another output, with that call stack. The program must end by itself, and bear being run many times.\n",
      .flags = mr_cmd_oom_test_flags, .words = MR_CLI_PROGRAM,
      .tail =
      "Input that is a file is given to every run, any other to none. MEMOIR_* variables hold for the program:\n"
      "MEMOIR_CHECK=1 also finds what is written where nothing was allocated. MEMOIR_FAIL=stack:NUMBER, as\n"
      "listed, repeats one run under a debugger (with MEMOIR_TRACE=full).\n"
      "\n"
      "Exit code: 0; 1 a run crashed, hung or told the wrong thing; 2 usage; 125 memoir itself failed.\n" },
    { "compare", mr_cmd_compare, "memoir compare [options] [--] program [arguments]",
      "run a program under several allocators in turn, and say which to use",
      .help =
      "The ways are glibc's own allocator, memoir with several settings, and jemalloc, tcmalloc and mimalloc where they\n"
      "are installed. Told are time, CPU time, memory at the peak and page faults, each as the median with its spread.\n"
      "Another allocator is recommended only where the difference exceeds the spread. Input that is a file is given to\n"
      "every run, any other to none. MEMOIR_* variables of the environment hold for each way.\n",
      .flags = mr_cmd_compare_flags, .words = MR_CLI_PROGRAM,
      .tail = "Exit code: 0; 1 a way ended otherwise than glibc; 2 usage, 125 memoir itself failed, 127 not found.\n" },
    { "completion", mr_cmd_completion, "memoir completion bash|zsh", "print what completes memoir's words in a shell",
      .help =
      "make install puts it where shells look. By hand: source <(memoir completion bash) in ~/.bashrc, or\n"
      "source <(memoir completion zsh) in ~/.zshrc, behind compinit.\n",
      .flags = mr_cmd_completion_flags, .words = MR_CLI_SHELL },
    { "help", mr_cmd_help, "memoir help [command]", "explain memoir, or one command", .words = MR_CLI_COMMAND },
};
const size_t mr_cli_command_count = MR_COUNT(mr_cli_commands);

const struct mr_command *mr_cli_find(const char *name)
{
    for (size_t i = 0; i < mr_cli_command_count; i++)
        if (strcmp(mr_cli_commands[i].name, name) == 0)
            return &mr_cli_commands[i];
    return NULL;
}

const struct mr_command *mr_cli_nearest(const char *name)
{
    const struct mr_command *best = mr_cli_commands;
    unsigned least = UINT_MAX;
    for (size_t i = 0; i < mr_cli_command_count; i++) {
        const char *candidate = mr_cli_commands[i].name;
        unsigned distance = mr_conf_distance(name, strlen(name), candidate, strlen(candidate));
        if (distance < least) {
            least = distance;
            best = &mr_cli_commands[i];
        }
    }
    return best;
}

/* One write, so that lines of several processes do not mix. */
void mr_cli_say(const char *format, ...)
{
    char line[PATH_MAX + 256];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line - 1, format, args);
    va_end(args);
    fprintf(stderr, "memoir: %s\n", line);
}

static int dispatch(char **words)
{
    if (!*words) {
        mr_cli_say("nothing to do; memoir PROGRAM runs a program, memoir --help says more");
        return MR_CODE_USAGE;
    }
    if (strcmp(*words, "--version") == 0 || strcmp(*words, "-V") == 0)
        return printf("memoir %s\n", MR_VERSION) < 0;
    if (strcmp(*words, "--help") == 0 || strcmp(*words, "-h") == 0)
        return mr_cmd_help(words + 1);
    const struct mr_command *command = mr_cli_find(*words);
    return command ? command->main(words + 1) : mr_cmd_run(words);
}

int main(int argc, char **argv)
{
    int code = dispatch(argc > 0 ? argv + 1 : argv);
    if (fflush(stdout) != 0) {
        mr_cli_say("cannot write the output: %s", strerror(errno));
        return MR_CODE_FAILED;
    }
    return code;
}
