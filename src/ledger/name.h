/* name.h: what a ledger's file is called. Internal to ledger/. */
#ifndef MR_LEDGER_NAME_H
#define MR_LEDGER_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* Keeps the path as asked for, with its fields, absolute: a program may change its directory before it forks. */
void mr_name_keep(const char *given);

/* Makes a new file of that many bytes under the name that comes of it for this process, or the name and a number:
 * its descriptor, or -1 and why. A fork child's name is not its parent's. */
int mr_name_create(size_t bytes, bool forked, const char **why);

/* The name of the file that was made last. */
const char *mr_name_path(void);

#endif
