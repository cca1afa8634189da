/* memoir.h: talking to the heap of this process when it runs on memoir.
 *
 * Declare nothing else, link nothing: the functions are weak here. Under LD_PRELOAD=libmemoir.so
 * they are there; otherwise their addresses are NULL:
 *
 *     if (memoir_report)
 *         memoir_report();
 */
#ifndef MEMOIR_H
#define MEMOIR_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef MEMOIR_API
#define MEMOIR_API __attribute__((weak))
#endif

/* The version of the library in force, "major.minor.patch". A constant string, never freed.
 * Thread-safe, async-signal-safe, O(1). */
MEMOIR_API const char *memoir_version(void);

/* Writes the report of this moment to where MEMOIR_OUTPUT says (standard error when it says
 * nothing), with the parts the environment asked for, or all of them when it asked for none. The
 * program goes on. Thread-safe, async-signal-safe; a second call while one is being written does
 * nothing. Cost: a walk over the slabs; with MEMOIR_LEAKS=full over all blocks. */
MEMOIR_API void memoir_report(void);

/* Tests the invariants of the whole heap. Returns NULL when all hold, else what is wrong in words (a
 * constant string). Other threads must not allocate meanwhile. O(heap). */
MEMOIR_API const char *memoir_check(void);

#ifdef __cplusplus
}
#endif

#endif
