/* fail.h: requests that fail because the user said so (MEMOIR_FAIL). */
#ifndef MR_CHECK_FAIL_H
#define MR_CHECK_FAIL_H

#include "conf.h"
#include "track.h"

bool mr_fail_decide(const struct mr_unwind_start *from, size_t size);

/* Whether this request is to fail. Each is asked about once. */
MR_INLINE bool mr_fail_now(const struct mr_unwind_start *from, size_t size)
{
    return MR_UNLIKELY(*mr_conf.fail != '\0') && mr_fail_decide(from, size);
}

/* fail_names.c: whether the frame is of an object or a function whose name is like the pattern. Reads the object's
 * symbol table from its file: slow. */
bool mr_fail_names_fit(const char *pattern, uint32_t frame);

#endif
