/* output.h: the file --output names, there as a whole or not at all: what reads it at any moment (a collector of
 * metrics, a page that is reloaded) finds the report before or the report after. */
#ifndef MR_CLI_OUTPUT_H
#define MR_CLI_OUTPUT_H

#include "base.h"

#include <limits.h>

struct mr_output {
    int fd;
    const char *path;
    char scratch[PATH_MAX]; /* what is written to and then renamed; "": the file itself, which is a device or a pipe */
};

/* False after one line. */
bool mr_output_open(struct mr_output *output, const char *path);

/* Puts the file in its place if it is good, else takes away what was written. False with errno. */
bool mr_output_close(struct mr_output *output, bool good);

/* Writes what `content` puts into its mr_fmt to the file, or where path is NULL to the descriptor `to`. False after one
 * line. A reader that has gone (memoir report ... | head) is no failure. */
typedef void mr_output_content(void *ctx, struct mr_fmt *out);
bool mr_output_write(const char *path, int to, mr_output_content *content, void *ctx);

#endif
