/* pattern.h: names with wildcards. Internal to report/ and its users in the CLI. */
#ifndef MR_REPORT_PATTERN_H
#define MR_REPORT_PATTERN_H

#include "base.h"

/* Whether all of `text` is like `pattern`: '*' stands for any bytes, '?' for one. */
bool mr_pattern_fits(const char *pattern, const char *text);

/* LeakSanitizer's reading: `text` contains something like `pattern`, which '^' binds to its start and '$' to its
 * end; '*' stands for any bytes, '?' for itself. */
bool mr_pattern_found(const char *pattern, const char *text);

#endif
