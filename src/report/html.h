/* html.h: a report, or the difference of two, as one page that needs nothing else. CLI only.
 *
 *   the file = the page up to its mark + the data as JSON + the rest of the page
 *
 * The page is made from src/report/html/ when memoir is built, where npm is there; else it is empty. */
#ifndef MR_REPORT_HTML_H
#define MR_REPORT_HTML_H

#include "report.h"

struct mr_diff;

/* False: this memoir was built without the page, and the writers write the data alone. */
bool mr_html_is_built(void);

/* At most `top` rows of the difference; 0: all. */
void mr_html_diff(const struct mr_diff *diff, size_t top, struct mr_fmt *out);

#endif
