/* progress.h: the line that says how far something has come: on a terminal, once it has taken a second, and gone when it
 * is done. Where stderr is no terminal nothing is written at all. */
#ifndef MR_CLI_PROGRESS_H
#define MR_CLI_PROGRESS_H

#include "base.h"

struct mr_progress {
    uint64_t start_ms, shown_ms;
    bool wanted, shown;
};

void mr_progress_begin(struct mr_progress *progress);

/* May be called as often as one likes: ten times a second it is written. */
void mr_progress_show(struct mr_progress *progress, const char *format, ...) MR_PRINTF(2, 3);

/* Shows how many names were looked up: what mr_model_wishes.progress is for. */
void mr_progress_names(void *progress, size_t done, size_t all);

/* Takes the line away; it may be shown again. */
void mr_progress_end(struct mr_progress *progress);

#endif
