/* args.h: the words behind `memoir run`. */
#ifndef MR_CLI_ARGS_H
#define MR_CLI_ARGS_H

#include "base.h"
#include "conf.h"
#include "report_args.h"

struct mr_args {
    struct mr_conf conf; /* what holds for the program: its environment, then the flags */
    struct mr_report_args report; /* how it is to be told; what it holds is freed by mr_report_args_free */
    const char *library; /* --library, else NULL */
    bool help, version;  /* --help, --version: nothing else counts */
    char **program;      /* the program and its arguments; *program is NULL when there is none */
};

/* Reads flags up to "--" or the first word that is none. A good flag is also put into this process's
 * environment as MEMOIR_NAME, where the program will find it. False after one line on stderr. */
bool mr_args_read(struct mr_args *args, char **words);

/* The options of memoir run beside those of report_args.h and options.def, for a struct mr_args. */
extern const struct mr_flag mr_args_flags[];

/* The flag's name without the dashes ("pool-limit"), NUL-terminated. */
#define MR_ARGS_NAME_MAX 32
void mr_args_name(const struct mr_option *option, char name[MR_ARGS_NAME_MAX]);

#endif
