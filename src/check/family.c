/* family.c: which functions belong together. */
#include "zone.h"

static const struct {
    const char *takes, *gives;
} names[MR_FAMILY_COUNT] = {
    [MR_FAMILY_MALLOC] = { "malloc or its like", "free" },
    [MR_FAMILY_NEW] = { "operator new", "operator delete" },
    [MR_FAMILY_NEW_ARRAY] = { "operator new[]", "operator delete[]" },
    [MR_FAMILY_NEW_ALIGNED] = { "operator new with an alignment", "operator delete with an alignment" },
    [MR_FAMILY_NEW_ARRAY_ALIGNED] = { "operator new[] with an alignment", "operator delete[] with an alignment" },
};

void mr_family_verify(const struct mr_zone *zone, enum mr_family wanted, const char *call, const struct mr_unwind_start *from)
{
    if (!mr_zone_is_checked(MR_CHECK_FAMILY) || zone->family == wanted || zone->family == MR_FAMILY_COUNT)
        return;
    struct mr_finding finding = mr_checked_finding(MR_FINDING_MISMATCHED_FREE, zone, call, from);
    mr_findings_tell(&finding, "it comes from %s and is given to %s", names[zone->family].takes, call);
}

static void tell_size(const struct mr_zone *zone, const struct mr_family_promise *promise, const struct mr_unwind_start *from)
{
    const char *call = names[promise->family].gives;
    struct mr_finding finding = mr_checked_finding(MR_FINDING_WRONG_SIZE, zone, call, from);
    mr_findings_tell(&finding, "%s was told of %lu", call, promise->size);
}

static void tell_alignment(const struct mr_zone *zone, const struct mr_family_promise *promise,
                           const struct mr_unwind_start *from)
{
    const char *call = names[promise->family].gives;
    struct mr_finding finding = mr_checked_finding(MR_FINDING_WRONG_ALIGNMENT, zone, call, from);
    mr_findings_tell(&finding, "%s was told of %lu, the block was asked for with %lu", call, promise->align,
                     (size_t)(zone->user - zone->block));
}

/* An alignment up to 16 leaves no trace in a block. */
static bool is_aligned_so(const struct mr_zone *zone, size_t align)
{
    return mr_max(align, 16) == (size_t)(zone->user - zone->block);
}

void mr_family_give(void *p, const struct mr_family_promise *promise, const struct mr_unwind_start *from)
{
    struct mr_zone zone;
    if (!mr_zone_is_checked(MR_CHECK_FAMILY) || !p || !mr_canary_find(p, &zone) || zone.label == MR_ZONE_HIDDEN)
        return;
    mr_family_verify(&zone, promise->family, names[promise->family].gives, from);
    if (promise->size != MR_SIZE_UNKNOWN && promise->size != zone.size)
        tell_size(&zone, promise, from);
    if (promise->align && !is_aligned_so(&zone, promise->align))
        tell_alignment(&zone, promise, from);
    mr_canary_set_family(&zone, promise->becomes);
}

void mr_family_take(void *p, enum mr_family was, enum mr_family family)
{
    struct mr_zone zone;
    if (p && mr_check_has_zones() && mr_canary_find(p, &zone) && zone.family == was)
        mr_canary_set_family(&zone, family);
}
