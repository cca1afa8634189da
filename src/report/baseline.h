/* baseline.h: which leaks count, and which of them were there before. CLI only. */
#ifndef MR_REPORT_BASELINE_H
#define MR_REPORT_BASELINE_H

#include "report.h"

/* Sets is_new of each site of the report: whether `before` has no site of the same key (keys.h). */
void mr_baseline_mark(struct mr_report *report, const struct mr_report *before);

/* A leak for CI: of a kind that counts, neither suppressed nor in the baseline. */
bool mr_baseline_is_leak(const struct mr_report *report, const struct mr_report_site *site);

/* What those sites hold; *sites receives how many they are. */
struct mr_report_sum mr_baseline_leaks(const struct mr_report *report, size_t *sites);

#endif
