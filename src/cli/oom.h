/* oom.h: memoir oom-test: a program run again and again, each time with another of its requests for memory refused.
 *
 * A site is a call stack that asks for memory; its name is a number that is the same in every run (stackhash.h). */
#ifndef MR_CLI_OOM_H
#define MR_CLI_OOM_H

#include "base.h"
#include "ledger.h"

#include <stdio.h>

/* ---- oom_run.c: one run ------------------------------------------------------------------------------- */

/* How a run ended. */
struct mr_oom_end {
    int status;          /* as waitpid has it */
    bool hung;           /* killed when its time was over, or it wrote without end */
    bool started;
    bool reached;        /* the request that was to be refused was made */
    uint64_t elapsed_ms;
    uint64_t output;     /* a hash of what it wrote to its standard output */
    bool complained;     /* it wrote to its standard error */
    char complaint[200]; /* the last line of that */
};

struct mr_oom_plan {
    char **program;
    uint64_t timeout_ms;
};

struct mr_oom_run;

/* Starts the program; `site`: whose first request is refused, 0: nobody's. NULL with errno. */
struct mr_oom_run *mr_oom_run_start(const struct mr_oom_plan *plan, uint64_t site);

/* Waits until one of the runs has ended, at most `ms`; its index, or -1. */
int mr_oom_run_wait(struct mr_oom_run *const *runs, size_t count, int ms);

/* Tells how an ended run went, and what its ledger says (NULL: it left none; the caller closes it; may be NULL). */
void mr_oom_run_finish(struct mr_oom_run *run, struct mr_oom_end *end, struct mr_reader **ledger);

/* Ends one that still goes on. */
void mr_oom_run_kill(struct mr_oom_run *run);

/* The number of a site of a ledger. */
uint64_t mr_oom_run_hash(const struct mr_reader *ledger, uint64_t site);

/* ---- oom_tell.c: what is said of them -------------------------------------------------------------------- */

enum mr_oom_verdict { /* worst first */
    MR_OOM_CRASHED,
    MR_OOM_HUNG,
    MR_OOM_WRONG,    /* as if nothing had happened, but the output is another */
    MR_OOM_SILENT,   /* another exit code, and not a word */
    MR_OOM_REFUSED,  /* another exit code, and a word */
    MR_OOM_SURVIVED, /* all as it was */
    MR_OOM_MISSED,   /* the request was not made this time */
    MR_OOM_VERDICTS
};

struct mr_oom_site {
    uint64_t hash, calls;
    uint32_t stack;
    bool done;
    enum mr_oom_verdict verdict;
    struct mr_oom_end end;
};

struct mr_oom_test {
    struct mr_oom_plan plan;
    size_t max_runs, jobs, top;
    bool same_output;         /* two runs without refusals write the same */
    struct mr_oom_end first;  /* without refusals */
    struct mr_reader *ledger; /* of that */
    struct mr_oom_site *sites;
    size_t site_count, runs;  /* sites found; of these, to be run */
};

enum mr_oom_verdict mr_oom_tell_verdict(const struct mr_oom_test *test, const struct mr_oom_end *end);

/* Writes the report to standard output. False: no memory. */
bool mr_oom_tell_all(struct mr_oom_test *test);

#endif
