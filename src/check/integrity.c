/* integrity.c: is the whole heap as it should be? For who asks in the middle of a run.
 *
 * The other threads are stopped as they go. What looks wrong then may be a change under way: it is believed when it is
 * still wrong after they ran on for a while, twice. */
#include "check.h"
#include "os.h"

enum { PATIENCE_MS = 500, LOOKS = 3, PAUSE_MS = 2 };

static _Atomic bool asking;
static char text[256];

/* False: the heap could not be looked at, and *wrong says why. */
static bool look(const char **wrong, const void **at, bool *alone)
{
    struct mr_world world;
    *at = NULL;
    *wrong = "unknown: the heap was in the middle of a change";
    if (!mr_heap_freeze(PATIENCE_MS))
        return false;
    bool stopped = mr_world_stop(&world, PATIENCE_MS);
    if (stopped) {
        *alone = world.count == 0;
        *wrong = mr_heap_check_still(at);
        mr_world_resume(&world);
    } else {
        *wrong = "unknown: another thread is checking for leaks";
    }
    mr_heap_thaw();
    return stopped;
}

static const char *put(const char *wrong, const void *at)
{
    struct mr_fmt f = mr_fmt_to_buffer(text, sizeof text);
    mr_fmt_print(&f, at ? "%s, at 0x%lx" : "%s", wrong, (uintptr_t)at);
    return mr_fmt_end_string(&f);
}

static void wait_a_little(void)
{
    for (uint64_t until = mr_clock_ns() + PAUSE_MS * 1000000; mr_clock_ns() < until;)
        mr_thread_yield();
}

const char *mr_integrity_check(void)
{
    const char *wrong = NULL;
    const void *at;
    bool alone = false;
    if (mr_heap_where() == MR_ROUTE_UNKNOWN || mr_heap_where() == MR_ROUTE_NOWHERE)
        return NULL;
    if (atomic_exchange(&asking, true))
        return "unknown: another thread is asking";
    for (int i = 0; i < LOOKS && !alone; i++) {
        if (i)
            wait_a_little();
        if (!look(&wrong, &at, &alone) || !wrong)
            break;
    }
    const char *answer = wrong ? put(wrong, at) : NULL;
    atomic_store(&asking, false);
    return answer;
}
