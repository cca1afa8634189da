/* judge.h: does a report fail a CI run? --error-exitcode and --baseline of memoir report and memoir run. */
#ifndef MR_CLI_JUDGE_H
#define MR_CLI_JUDGE_H

#include "report.h"

struct mr_judge {
    const char *baseline; /* --baseline: a file for mr_load_open; NULL: none */
    int code;             /* --error-exitcode; 0: leaks do not matter */
};

/* Reads the value of --error-exitcode, 1 to 255. False after one line. */
bool mr_judge_read_code(struct mr_judge *judge, const char *value);

/* Marks what the baseline has. Before the report is written. False after one line. */
bool mr_judge_mark(const struct mr_judge *judge, struct mr_report *report);

/* The exit code: judge->code, after one line that says why, if there are leaks that count; MR_CODE_FAILED if nobody
 * knows because no leak check was made; else 0. */
int mr_judge_code(const struct mr_judge *judge, const struct mr_report *report);

#endif
