/* escape.h: names of the program in formats that give some characters a meaning. CLI only. */
#ifndef MR_REPORT_ESCAPE_H
#define MR_REPORT_ESCAPE_H

#include "report.h"

/* What to write for a byte; a table of them ends with a byte 0. */
struct mr_escape {
    char byte;
    const char *with;
};

/* The text with the bytes of the table replaced, other control characters written as '?', and bytes that are
 * not valid UTF-8 as U+FFFD: what comes out is UTF-8 on one line. */
void mr_escape_text(struct mr_fmt *out, const char *text, const struct mr_escape *table);

/* The same of a frame: its function, else "module+0x1f0", else its address. */
void mr_escape_frame(struct mr_fmt *out, const struct mr_report_frame *frame, const struct mr_escape *table);

/* A path as a URI reference (RFC 3986): absolute ones begin with file://, bytes outside of the unreserved
 * characters and '/' are %XX. */
void mr_escape_uri(struct mr_fmt *out, const char *path);

#endif
