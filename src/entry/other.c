#include "entry.h"

#include <dlfcn.h>

#include "os.h"

static struct mr_other other;
static _Atomic int other_state; /* 0 not looked up, 1 looked up */

static struct mr_other look_up(void *where)
{
    struct mr_other found;
    *(void **)&found.malloc = dlsym(where, "malloc");
    *(void **)&found.free = dlsym(where, "free");
    *(void **)&found.realloc = dlsym(where, "realloc");
    *(void **)&found.memalign = dlsym(where, "memalign");
    *(void **)&found.usable_size = dlsym(where, "malloc_usable_size");
    return found;
}

bool mr_other_rules(void)
{
    static _Atomic int rules; /* 0 unknown, 1 no, 2 yes */
    int known = atomic_load_explicit(&rules, memory_order_relaxed);
    if (MR_UNLIKELY(known == 0)) {
        known = mr_module_is_preceded("malloc") ? 2 : 1;
        atomic_store_explicit(&rules, known, memory_order_relaxed);
    }
    return known == 2;
}

/* Who rules comes first in the global order, unless that order begins with ourselves: this library was
 * opened late and with RTLD_DEEPBIND. */
static struct mr_other find_other(void)
{
    struct mr_other first = { 0 };
    if (mr_other_rules())
        first = look_up(RTLD_DEFAULT);
    return first.malloc && first.malloc != mr_entry_malloc ? first : look_up(RTLD_NEXT);
}

/* Two threads may look up at once: both find the same. */
const struct mr_other *mr_other_heap(void)
{
    if (atomic_load_explicit(&other_state, memory_order_acquire) == 0) {
        other = find_other();
        atomic_store_explicit(&other_state, 1, memory_order_release);
    }
    return &other;
}
