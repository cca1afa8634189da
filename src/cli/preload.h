/* preload.h: libmemoir.so before all else in the programs that are started from here. */
#ifndef MR_CLI_PRELOAD_H
#define MR_CLI_PRELOAD_H

/* Finds the library (`wanted`, or NULL: the one that belongs to memoir); path receives PATH_MAX bytes. Returns 0, or the exit
 * code after one line. */
int mr_preload_find(const char *wanted, char *path);

/* Puts the library (`wanted`, or NULL: the one that belongs to memoir) in front of what LD_PRELOAD already names.
 * Returns 0, or the exit code after one line. */
int mr_preload_set(const char *wanted);

#endif
