/* rows.h: the sites of a ledger as rows of a report. CLI only.
 *
 *   sites of the ledger -> stacks (sites that read the same are one) -> rows (one per class of blocks)
 *
 *   sum of leaks[] + suppressed = what all sites have in use = rows' + filtered */
#ifndef MR_REPORT_ROWS_H
#define MR_REPORT_ROWS_H

#include "model.h"
#include "names.h"

/* Fills sites, site_count, listed_count, leaks, suppressed, filtered and their counts of *report, of which exit
 * and checks are known. The rows are the caller's to free. False without memory. */
bool mr_rows_build(struct mr_report *report, const struct mr_reader *ledger, struct mr_names *names,
                   const struct mr_model_wishes *wishes);

#endif
