/* unload.c: dlclose, watched: addresses of an object that is gone may soon mean another. */
#include "entry.h"

#include <dlfcn.h>

#include "conf.h"
#include "track.h"

MR_EXPORT int dlclose(void *handle)
{
    static int (*_Atomic next)(void *);
    int (*real)(void *) = next;
    if (!real) {
        *(void **)&real = dlsym(RTLD_NEXT, "dlclose");
        next = real;
    }
    int failed = real ? real(handle) : -1;
    if (mr_conf.trace != MR_TRACE_OFF && !failed)
        mr_track_modules_changed();
    return failed;
}
