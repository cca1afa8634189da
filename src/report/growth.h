/* growth.h: does a site grow over the run, and how fast? CLI only. */
#ifndef MR_REPORT_GROWTH_H
#define MR_REPORT_GROWTH_H

#include "base.h"

struct mr_growth_point {
    uint64_t ms, bytes;
};

/* Bytes per second, or 0 when the figures, in order of time, do not rise steadily. */
uint64_t mr_growth_rate(const struct mr_growth_point *points, size_t count);

#endif
