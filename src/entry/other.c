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

/* Two threads may look up at once: both find the same. */
const struct mr_other *mr_other_heap(void)
{
    if (atomic_load_explicit(&other_state, memory_order_acquire) == 0) {
        other = look_up(mr_other_rules() ? RTLD_DEFAULT : RTLD_NEXT);
        atomic_store_explicit(&other_state, 1, memory_order_release);
    }
    return &other;
}
