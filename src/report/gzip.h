/* gzip.h: the only file that uses zlib. CLI only. */
#ifndef MR_REPORT_GZIP_H
#define MR_REPORT_GZIP_H

#include "base.h"

/* Writes the bytes as one gzip file (RFC 1952), without a name or a time in it: the same bytes give the same
 * file. */
void mr_gzip_write(struct mr_fmt *out, const void *bytes, size_t len);

#endif
