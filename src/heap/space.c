#include "space.h"

#include <string.h>

#include "conf.h"
#include "ledger.h"

/* How the address space is reserved. A terabyte costs nothing where it is granted. Where it is
 * not, the process lives under a limit: then a quarter of the largest piece the kernel grants is
 * taken, so the host keeps room for its stacks and mappings, and further regions follow. */
enum { REGION_ALIGN = 2 << 20 };
static const size_t RESERVE_MOST = (size_t)1 << 40;
static const size_t RESERVE_LEAST = (size_t)1 << 20;

/* Growth of the writable part: an eighth of what there is, within these bounds. */
static const size_t GROW_LEAST = (size_t)1 << 20;
static const size_t GROW_MOST = (size_t)32 << 20;

/* How much freed memory may be kept. Memory that was given back and then asked for again within the
 * purge delay raises the limit; each delay that passes lowers it. So a burst that is freed goes
 * back at once, without anybody calling, and a program that frees and takes the same memory again and
 * again soon keeps it. */
#define DIRTY_LEAST ((size_t)4 << 20)

/* Stamps are ticks of 64 ms, from 1: 32 bits last eight years. */
enum { TICK_SHIFT = 6, SWEEP_EVERY_MS = 100, SWEEP_BATCH = 32 };

struct mr_region mr_regions[MR_REGION_MAX];
_Atomic uint32_t mr_region_count;

struct mr_lock mr_space_lock = MR_LOCK_INIT(MR_RANK_SPACE);
static uint64_t start_ms;
static _Atomic uint64_t next_sweep_ms;
static uint64_t limit_lowered_ms;  /* under the lock */
static size_t committed_total;     /* bytes, over all regions; under the lock */
static size_t meta_bytes;          /* bytes of META slices; under the lock */
static char *meta_at, *meta_end;   /* what is left of the newest META slice; under the lock */
static size_t dirty_limit = DIRTY_LEAST; /* under the lock */
static size_t given_early;         /* bytes purged for being over the limit, and not wanted back yet; under the lock */

/* ---- regions -------------------------------------------------------------------------------- */

static size_t table_bytes(size_t reserved)
{
    return mr_align_up((reserved >> MR_SLICE_SHIFT) * sizeof(struct mr_slab), MR_SLICE);
}

static bool within_limit(size_t more)
{
    return mr_conf.pool_limit == 0 || committed_total + more <= mr_conf.pool_limit;
}

/* Makes the table writable for all slices below `committed`. Grows by whole slices of table, each of
 * which describes 64 MiB. */
static bool commit_table(struct mr_region *region, size_t committed)
{
    size_t need = mr_align_up((committed >> MR_SLICE_SHIFT) * sizeof(struct mr_slab), mr_os_page);
    if (need <= region->table_committed)
        return true;
    need = mr_min(mr_align_up(need, MR_SLICE), region->table_bytes);
    if (!mr_vm_commit((char *)region->base + region->table_committed, need - region->table_committed))
        return false;
    region->table_committed = need;
    return true;
}

static void publish(struct mr_region *region, size_t committed)
{
    atomic_store_explicit(&region->committed, committed, memory_order_release);
    if (region == &mr_regions[0])
        atomic_store_explicit(&mr_main_range.bytes, committed, memory_order_release);
}

/* Makes `bytes` more of the region writable and gives them to its pool, clean. */
static bool grow_by(struct mr_region *region, size_t bytes)
{
    size_t committed = region->committed;
    if (bytes > region->reserved - committed || !within_limit(bytes))
        return false;
    if (!commit_table(region, committed + bytes) || !mr_vm_commit((char *)region->base + committed, bytes))
        return false;
    mr_pool_grow(&region->pool, (uint32_t)(bytes >> MR_SLICE_SHIFT), 0);
    publish(region, committed + bytes);
    committed_total += bytes;
    return true;
}

/* Bytes that must follow the frontier for a span of that size and alignment to fit there: less what
 * is clean and free just below it. */
static size_t missing_bytes(const struct mr_region *region, uint32_t slices, uint32_t align)
{
    size_t need = (size_t)slices + align - 1;
    uint32_t last = region->pool.last;
    if (last != MR_POOL_NONE && mr_pool_is_free(&region->pool, last) && mr_pool_stamp(&region->pool, last) == 0)
        need -= mr_min(need - 1, mr_pool_size(&region->pool, last));
    return need << MR_SLICE_SHIFT;
}

static bool grow_for(struct mr_region *region, uint32_t slices, uint32_t align)
{
    size_t need = missing_bytes(region, slices, align);
    size_t step = mr_align_down(mr_min(mr_max((region->committed - region->table_bytes) / 8, GROW_LEAST), GROW_MOST), MR_SLICE);
    return (step > need && grow_by(region, step)) || grow_by(region, need);
}

/* The descriptors of the table's own slices: one span that is never free. */
static bool start_region(struct mr_region *region, char *base, size_t reserved)
{
    size_t table = table_bytes(reserved);
    *region = (struct mr_region){ .base = (uintptr_t)base, .reserved = reserved, .table_bytes = table };
    if (!commit_table(region, table))
        return false;
    mr_pool_init(&region->pool, MR_FIT_SEGREGATED, base, sizeof(struct mr_slab), 1, 0);
    mr_pool_grow(&region->pool, (uint32_t)(table >> MR_SLICE_SHIFT), 0);
    mr_pool_take_whole(&region->pool, 0);
    mr_slab_set_kind((struct mr_slab *)base, MR_KIND_META);
    if (region == &mr_regions[0])
        mr_main_range.base = region->base;
    publish(region, table);
    return true;
}

static char *reserve_largest(size_t *bytes)
{
    for (*bytes = RESERVE_MOST; *bytes >= RESERVE_LEAST; *bytes /= 2) {
        char *base = mr_vm_reserve(*bytes, REGION_ALIGN);
        if (base)
            return base;
    }
    return NULL;
}

/* Reserves a region with room for `least` bytes of spans. */
static bool add_region(size_t least)
{
    uint32_t n = mr_region_count;
    if (n == MR_REGION_MAX || least > RESERVE_MOST)
        return false;
    size_t granted, want;
    char *base = reserve_largest(&granted);
    if (!base)
        return false;
    want = granted;
    if (granted < RESERVE_MOST) {
        mr_vm_release(base, granted);
        /* What it costs to describe itself and to align: a sixty-fourth and a slice. */
        size_t whole = mr_align_up(least + least / 64 + 2 * MR_SLICE, MR_SLICE);
        want = mr_max(granted / 4, whole);
        base = mr_vm_reserve(want, n == 0 ? REGION_ALIGN : MR_SLICE);
        if (!base)
            base = mr_vm_reserve(want = whole, MR_SLICE);
        if (!base)
            return false;
    }
    if (!start_region(&mr_regions[n], base, want)) {
        mr_vm_release(base, want);
        return false;
    }
    atomic_store_explicit(&mr_region_count, n + 1, memory_order_release);
    return true;
}

void mr_space_unreserve(void)
{
    mr_lock_acquire(&mr_space_lock);
    for (uint32_t r = 0; r < mr_region_count; r++) {
        struct mr_region *region = &mr_regions[r];
        char *base = (char *)region->base;
        size_t committed = region->committed;
        mr_vm_release(base + region->table_committed, region->table_bytes - region->table_committed);
        mr_vm_release(base + committed, region->reserved - committed);
        region->reserved = committed;
    }
    mr_lock_release(&mr_space_lock);
}

bool mr_space_init(void)
{
    mr_os_init();
    start_ms = mr_clock_ms();
    return add_region(GROW_LEAST);
}

/* ---- purging ------------------------------------------------------------------------------------ */

static uint32_t tick_of(uint64_t ms)
{
    return (uint32_t)((ms - start_ms) >> TICK_SHIFT) + 1;
}

struct victim {
    struct mr_region *region;
    uint32_t head;
};

/* Takes up to SWEEP_BATCH dirty spans out of the pools, so their memory can be given back without
 * the lock. */
static unsigned collect_victims(struct victim *victims, uint32_t until)
{
    unsigned n = 0;
    for (uint32_t r = 0; r < mr_region_count; r++) {
        struct mr_region *region = &mr_regions[r];
        uint32_t head;
        while (n < SWEEP_BATCH && (head = mr_pool_find_dirty(&region->pool, until)) != MR_POOL_NONE) {
            mr_pool_take_whole(&region->pool, head);
            victims[n++] = (struct victim){ region, head };
        }
    }
    return n;
}

static size_t purge_until(uint32_t until)
{
    struct victim victims[SWEEP_BATCH];
    bool given[SWEEP_BATCH];
    size_t total = 0;
    mr_lock_acquire(&mr_space_lock);
    for (;;) {
        unsigned n = collect_victims(victims, until);
        if (n == 0)
            break;
        mr_lock_release(&mr_space_lock);
        size_t bytes = 0;
        for (unsigned i = 0; i < n; i++) {
            struct victim *v = &victims[i];
            size_t size = (size_t)mr_pool_size(&v->region->pool, v->head) << MR_SLICE_SHIFT;
            given[i] = mr_vm_purge((char *)v->region->base + ((size_t)v->head << MR_SLICE_SHIFT), size);
            bytes += given[i] ? size : 0;
        }
        atomic_fetch_add_explicit(&mr_counters.purged_bytes, bytes, memory_order_relaxed);
        total += bytes;
        mr_lock_acquire(&mr_space_lock);
        /* What the system keeps is stamped beyond `until`, or this loop would meet it again. */
        for (unsigned i = 0; i < n; i++)
            mr_pool_give(&victims[i].region->pool, victims[i].head, given[i] ? 0 : until + 1);
        if (n < SWEEP_BATCH)
            break;
    }
    mr_lock_release(&mr_space_lock);
    return total;
}

size_t mr_space_purge(bool all)
{
    uint64_t now = mr_clock_ms();
    if (all)
        return purge_until(tick_of(now) + 1);
    uint64_t age = now - start_ms;
    return age < mr_conf.purge_delay ? 0 : purge_until(tick_of(now - mr_conf.purge_delay));
}

/* Called after every operation on the pool: traffic drives the decay. */
static void sweep_if_due(uint64_t now)
{
    uint64_t due = atomic_load_explicit(&next_sweep_ms, memory_order_relaxed);
    if (MR_LIKELY(now < due))
        return;
    if (!atomic_compare_exchange_strong(&next_sweep_ms, &due, now + SWEEP_EVERY_MS))
        return;
    mr_space_purge(false);
    mr_lock_acquire(&mr_space_lock);
    if (now >= limit_lowered_ms + mr_conf.purge_delay) {
        limit_lowered_ms = now;
        dirty_limit = mr_max(dirty_limit / 2, DIRTY_LEAST);
        given_early = 0;
    }
    mr_lock_release(&mr_space_lock);
}

static size_t dirty_bytes(void)
{
    size_t units = 0;
    for (uint32_t r = 0; r < mr_region_count; r++)
        units += mr_regions[r].pool.dirty_units;
    return units << MR_SLICE_SHIFT;
}

/* After a give: what is over the limit goes back now. */
static void purge_if_over(uint64_t now)
{
    size_t bytes = purge_until(tick_of(now) + 1);
    mr_lock_acquire(&mr_space_lock);
    given_early += bytes;
    mr_lock_release(&mr_space_lock);
}

/* Under the lock, after a take that could not be met from what was kept. */
static void note_regret(size_t bytes)
{
    size_t back = mr_min(given_early, bytes);
    given_early -= back;
    dirty_limit += 2 * back;
}

/* ---- taking and giving ----------------------------------------------------------------------------- */

static struct mr_slab *take_from(struct mr_region *region, uint32_t slices, uint32_t align, bool *zero)
{
    uint32_t stamp, offset = (uint32_t)((region->base >> MR_SLICE_SHIFT) & (align - 1));
    uint32_t i = mr_pool_take(&region->pool, slices, align, offset, &stamp);
    if (i == MR_POOL_NONE)
        return NULL;
    *zero = stamp == 0;
    if (stamp == 0 && given_early != 0)
        note_regret((size_t)mr_pool_size(&region->pool, i) << MR_SLICE_SHIFT);
    return (struct mr_slab *)region->base + i;
}

static struct mr_slab *take_locked(uint32_t slices, uint32_t align, bool *zero)
{
    struct mr_slab *head = NULL;
    for (uint32_t r = 0; r < mr_region_count && !head; r++)
        head = take_from(&mr_regions[r], slices, align, zero);
    for (uint32_t r = 0; r < mr_region_count && !head; r++)
        if (grow_for(&mr_regions[r], slices, align))
            head = take_from(&mr_regions[r], slices, align, zero);
    return head;
}

static struct mr_slab *take_from_new_region(uint32_t slices, uint32_t align, bool *zero)
{
    size_t least = ((size_t)slices + align - 1) << MR_SLICE_SHIFT;
    if (!within_limit(least) || !add_region(least))
        return NULL;
    struct mr_region *region = &mr_regions[mr_region_count - 1];
    return grow_for(region, slices, align) ? take_from(region, slices, align, zero) : NULL;
}

static void clear_head(struct mr_slab *head)
{
    mr_slab_set_kind(head, MR_KIND_NONE);
    atomic_store_explicit(&head->owner, 0, memory_order_relaxed);
}

struct mr_slab *mr_space_take(uint32_t slices, uint32_t align, bool *zero)
{
    if ((size_t)slices + align > RESERVE_MOST >> MR_SLICE_SHIFT)
        return NULL;
    mr_lock_acquire(&mr_space_lock);
    struct mr_slab *head = take_locked(slices, align, zero);
    mr_lock_release(&mr_space_lock);
    if (MR_UNLIKELY(!head)) {
        /* Dirty and clean neighbours become one span when all are clean. */
        mr_space_purge(true);
        mr_lock_acquire(&mr_space_lock);
        head = take_locked(slices, align, zero);
        if (!head)
            head = take_from_new_region(slices, align, zero);
        mr_lock_release(&mr_space_lock);
    }
    if (head)
        clear_head(head);
    sweep_if_due(mr_clock_ms());
    return head;
}

static struct mr_region *region_of_head(const struct mr_slab *head)
{
    struct mr_region *region = mr_regions;
    while ((uintptr_t)head - region->base >= region->reserved)
        region++;
    return region;
}

void mr_space_give(struct mr_slab *head, bool clean)
{
    struct mr_region *region = region_of_head(head);
    uint64_t now = mr_clock_ms();
    clear_head(head);
    mr_lock_acquire(&mr_space_lock);
    mr_pool_give(&region->pool, (uint32_t)(head - (struct mr_slab *)region->base), clean ? 0 : tick_of(now));
    bool over = dirty_bytes() > dirty_limit;
    mr_lock_release(&mr_space_lock);
    if (MR_UNLIKELY(over))
        purge_if_over(now);
    sweep_if_due(now);
}

bool mr_space_resize(struct mr_slab *head, uint32_t slices)
{
    struct mr_region *region = region_of_head(head);
    uint64_t now = mr_clock_ms();
    mr_lock_acquire(&mr_space_lock);
    bool fits = mr_pool_resize(&region->pool, (uint32_t)(head - (struct mr_slab *)region->base), slices,
                               tick_of(now), NULL);
    mr_lock_release(&mr_space_lock);
    sweep_if_due(now);
    return fits;
}

/* ---- memoir's own memory ------------------------------------------------------------------------------ */

static bool refill_meta(void)
{
    bool zero;
    struct mr_slab *head = mr_space_take(1, 1, &zero);
    if (!head)
        return false;
    mr_slab_set_kind(head, MR_KIND_META);
    char *start = mr_lookup_start(head);
    if (!zero)
        memset(start, 0, MR_SLICE);
    mr_lock_acquire(&mr_space_lock);
    meta_at = start;
    meta_end = start + MR_SLICE;
    meta_bytes += MR_SLICE;
    mr_lock_release(&mr_space_lock);
    return true;
}

static void *meta_bump(size_t bytes)
{
    void *p = NULL;
    mr_lock_acquire(&mr_space_lock);
    if ((size_t)(meta_end - meta_at) >= bytes) {
        p = meta_at;
        meta_at += bytes;
    }
    mr_lock_release(&mr_space_lock);
    return p;
}

void *mr_space_meta(size_t bytes)
{
    bytes = mr_align_up(bytes, 2 * MR_CACHE_LINE);
    void *p;
    while (!(p = meta_bump(bytes)))
        if (!refill_meta())
            return NULL;
    return p;
}

size_t mr_space_metadata(void)
{
    size_t bytes = meta_bytes;
    for (uint32_t r = 0; r < mr_region_count; r++)
        bytes += ((mr_regions[r].committed - mr_regions[r].table_bytes) >> MR_SLICE_SHIFT) * sizeof(struct mr_slab);
    return bytes;
}

const char *mr_space_check(void)
{
    const char *wrong = NULL;
    mr_lock_acquire(&mr_space_lock);
    for (uint32_t r = 0; r < mr_region_count && !wrong; r++)
        wrong = mr_pool_check(&mr_regions[r].pool);
    mr_lock_release(&mr_space_lock);
    return wrong;
}
