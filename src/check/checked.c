/* checked.c: the malloc family while blocks are checked (MEMOIR_CHECK).
 *
 *   taken   the heap's block is hidden, sealed, filled, then shown
 *   freed   verified, hidden, filled, then put into quarantine; what leaves that is verified again and goes to the heap
 *
 * Hidden is what the tag says (zone.h), so who walks the heap meanwhile looks at whole blocks only. */
#include <string.h>

#include "zone.h"

#include "os.h"

/* ---- findings ------------------------------------------------------------------------------------------------ */

static uint32_t stack_of(uint32_t label)
{
    const struct mr_ledger_site *sites = mr_writer_header ? mr_writer_entries(MR_SECTION_SITES) : NULL;
    return sites && label && label < mr_writer_count(MR_SECTION_SITES) ? sites[label].stack : 0;
}

struct mr_finding mr_checked_finding(enum mr_finding_kind kind, const struct mr_zone *zone, const char *call,
                                     const struct mr_unwind_start *from)
{
    return (struct mr_finding){ .kind = kind, .call = call, .from = from, .address = (uintptr_t)zone->user,
                                .size = zone->size, .allocation_stack = stack_of(zone->label) };
}

struct mr_finding mr_checked_gone_finding(enum mr_finding_kind kind, const struct mr_gone *gone, const char *call,
                                          const struct mr_unwind_start *from)
{
    struct mr_finding finding = mr_checked_finding(kind, &gone->zone, call, from);
    finding.free_stack = gone->free_stack;
    return finding;
}

static void tell_gone(const struct mr_gone *gone, const char *call, const void *p, const struct mr_unwind_start *from)
{
    bool start = p == gone->zone.user;
    enum mr_finding_kind kind = start ? mr_findings_again(call) : mr_findings_bad(call);
    struct mr_finding finding = mr_checked_gone_finding(kind, gone, call, from);
    uint64_t ms = mr_clock_ms() - gone->freed_ms;
    if (start)
        mr_findings_tell(&finding, "%s: the block was freed before, %lu ms ago", call, ms);
    else
        mr_findings_tell(&finding, "%s: the pointer 0x%lx is none to its start, and it was freed %lu ms ago", call,
                         (uintptr_t)p, ms);
}

static void tell_inside(const struct mr_zone *zone, const char *call, const void *p, const struct mr_unwind_start *from)
{
    struct mr_finding finding = mr_checked_finding(mr_findings_bad(call), zone, call, from);
    finding.address = (uintptr_t)p;
    finding.size = MR_SIZE_UNKNOWN;
    mr_findings_tell(&finding, "%s: the pointer leads to byte %ld of the %lu at 0x%lx", call,
                     (long)((const char *)p - zone->user), zone->size, (uintptr_t)zone->user);
}

bool mr_checked_bad_pointer(const char *call, const void *p, const struct mr_unwind_start *from)
{
    struct mr_gone gone;
    struct mr_zone zone;
    if (mr_quarantine_find(p, &gone))
        tell_gone(&gone, call, p, from);
    else if (mr_canary_around(p, &zone))
        tell_inside(&zone, call, p, from);
    else
        return false;
    return true;
}

/* ---- taking ------------------------------------------------------------------------------------------------------ */

/* What was written to the block comes before its label. ThreadSanitizer does not know fences. */
static void publish(void)
{
#if MR_TSAN
    atomic_signal_fence(memory_order_release);
#else
    atomic_thread_fence(memory_order_release);
#endif
}

/* A block the heap could not tag is of its emergency ones, and goes out as it is. */
static void *seal(char *block, size_t size, size_t align, uint32_t site)
{
    size_t usable = mr_tag_set(block, MR_ZONE_HIDDEN, size);
    if (MR_UNLIKELY(usable == 0))
        return block;
    char *user = mr_canary_seal(block, usable, size, align, MR_FAMILY_MALLOC);
    publish();
    mr_tag_set(block, site, size);
    return user;
}

static void *take_in(struct mr_heap *heap, size_t size, size_t align, bool *zero, uint32_t site)
{
    struct mr_tag_spot spot;
    size_t total = mr_canary_total(size, align);
    if (MR_LIKELY(align <= 16 && mr_heap_try_take_at(heap, total, MR_ZONE_HIDDEN, &spot))) {
        char *user = mr_canary_seal(spot.block, spot.usable, size, 16, MR_FAMILY_MALLOC);
        publish();
        *spot.tag = mr_tag_make(site, spot.usable - size);
        __builtin_prefetch(heap->behind[mr_sizeclass_of(total)]->free); /* it has left the caches in quarantine */
        return user;
    }
    char *block = total == SIZE_MAX ? NULL : mr_heap_take_in(heap, total, align, zero, MR_ZONE_HIDDEN);
    return block ? seal(block, size, align, site) : NULL;
}

void *mr_checked_take(const struct mr_unwind_start *from, size_t size, size_t align, bool *zero)
{
    struct mr_heap *heap = mr_heap_enter();
    if (!heap)
        return mr_heap_take_in(NULL, size, align, zero, 0);
    uint32_t site = mr_watch_site(heap, from);
    void *p = take_in(heap, size, align, zero, site);
    if (p)
        mr_watch_book(heap, site, size, p);
    mr_heaps_leave(heap);
    return p;
}

/* ---- giving back ---------------------------------------------------------------------------------------------------- */

static void give(const struct mr_unwind_start *from, const struct mr_zone *zone, const char *call)
{
    if (mr_zone_is_checked(MR_CHECK_CANARY))
        mr_canary_verify(zone, call, from);
    mr_family_verify(zone, MR_FAMILY_MALLOC, call, from);
    mr_bury_block(zone, from);
}

/* What is no checked block in use: one of the emergency ones, another heap's, or wrong. The heap itself would take the start
 * of its block for one. */
static enum mr_freed give_other(void *p)
{
    struct mr_tag tag;
    return mr_tag_get(p, &tag) ? MR_NOT_A_BLOCK : mr_heap_free_rest(p);
}

enum mr_freed mr_checked_free(const struct mr_unwind_start *from, void *p)
{
    struct mr_zone zone;
    if (!p)
        return MR_FREED;
    if (!mr_canary_find(p, &zone))
        return give_other(p);
    if (zone.label == MR_ZONE_HIDDEN)
        return MR_NOT_A_BLOCK;
    give(from, &zone, "free");
    return MR_FREED;
}

/* ---- sizes and resizing ------------------------------------------------------------------------------------------------ */

size_t mr_checked_usable(const void *p, enum mr_freed *known)
{
    struct mr_zone zone;
    struct mr_tag tag;
    if (mr_guarded_holds(p))
        return mr_heap_usable(p, known);
    if (mr_canary_find(p, &zone)) {
        *known = zone.label == MR_ZONE_HIDDEN ? MR_NOT_A_BLOCK : MR_FREED;
        return *known == MR_FREED ? zone.size : 0;
    }
    if (mr_tag_get(p, &tag)) {
        *known = MR_NOT_A_BLOCK;
        return 0;
    }
    size_t usable = mr_heap_usable(p, known);
    return *known == MR_FREED ? usable : 0;
}

static void fill_more(char *user, size_t before, size_t size)
{
    if (mr_zone_is_checked(MR_CHECK_FILL) && size > before)
        mr_fill_set(user + before, size - before, MR_FILL_NEW);
}

/* Where the heap lets the block grow or shrink without another. NULL: it does not. */
static char *resize_in(struct mr_heap *heap, const struct mr_zone *zone, size_t size, uint32_t site)
{
    size_t front = (size_t)(zone->user - zone->block), total = mr_canary_total(size, front);
    struct mr_tag tag = { .label = zone->label, .size = zone->size };
    char *block = total == SIZE_MAX ? NULL : mr_heap_resize_in(heap, zone->block, total);
    if (!block)
        return NULL;
    mr_watch_unbook(heap, &tag, zone->user);
    char *user = mr_canary_seal(block, mr_tag_set(block, MR_ZONE_MOVING, size), size, front, MR_FAMILY_MALLOC);
    publish();
    mr_tag_set(block, site, size);
    mr_watch_book(heap, site, size, user);
    return user;
}

static char *resize(const struct mr_unwind_start *from, const struct mr_zone *zone, size_t size)
{
    struct mr_heap *heap = mr_heap_enter();
    if (!heap)
        return NULL;
    char *user = resize_in(heap, zone, size, mr_watch_site(heap, from));
    mr_heaps_leave(heap);
    if (user)
        fill_more(user, zone->size, size);
    return user;
}

/* zone: NULL for one of the emergency blocks. */
static void *resize_by_copying(const struct mr_unwind_start *from, void *p, size_t usable, const struct mr_zone *zone,
                               size_t size)
{
    bool zero = false;
    char *q = mr_checked_take(from, size, 16, &zero);
    if (!q)
        return NULL;
    memcpy(q, p, mr_min(usable, size));
    fill_more(q, usable, size);
    if (zone)
        mr_bury_block(zone, from);
    else
        mr_heap_free_rest(p);
    return q;
}

static void *resize_other(const struct mr_unwind_start *from, void *p, size_t size, enum mr_freed *freed)
{
    size_t usable = mr_checked_usable(p, freed);
    if (*freed != MR_FREED)
        return NULL;
    mr_findings_size(size, from);
    return mr_heap_is_hopeless(size) ? NULL : resize_by_copying(from, p, usable, NULL, size);
}

void *mr_checked_realloc(const struct mr_unwind_start *from, void *p, size_t size, enum mr_freed *freed)
{
    struct mr_zone zone;
    if (MR_UNLIKELY(!mr_canary_find(p, &zone) || zone.label == MR_ZONE_HIDDEN))
        return resize_other(from, p, size, freed);
    *freed = MR_FREED;
    mr_findings_size(size, from);
    if (mr_heap_is_hopeless(size))
        return NULL;
    if (mr_zone_is_checked(MR_CHECK_CANARY))
        mr_canary_verify(&zone, "realloc", from);
    mr_family_verify(&zone, MR_FAMILY_MALLOC, "realloc", from);
    char *q = resize(from, &zone, size);
    return q ? q : resize_by_copying(from, p, zone.size, &zone, size);
}

/* ---- all of it ------------------------------------------------------------------------------------------------------------ */

enum { BAD_MOST = 64 };

struct round {
    uintptr_t bad[BAD_MOST];
    size_t count;
};

/* The classic strategies' blocks have a tag before they have a label; it says that all of the block was asked for, which
 * is never so once the block is sealed. */
static bool is_hidden(const struct mr_tag *tag) { return tag->label == MR_ZONE_HIDDEN || tag->size == tag->usable; }

static bool is_unsettled(const struct mr_tag *tag) { return is_hidden(tag) || tag->label == MR_ZONE_MOVING; }

static bool look_at(void *ctx, const void *block, size_t size)
{
    struct round *round = ctx;
    struct mr_tag tag;
    struct mr_zone zone;
    (void)size;
    if (mr_guarded_holds(block) || !mr_tag_get(block, &tag) || is_unsettled(&tag))
        return true;
    mr_canary_open((char *)(uintptr_t)block, &tag, &zone);
    if (!mr_canary_is_whole(&zone))
        round->bad[round->count++] = (uintptr_t)block;
    return round->count < BAD_MOST;
}

static void verify_again(uintptr_t block, const char *call)
{
    struct mr_tag tag;
    struct mr_zone zone;
    if (!mr_tag_get((void *)block, &tag) || is_unsettled(&tag))
        return;
    mr_canary_open((char *)block, &tag, &zone);
    mr_canary_verify(&zone, call, NULL);
}

static void visit_gone(void *ctx, const struct mr_gone *gone)
{
    (void)ctx;
    mr_bury_verify(gone);
}

/* A finding may not be told while the heap is walked. */
void mr_checked_verify(const char *call, unsigned patience_ms)
{
    struct round round = { .count = 0 };
    if (!mr_check_has_zones())
        return;
    if (mr_zone_is_checked(MR_CHECK_CANARY))
        mr_heap_walk(look_at, &round, patience_ms);
    for (size_t i = 0; i < round.count; i++)
        verify_again(round.bad[i], call);
    mr_quarantine_each(visit_gone, NULL, true);
}

/* ---- for reports ------------------------------------------------------------------------------------------------------------- */

static size_t row_of(const struct mr_heap_stats *stats, size_t usable)
{
    size_t row = usable <= MR_SLAB_MAX ? mr_sizeclass_of(usable) : MR_CLASS_COUNT;
    while (row + 1 < MR_ROW_COUNT && stats->rows[row].size < usable)
        row++;
    return row;
}

static void count_gone(void *ctx, const struct mr_gone *gone)
{
    struct mr_heap_stats *stats = ctx;
    struct mr_row *row = &stats->rows[row_of(stats, gone->zone.usable)];
    row->frees++;
    row->in_use_bytes -= gone->zone.usable;
    stats->totals.frees++;
    stats->totals.freed_bytes += gone->zone.usable;
    stats->totals.in_use_blocks--;
    stats->totals.in_use_bytes -= gone->zone.usable;
}

void mr_checked_settle(struct mr_heap_stats *stats)
{
    if (mr_check_has_zones())
        mr_quarantine_each(count_gone, stats, false);
}

bool mr_checked_user(uintptr_t *start, size_t *size)
{
    struct mr_tag tag;
    struct mr_zone zone;
    if (!mr_check_has_zones() || mr_guarded_holds((void *)*start) || !mr_tag_get((void *)*start, &tag))
        return true;
    if (is_hidden(&tag))
        return false;
    mr_canary_open((char *)*start, &tag, &zone);
    *start = (uintptr_t)zone.user;
    *size = zone.size;
    return true;
}

bool mr_checked_tag(const void *p, struct mr_tag *tag)
{
    struct mr_zone zone;
    if (!mr_check_has_zones())
        return mr_tag_get(p, tag);
    if (!mr_canary_find(p, &zone) || zone.label == MR_ZONE_HIDDEN)
        return false;
    *tag = (struct mr_tag){ zone.label, zone.size, zone.usable };
    return true;
}
