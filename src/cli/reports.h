/* reports.h: the private directory in which the processes of a run leave their reports. */
#ifndef MR_CLI_REPORTS_H
#define MR_CLI_REPORTS_H

#include "base.h"

#include <limits.h>
#include <sys/types.h>

struct mr_reports {
    char dir[PATH_MAX];
};

/* Makes the directory and points MEMOIR_OUTPUT into it, one file per process. False with errno. */
bool mr_reports_open(struct mr_reports *reports);

/* Copies the report of that process to descriptor `to`. False when there is none. */
bool mr_reports_show(const struct mr_reports *reports, pid_t pid, int to);

/* Removes the directory; returns how many reports of processes other than `pid` were in it. */
unsigned mr_reports_close(const struct mr_reports *reports, pid_t pid);

#endif
