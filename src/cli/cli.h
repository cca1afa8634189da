/* cli.h: the commands of `memoir`.
 *
 * To add a command: one row in commands[] of main.c, one file cmd_<name>.c with its function and the table of its
 * options (flags.h). The help and the completion of shells come from the tables, and scripts/gen-commands-doc.sh writes
 * the manual's section. A command is called with the words behind its name (NULL-terminated) and returns the exit
 * code; it has then printed what there is to say, errors as one line on stderr. */
#ifndef MR_CLI_CLI_H
#define MR_CLI_CLI_H

#include "base.h"
#include "flags.h"

typedef int mr_command_main(char **words);

/* What the words of a command are that are no options, for shells to complete. */
enum mr_cli_words { MR_CLI_NO_WORDS, MR_CLI_PROGRAM, MR_CLI_FILES, MR_CLI_PROCESS, MR_CLI_COMMAND, MR_CLI_SHELL };

struct mr_command {
    const char *name;
    mr_command_main *main;
    const char *usage;    /* behind "usage: " */
    const char *sentence; /* for the list of commands */
    const char *help;     /* of `memoir help NAME`: what stands before its options; NULL: nothing */
    const struct mr_flag *flags, *more_flags; /* NULL: none */
    const char *tail;     /* what stands behind them; NULL: nothing */
    enum mr_cli_words words;
};

extern const struct mr_command mr_cli_commands[];
extern const size_t mr_cli_command_count;

/* The command of exactly that name, or NULL; and the one with the nearest name (never NULL). */
const struct mr_command *mr_cli_find(const char *name);
const struct mr_command *mr_cli_nearest(const char *name);

/* Exit codes of memoir itself; 126 and 127 as shells have them. Any other is the program's. */
enum { MR_CODE_USAGE = 2, MR_CODE_FAILED = 125, MR_CODE_NOT_EXECUTABLE = 126, MR_CODE_NOT_FOUND = 127 };

/* Prints "memoir: ..." and a newline on stderr. */
void mr_cli_say(const char *format, ...) MR_PRINTF(1, 2);

mr_command_main mr_cmd_run;
mr_command_main mr_cmd_leaks;
mr_command_main mr_cmd_map;
mr_command_main mr_cmd_report;
mr_command_main mr_cmd_options;
mr_command_main mr_cmd_diff;
mr_command_main mr_cmd_oom_test;
mr_command_main mr_cmd_ls;
mr_command_main mr_cmd_top;
mr_command_main mr_cmd_compare;
mr_command_main mr_cmd_completion;
mr_command_main mr_cmd_help;

extern const struct mr_flag mr_cmd_diff_flags[], mr_cmd_oom_test_flags[], mr_cmd_ls_flags[], mr_cmd_top_flags[],
    mr_cmd_compare_flags[], mr_cmd_completion_flags[], mr_cmd_map_flags[];

#endif
