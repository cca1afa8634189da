/* render.h: a ledger as a report, written as the user wants it. */
#ifndef MR_CLI_RENDER_H
#define MR_CLI_RENDER_H

#include "report_args.h"

/* How the process ended, for those who know better than its ledger. */
struct mr_render_end {
    enum mr_exit_kind kind;
    int value;
};

/* Writes the report to descriptor `to` (or args->output). `end` may be NULL, `path` too if the ledger has no name that
 * can be opened again. Returns the exit code: 0, args->judge's, or MR_CODE_FAILED after one line. */
int mr_render_ledger(const struct mr_reader *ledger, struct mr_report_args *args, const struct mr_render_end *end,
                     const char *path, int to);

/* Draws the map that the ledger has, `width` columns wide; 0: as wide as the terminal. Returns the exit code, likewise. */
int mr_render_map(const struct mr_reader *ledger, const char *output, unsigned width, int to);

#endif
