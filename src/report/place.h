/* place.h: a leak for formats that show one sentence at one line of one file. CLI only. */
#ifndef MR_REPORT_PLACE_H
#define MR_REPORT_PLACE_H

#include "report.h"

/* The innermost frame whose source is the program's own, not the system's; NULL when no frame has a source. */
const struct mr_report_frame *mr_place_of(const struct mr_report_frame *frames, size_t count);

/* "400.1 MiB in 1,048,576 blocks definitely lost, growing 95.6 KiB/s". */
void mr_place_describe(struct mr_fmt *out, const struct mr_report_site *site);

#endif
