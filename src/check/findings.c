/* findings.c: one sentence per finding. */
#include "check.h"

#include <stdlib.h>

#include "os.h"

static const char *const acts[] = {
    [MR_ACT_FREE] = "free",
    [MR_ACT_REALLOC] = "realloc",
    [MR_ACT_USABLE_SIZE] = "malloc_usable_size",
};

_Noreturn MR_COLD void mr_findings_bad_pointer(enum mr_act act, const void *p)
{
    char text[256];
    struct mr_fmt f = mr_fmt_to_buffer(text, sizeof text);
    mr_fmt_print(&f, "memoir: %s(%p) in process %ld: no block in use starts there (freed twice, or not from malloc)\n",
                 acts[act], (void *)(uintptr_t)p, (long)mr_process_id());
    mr_file_write(2, text, f.len);
    abort();
}
