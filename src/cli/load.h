/* load.h: a report to compare with: from a ledger, or kept as JSON (memoir report --format=json). */
#ifndef MR_CLI_LOAD_H
#define MR_CLI_LOAD_H

#include "report.h"

struct mr_load;

/* NULL after one line on stderr. */
struct mr_load *mr_load_open(const char *path);
const struct mr_report *mr_load_report(const struct mr_load *load);
void mr_load_close(struct mr_load *load);

#endif
