/* source.h: the program's own source files, for reports that show lines of them. */
#ifndef MR_CLI_SOURCE_H
#define MR_CLI_SOURCE_H

#include "report.h"

/* The last file read. All zero has read none. */
struct mr_source {
    char *text;
};

/* What mr_report.source asks for; ctx is a struct mr_source. Only files with an absolute name, of at most 8 MiB. */
const char *mr_source_read(void *ctx, const char *path, size_t *len);
void mr_source_free(struct mr_source *source);

#endif
