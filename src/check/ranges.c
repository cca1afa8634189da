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

static MR_NOINLINE void check_closely(const char *call, const char *does, const void *p, size_t n,
                                      const struct mr_unwind_start *from)
{
    struct mr_zone zone;
    const char *at = p;
    if (!mr_canary_around(p, &zone))
        return;
    if (zone.label == MR_ZONE_HIDDEN) {
        tell_freed(call, does, p, n, from);
    } else if (at < zone.user || n > zone.size || (size_t)(at - zone.user) > zone.size - n) {
        struct mr_finding finding = mr_checked_finding(MR_FINDING_OUT_OF_RANGE, &zone, call, from);
        mr_findings_tell(&finding, "%s %s %lu %s from byte %ld on", call, does, n, bytes_of(n), (long)(at - zone.user));
    }
}

/* Nothing there is ours, or it is a usual block in use and all lies inside. */
MR_INLINE bool is_fine(const void *p, size_t n)
{
    struct mr_tag_spot spot;
    if (MR_UNLIKELY(!mr_tag_around(p, &spot)))
        return mr_lookup_slice(p) == NULL;
    struct mr_tag tag = mr_tag_read(*spot.tag, spot.usable);
    size_t offset = (size_t)((const char *)p - spot.block) - (1 << MR_ZONE_SHIFT_LEAST);
    return n <= tag.size && offset <= tag.size - n && tag.label < MR_ZONE_MOVING && mr_zone_is_usual(spot.block, tag.size);
}

MR_INLINE void check(const char *call, const char *does, const void *p, size_t n, const struct mr_unwind_start *from)
{
    if (n != 0 && MR_UNLIKELY(!is_fine(p, n)))
        check_closely(call, does, p, n, from);
}

void mr_ranges_write(const char *call, const void *p, size_t n, const struct mr_unwind_start *from)
{
    check(call, "writes", p, n, from);
}

void mr_ranges_read(const char *call, const void *p, size_t n, const struct mr_unwind_start *from)
{
    check(call, "reads", p, n, from);
}

static MR_NOINLINE void tell_overlap(const char *call, uintptr_t to, uintptr_t p, size_t n, const struct mr_unwind_start *from)
{
    struct mr_finding finding = { .kind = MR_FINDING_OVERLAP, .call = call, .from = from, .address = to,
                                  .size = MR_SIZE_UNKNOWN };
    mr_findings_tell(&finding, "%s of %lu %s from 0x%lx", call, n, bytes_of(n), p);
}

/* Copying a thing onto itself does no harm, and compilers do it. */
void mr_ranges_apart(const char *call, const void *to, const void *p, size_t n, const struct mr_unwind_start *from)
{
    uintptr_t a = (uintptr_t)to, b = (uintptr_t)p;
    if (MR_UNLIKELY(a != b && (a - b < n || b - a < n)))
        tell_overlap(call, a, b, n, from);
}
