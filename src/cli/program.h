/* program.h: what can be known of an executable file before it runs. */
#ifndef MR_CLI_PROGRAM_H
#define MR_CLI_PROGRAM_H

#include "base.h"

/* Finds the file execvp would run for this name. False when there is none; path receives PATH_MAX bytes. */
bool mr_program_find(const char *name, char *path);

/* Why the loader will not preload a library into the file ("is statically linked"), or NULL when
 * nothing speaks against it. Of a script, its interpreter is looked at. */
const char *mr_program_obstacle(const char *path);

#endif
