/* compare.h: memoir compare: one program under several allocators, in turn.
 *
 * A way is an allocator with its settings. Each round runs every way once, each round beginning with another, so that what
 * else the machine does meets all alike. */
#ifndef MR_CLI_COMPARE_H
#define MR_CLI_COMPARE_H

#include "base.h"
#include "progress.h"

#include <limits.h>
#include <stdio.h>

enum { MR_COMPARE_WAYS_MOST = 32, MR_COMPARE_RUNS_MOST = 100 };

/* What is measured of a run. */
enum mr_compare_figure { MR_COMPARE_WALL, MR_COMPARE_CPU, MR_COMPARE_RESIDENT, MR_COMPARE_FAULTS, MR_COMPARE_FIGURES };

struct mr_compare_way {
    char name[64];
    char library[PATH_MAX];        /* to preload; "": none */
    const char *variable, *value;  /* to set; NULL: none */
    bool is_choice;                /* may be what is recommended: hardening is chosen for another reason than speed */
    size_t runs;
    double figures[MR_COMPARE_FIGURES][MR_COMPARE_RUNS_MOST]; /* seconds, bytes, faults */
    int status;                    /* of its first run, as waitpid has it */
    bool varies;                   /* a later one ended otherwise */
};

struct mr_compare {
    char **program;
    const char *others;            /* LD_PRELOAD as it was; NULL: none */
    bool show_output;              /* of the first run */
    struct mr_compare_way *ways;   /* way 0 is no preloading at all */
    size_t way_count, rounds;
    size_t run, run_count;         /* for the progress line */
    struct mr_progress progress;
};

/* ---- compare_ways.c ------------------------------------------------------------------------------------ */

/* Adds the ways: glibc, memoir and its settings (`all`: every strategy, too), what else is installed. `library` is
 * libmemoir.so. */
void mr_compare_ways(struct mr_compare *compare, const char *library, bool all);

/* Adds the allocator in that file. False after one line. */
bool mr_compare_ways_with(struct mr_compare *compare, const char *path);

/* ---- compare_run.c ------------------------------------------------------------------------------------- */

/* Runs the program once; its figures are added to the way's. False after one line, or when *stop. */
bool mr_compare_run(struct mr_compare *compare, struct mr_compare_way *way, const volatile int *stop);

/* ---- compare_tell.c ------------------------------------------------------------------------------------ */

struct mr_compare_spread {
    double median, half; /* half of what lies between the least and the most, but for the outermost two of four or more */
};
struct mr_compare_spread mr_compare_tell_spread(const double *figures, size_t count);

/* The table and the verdict, on standard output. False: a way ended otherwise than glibc. */
bool mr_compare_tell(const struct mr_compare *compare);

#endif
