/* html_page.h: the page, and how long it is. Internal to report/. */
#ifndef MR_REPORT_HTML_PAGE_H
#define MR_REPORT_HTML_PAGE_H

#include "base.h"

extern const char mr_html_page[];
extern const size_t mr_html_page_bytes;

/* Stands in the page once, where the data goes. */
#define MR_HTML_PAGE_MARK "@MEMOIR-DATA@"

#endif
