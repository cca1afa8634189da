/* quarantine.c: freed blocks wait here, filled with a pattern, before the heap may hand them out again.
 *
 * A ring of copies of what is known about them; what they hold themselves is not believed.
 *
 *   entries [first, first + count) mod capacity, a power of two, oldest first
 *   held = sum of their usable bytes <= MEMOIR_QUARANTINE
 *
 * Nothing but the ring is done under the lock: who takes an entry out frees the block. */
#include "zone.h"

#include "os.h"

/* One entry for so many bytes of the budget: smaller blocks leave sooner, while the processor's caches have them (by default
 * 7,168 blocks: with sixteen times as many containers takes a quarter longer). */
enum { BYTES_PER_ENTRY = 512, LEAST = 1 << 12, MOST = 1 << 22 };

static struct mr_lock lock = MR_LOCK_INIT(MR_RANK_QUARANTINE);
static struct mr_gone *ring; /* address space for all, memory as it is used */
static uint32_t first, count, capacity;
static uint32_t inherited; /* of the oldest: they were there when this process was forked */
static size_t held;

static bool make_ring(void)
{
    size_t entries = (size_t)1 << mr_log2_ceil(mr_conf.quarantine / BYTES_PER_ENTRY);
    capacity = (uint32_t)mr_min(mr_max(entries, LEAST), MOST);
    size_t bytes = mr_align_up(capacity * sizeof *ring, mr_os_page);
    struct mr_gone *made = mr_vm_reserve(bytes, mr_os_page);
    if (made && !mr_vm_commit(made, bytes)) {
        mr_vm_release(made, bytes);
        made = NULL;
    }
    ring = made;
    return made != NULL;
}

static bool is_excess(void)
{
    return count > 0 && (held > mr_conf.quarantine || count > capacity / 8 * 7);
}

/* What leaves soon has long left the processor's caches. Inlined, or gcc takes it for a function that does nothing. */
MR_INLINE void fetch_ahead(void)
{
    enum { AHEAD = 8 };
    const struct mr_zone *zone = &ring[(first + AHEAD) & (capacity - 1)].zone;
    if (count > AHEAD) {
        __builtin_prefetch(zone->user);
        __builtin_prefetch(zone->tag);
    }
}

static bool take_oldest(struct mr_gone *gone)
{
    if (!is_excess())
        return false;
    *gone = ring[first];
    fetch_ahead();
    first = (first + 1) & (capacity - 1);
    MR_POKE(count, count - 1);
    inherited -= inherited > 0;
    MR_POKE(held, held - gone->zone.usable);
    return true;
}

static bool put(const struct mr_gone *gone)
{
    if (MR_UNLIKELY((!ring && !make_ring()) || count == capacity))
        return false;
    ring[(first + count) & (capacity - 1)] = *gone;
    MR_POKE(count, count + 1);
    MR_POKE(held, held + gone->zone.usable);
    return true;
}

struct mr_quarantine_passed mr_quarantine_pass(const struct mr_gone *gone, struct mr_gone *out)
{
    struct mr_quarantine_passed passed = { false, false };
    if (!mr_zone_is_checked(MR_CHECK_QUARANTINE) || gone->zone.usable > mr_conf.quarantine / 2 || mr_lock_is_mine(&lock))
        return passed;
    mr_lock_acquire(&lock);
    passed.in = put(gone);
    passed.out = take_oldest(out);
    mr_lock_release(&lock);
    return passed;
}

bool mr_quarantine_take_excess(struct mr_gone *gone)
{
    if (MR_LIKELY(MR_PEEK(held) <= mr_conf.quarantine && MR_PEEK(count) <= capacity / 8 * 7) || mr_lock_is_mine(&lock))
        return false;
    mr_lock_acquire(&lock);
    bool taken = take_oldest(gone);
    mr_lock_release(&lock);
    return taken;
}

/* Entry i of those there are, counted from the newest. */
static bool copy_entry(uint32_t i, struct mr_gone *gone)
{
    bool mine = mr_lock_is_mine(&lock);
    if (!mine)
        mr_lock_acquire(&lock);
    bool there = i < count;
    if (there)
        *gone = ring[(first + count - 1 - i) & (capacity - 1)];
    if (!mine)
        mr_lock_release(&lock);
    return there;
}

bool mr_quarantine_find(const void *p, struct mr_gone *gone)
{
    for (uint32_t i = 0; copy_entry(i, gone); i++)
        if ((size_t)((const char *)p - gone->zone.block) < gone->zone.usable)
            return true;
    return false;
}

void mr_quarantine_each(mr_quarantine_visit *each, void *ctx, bool own)
{
    struct mr_gone gone;
    for (uint32_t i = 0; (!own || MR_PEEK(count) - MR_PEEK(inherited) > i) && copy_entry(i, &gone); i++)
        each(ctx, &gone);
}

bool mr_quarantine_table(struct mr_range *range)
{
    *range = (struct mr_range){ (uintptr_t)ring, (uintptr_t)ring + mr_align_up(capacity * sizeof *ring, mr_os_page) };
    return ring != NULL;
}

void mr_quarantine_forked(void)
{
    mr_lock_after_fork(&lock, mr_lock_is_mine(&lock));
    inherited = count;
}
