/* json.h: what other files write as the JSON report does. Internal to report/. */
#ifndef MR_REPORT_JSON_H
#define MR_REPORT_JSON_H

#include "report.h"

/* "KEY":[the frames of the stack, innermost first]. */
void mr_json_stack(const struct mr_report *report, uint32_t stack, const char *key, struct mr_fmt *out);

/* Members of the report's object: "exit":{...} and the like. */
void mr_json_exit(const struct mr_report *report, struct mr_fmt *out);
void mr_json_totals(const struct mr_totals *totals, struct mr_fmt *out);
void mr_json_leaks(const struct mr_report *report, struct mr_fmt *out);
void mr_json_trace(const struct mr_report *report, struct mr_fmt *out);

#endif
