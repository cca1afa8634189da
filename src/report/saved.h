/* saved.h: an earlier report, read back from its JSON: enough of it to compare call stacks. CLI only. */
#ifndef MR_REPORT_SAVED_H
#define MR_REPORT_SAVED_H

#include "report.h"

struct mr_saved;

/* NULL, with a reason in *why that is a constant, when the bytes are no report of memoir's. */
struct mr_saved *mr_saved_read(const char *bytes, size_t len, const char **why);

/* Has the version, the command, the time it ran, the totals in use, leaks_checked, and the sites with their frames. */
const struct mr_report *mr_saved_report(const struct mr_saved *saved);

void mr_saved_free(struct mr_saved *saved);

#endif
