/* clock.c: the fine clock, for measuring what memoir itself costs. */
#include "os.h"

#include <errno.h>
#include <time.h>

uint64_t mr_clock_ns(void)
{
    struct timespec t = { 0 };
    int saved = errno;
    clock_gettime(CLOCK_MONOTONIC, &t);
    errno = saved;
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
