/* bury.c: checked blocks that the program has freed: hidden, filled, put into quarantine; what leaves that is verified and
 * goes to the heap. */
#include "zone.h"

#include "os.h"

static void release(const struct mr_zone *zone)
{
    struct mr_tag ignored;
    struct mr_heap *heap = mr_heap_enter();
    if (!heap || !zone->tag || MR_UNLIKELY(!mr_heap_try_free_in(heap, zone->block, &ignored)))
        mr_heap_free_in(heap, zone->block);
    if (heap)
        mr_heaps_leave(heap);
}

static void tell_changed(const struct mr_gone *gone, size_t bad)
{
    const struct mr_zone *zone = &gone->zone;
    struct mr_finding finding = mr_checked_gone_finding(MR_FINDING_WRITE_AFTER_FREE, gone, NULL, NULL);
    unsigned char byte = (unsigned char)zone->user[bad];
    mr_fill_set(zone->user, zone->size, MR_FILL_FREED);
    mr_findings_tell(&finding, "byte %lu is 0x%02x now", bad, byte);
}

void mr_bury_verify(const struct mr_gone *gone)
{
    const struct mr_zone *zone = &gone->zone;
    size_t bad = mr_zone_is_checked(MR_CHECK_FILL) ? mr_fill_difference(zone->user, zone->size, MR_FILL_FREED) : zone->size;
    if (MR_UNLIKELY(bad < zone->size)) {
        tell_changed(gone, bad);
    } else if (MR_UNLIKELY(mr_zone_is_checked(MR_CHECK_CANARY) && !mr_canary_is_whole(zone))) {
        struct mr_finding finding = mr_checked_gone_finding(MR_FINDING_WRITE_AFTER_FREE, gone, NULL, NULL);
        mr_findings_tell(&finding, "beside its %lu bytes", zone->size);
    }
}

/* Returns the stack of the free. */
static uint32_t hide(const struct mr_zone *zone, const struct mr_unwind_start *from)
{
    struct mr_heap *heap = mr_heap_enter();
    struct mr_tag tag = { .label = zone->label, .size = zone->size };
    mr_zone_set_label(zone, MR_ZONE_HIDDEN);
    mr_watch_unbook(heap, &tag, zone->user);
    uint32_t stack = mr_watch_stack_in(heap, from);
    if (heap)
        mr_heaps_leave(heap);
    return stack;
}

void mr_bury_block(const struct mr_zone *zone, const struct mr_unwind_start *from)
{
    struct mr_gone gone = { .zone = *zone, .free_stack = hide(zone, from), .freed_ms = mr_clock_ms() }, old;
    if (mr_zone_is_checked(MR_CHECK_FILL))
        mr_fill_set(zone->user, zone->size, MR_FILL_FREED);
    struct mr_quarantine_passed passed = mr_quarantine_pass(&gone, &old);
    if (!passed.in)
        release(zone);
    for (bool out = passed.out; out; out = mr_quarantine_take_excess(&old)) {
        mr_bury_verify(&old);
        release(&old.zone);
    }
}
