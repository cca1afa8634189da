/* ranges.c: whether what a function reads or writes lies inside a block. Blocks are known by any address in them, where
 * the strategy can tell; what begins outside all blocks is not looked at. */
#include "zone.h"

static const char *bytes_of(size_t n) { return n == 1 ? "byte" : "bytes"; }

static void tell_freed(const char *call, const char *does, const void *p, size_t n, const struct mr_unwind_start *from)
{
    struct mr_gone gone;
    if (!mr_quarantine_find(p, &gone))
        return;
    struct mr_finding finding = mr_checked_gone_finding(MR_FINDING_USE_AFTER_FREE, &gone, call, from);
    mr_findings_tell(&finding, "%s %s %lu %s from byte %ld on", call, does, n, bytes_of(n),
                     (long)((const char *)p - gone.zone.user));
}

static void check(const char *call, const char *does, const void *p, size_t n, const struct mr_unwind_start *from)
{
    struct mr_zone zone;
    const char *at = p;
    if (n == 0 || !mr_checked_around(p, &zone))
        return;
    if (zone.label == MR_ZONE_HIDDEN) {
        tell_freed(call, does, p, n, from);
    } else if (at < zone.user || n > zone.size || (size_t)(at - zone.user) > zone.size - n) {
        struct mr_finding finding = mr_checked_finding(MR_FINDING_OUT_OF_RANGE, &zone, call, from);
        mr_findings_tell(&finding, "%s %s %lu %s from byte %ld on", call, does, n, bytes_of(n), (long)(at - zone.user));
    }
}

void mr_ranges_write(const char *call, const void *p, size_t n, const struct mr_unwind_start *from)
{
    check(call, "writes", p, n, from);
}

void mr_ranges_read(const char *call, const void *p, size_t n, const struct mr_unwind_start *from)
{
    check(call, "reads", p, n, from);
}

/* Copying a thing onto itself does no harm, and compilers do it. */
void mr_ranges_apart(const char *call, const void *to, const void *p, size_t n, const struct mr_unwind_start *from)
{
    uintptr_t a = (uintptr_t)to, b = (uintptr_t)p;
    struct mr_finding finding = { .kind = MR_FINDING_OVERLAP, .call = call, .from = from, .address = a,
                                  .size = MR_SIZE_UNKNOWN };
    if (a != b && (a - b < n || b - a < n))
        mr_findings_tell(&finding, "%s of %lu %s from 0x%lx", call, n, bytes_of(n), b);
}
