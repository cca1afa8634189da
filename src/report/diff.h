/* diff.h: two reports compared, call stack by call stack (keys.h says which are the same). CLI only. */
#ifndef MR_REPORT_DIFF_H
#define MR_REPORT_DIFF_H

#include "report.h"

enum mr_diff_fate { MR_DIFF_APPEARED, MR_DIFF_GREW, MR_DIFF_SHRANK, MR_DIFF_VANISHED, MR_DIFF_FATE_COUNT };
extern const char *const mr_diff_fate_names[MR_DIFF_FATE_COUNT];

/* What a stack had in use at the end of each run, whatever became of the blocks. */
struct mr_diff_row {
    struct mr_report_sum before, after;
    enum mr_diff_fate fate;
    const struct mr_report *shown;  /* whose frames to show, */
    uint32_t stack;                 /* and which: those after unless it vanished */
};

/*   after = before + the sum of all rows' changes, in bytes and in blocks */
struct mr_diff {
    const struct mr_report *before, *after;
    struct mr_report_sum before_sum, after_sum;
    struct mr_diff_row *rows;       /* that changed, largest change first */
    size_t count;
};

void mr_diff_make(struct mr_diff *diff, const struct mr_report *before, const struct mr_report *after);
void mr_diff_free(struct mr_diff *diff);

/* At most `top` rows; 0: all. */
void mr_diff_text(const struct mr_diff *diff, size_t top, struct mr_fmt *out);
void mr_diff_json(const struct mr_diff *diff, size_t top, struct mr_fmt *out);

#endif
