/* limits.c: the calls whose outcome depends on how much address space the process has set aside.
 *
 * A terabyte that is only reserved costs nothing, but it counts: a program that limits its own
 * address space would find itself far over the limit, and one that locks all its memory over what
 * it may lock. The reservation is given up first, where the number matters; the heap then grows
 * by smaller regions. */
#include "entry.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static int prlimit_past_libc(pid_t pid, int resource, const void *new_limit, void *old_limit)
{
    return (int)syscall(SYS_prlimit64, pid, resource, new_limit, old_limit);
}

/* rlimit and rlimit64 are one on the 64-bit systems this runs on. */
static void before_limit(pid_t pid, int resource, const struct rlimit *new_limit)
{
    if (resource == RLIMIT_AS && new_limit && new_limit->rlim_cur != RLIM_INFINITY && (pid == 0 || pid == getpid()))
        mr_heap_unreserve();
}

static int limit(pid_t pid, int resource, const struct rlimit *new_limit, struct rlimit *old_limit)
{
    before_limit(pid, resource, new_limit);
    return prlimit_past_libc(pid, resource, new_limit, old_limit);
}

MR_EXPORT int setrlimit(__rlimit_resource_t resource, const struct rlimit *new_limit)
{
    return limit(0, (int)resource, new_limit, NULL);
}

MR_EXPORT int prlimit(pid_t pid, enum __rlimit_resource resource, const struct rlimit *new_limit, struct rlimit *old_limit)
{
    return limit(pid, (int)resource, new_limit, old_limit);
}

int setrlimit64(__rlimit_resource_t resource, const struct rlimit64 *new_limit)
    __attribute__((alias("setrlimit"), visibility("default")));
int prlimit64(pid_t pid, enum __rlimit_resource resource, const struct rlimit64 *new_limit, struct rlimit64 *old_limit)
    __attribute__((alias("prlimit"), visibility("default")));

MR_EXPORT int mlockall(int flags)
{
    struct rlimit lock;
    if (prlimit_past_libc(0, RLIMIT_MEMLOCK, NULL, &lock) == 0 && lock.rlim_cur != RLIM_INFINITY)
        mr_heap_unreserve();
    return (int)syscall(SYS_mlockall, flags);
}
