/* api.c: include/memoir.h. */
#define MEMOIR_API MR_EXPORT
#include "entry.h"

#include <memoir.h>

MR_EXPORT const char *memoir_version(void) { return MR_VERSION; }

MR_EXPORT void memoir_report(void)
{
    mr_tell_prepare();
    mr_tell_report(MR_EXIT_RUNNING, 0);
}

MR_EXPORT const char *memoir_check(void)
{
    mr_heap_boot();
    return mr_integrity_check();
}
