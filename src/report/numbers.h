/* numbers.h: figures and foreign text as the text report prints them. Internal to report/. */
#ifndef MR_REPORT_NUMBERS_H
#define MR_REPORT_NUMBERS_H

#include "base.h"

/* Right-aligned in `width` columns: 1,204,331 and 410.0 MiB. */
void mr_numbers_count(struct mr_fmt *out, int width, uint64_t n);
void mr_numbers_size(struct mr_fmt *out, int width, uint64_t bytes);

/* part / whole with one decimal, rounded down; whole > 0 and part <= whole. */
void mr_numbers_percent(struct mr_fmt *out, int width, uint64_t part, uint64_t whole);

/* "1,000 blocks", "1 block". */
void mr_numbers_noun(struct mr_fmt *out, uint64_t n, const char *noun);

/* The two largest units that matter: "85 ms", "1.2 s", "12 min 3 s", "1 h 12 min". */
void mr_numbers_duration(struct mr_fmt *out, uint64_t ms);

/* Text from the program on a line of ours: cut off at `max`, with nothing a terminal would act on. */
void mr_numbers_text(struct mr_fmt *out, const char *text, size_t len, size_t max);

#endif
