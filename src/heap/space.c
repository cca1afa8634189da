#include "space.h"

#include <string.h>

#include "conf.h"
#include "fences.h"
#include "harden.h"
#include "purge.h"

/* How the address space is reserved. A terabyte costs nothing where it is granted. Where it is
 * not, the process lives under a limit: then a quarter of the largest piece the kernel grants is
 * taken, so the host keeps room for its stacks and mappings, and further regions follow. */
enum { REGION_ALIGN = 2 << 20 };
static const size_t RESERVE_MOST = (size_t)1 << 40;
static const size_t RESERVE_LEAST = (size_t)1 << 20;

/* From here on fresh slabs are faulted in at once: 16 page faults become one call. */
static const size_t BIG = (size_t)8 << 20;

/* Growth of the writable part: an eighth of what there is, within these bounds. */
static const size_t GROW_LEAST = (size_t)1 << 20;
static const size_t GROW_MOST = (size_t)32 << 20;
static const size_t HUGE_PAGE = (size_t)2 << 20;

struct mr_region mr_regions[MR_REGION_MAX];
_Atomic uint32_t mr_region_count;

struct mr_lock mr_space_lock = MR_LOCK_INIT(MR_RANK_SPACE);
static size_t committed_total;     /* bytes, over all regions; under the lock */
static size_t meta_bytes;          /* bytes of META slices; under the lock */
static char *meta_at, *meta_end;   /* what is left of the newest META slice; under the lock */

/* ---- regions -------------------------------------------------------------------------------- */

size_t mr_space_round = MR_SLICE - 1;

/* With the guard behind it, which no descriptor ever comes to lie in. */
static size_t table_bytes(size_t reserved)
{
    return mr_space_slices((reserved >> MR_SLICE_SHIFT) * sizeof(struct mr_slab)) << MR_SLICE_SHIFT;
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
        MR_POKE(mr_lookup_bytes, committed);
}

/* Makes `bytes` more of the region writable and gives them to its pool, clean. */
static bool grow_by(struct mr_region *region, size_t bytes)
{
    size_t committed = region->committed;
    if (bytes > region->reserved - committed || !within_limit(bytes))
        return false;
    if (!commit_table(region, committed + bytes) || !mr_harden_commit(region, committed + bytes) ||
        !mr_vm_commit((char *)region->base + committed, bytes))
        return false;
    if (mr_conf.huge_pages != 0 && committed_total >= mr_conf.huge_pages)
        mr_vm_huge((char *)region->base + committed, bytes);
    mr_pool_grow(&region->pool, (uint32_t)(bytes >> MR_SLICE_SHIFT), 0);
    publish(region, committed + bytes);
    MR_ADD(committed_total, bytes);
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
    size_t step = mr_min(mr_max((region->committed - region->table_bytes) / 8, GROW_LEAST), GROW_MOST);
    if (mr_conf.huge_pages != 0 && committed_total >= mr_conf.huge_pages)
        step = GROW_MOST; /* each step is a mapping of its own until its neighbours are advised alike */
    step = mr_align_up(region->committed + step, HUGE_PAGE) - region->committed;
    return (step > need && grow_by(region, step)) || grow_by(region, need);
}

/* The descriptors of the table's own slices: one span that is never free. */
static bool start_region(struct mr_region *region, char *base, size_t reserved)
{
    size_t table = table_bytes(reserved);
    *region = (struct mr_region){ .base = (uintptr_t)base, .reserved = reserved, .table_bytes = table };
    if (!commit_table(region, table - mr_space_guard() * MR_SLICE) || !mr_harden_reserve(region))
        return false;
    mr_pool_init(&region->pool, MR_FIT_SEGREGATED, base, sizeof(struct mr_slab), 1, 0);
    mr_pool_grow(&region->pool, (uint32_t)(table >> MR_SLICE_SHIFT), 0);
    mr_pool_take_whole(&region->pool, 0);
    mr_slab_set_kind((struct mr_slab *)base, MR_KIND_META);
    if (region == &mr_regions[0])
        mr_lookup_base = region->base;
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
        mr_harden_unreserve(region);
        mr_vm_release(base + region->table_committed, region->table_bytes - region->table_committed);
        mr_vm_release(base + committed, region->reserved - committed);
        region->reserved = committed;
    }
    mr_lock_release(&mr_space_lock);
}

bool mr_space_init(void)
{
    mr_os_init();
    mr_purge_start(mr_clock_ms());
    return add_region(GROW_LEAST);
}

/* ---- taking and giving ----------------------------------------------------------------------------- */

static struct mr_slab *take_from(struct mr_region *region, uint32_t slices, uint32_t align, bool *zero)
{
    uint32_t stamp, offset = (uint32_t)((region->base >> MR_SLICE_SHIFT) & (align - 1));
    uint32_t i = mr_pool_take(&region->pool, slices, align, offset, &stamp);
    if (i == MR_POOL_NONE)
        return NULL;
    *zero = stamp == 0;
    size_t bytes = (size_t)mr_pool_size(&region->pool, i) << MR_SLICE_SHIFT;
    if (stamp == 0)
        mr_purge_regret(bytes);
    else
        mr_purge_reuse(bytes);
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
    MR_EXPENSIVE(!MR_EVERY(16) || mr_pool_check(&mr_regions[0].pool) == NULL, "the pool is whole after a take");
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

static struct mr_slab *take(uint32_t slices, uint32_t align, bool *zero)
{
    mr_lock_acquire(&mr_space_lock);
    struct mr_slab *head = take_locked(slices, align, zero);
    mr_lock_release(&mr_space_lock);
    if (MR_UNLIKELY(!head)) {
        /* Dirty and clean neighbours become one span when all are clean. */
        mr_space_purge(true);
        mr_fences_call_back();
        mr_lock_acquire(&mr_space_lock);
        head = take_locked(slices, align, zero);
        if (!head)
            head = take_from_new_region(slices, align, zero);
        mr_lock_release(&mr_space_lock);
    }
    if (head)
        clear_head(head);
    return head;
}

struct mr_slab *mr_space_take(uint32_t slices, uint32_t align, bool *zero)
{
    if ((size_t)slices + align > RESERVE_MOST >> MR_SLICE_SHIFT)
        return NULL;
    struct mr_slab *head = take(slices, align, zero);
    while (MR_UNLIKELY(mr_space_guard()) && head && !mr_fences_close(head, *zero)) {
        mr_fences_set_aside(head); /* a guard less among what is free each time: this ends */
        head = take(slices, align, zero);
    }
    mr_purge_sweep(mr_clock_ms());
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
    mr_pool_give(&region->pool, (uint32_t)(head - (struct mr_slab *)region->base), clean ? 0 : mr_purge_tick(now));
    MR_EXPENSIVE(!MR_EVERY(16) || mr_pool_check(&region->pool) == NULL, "the pool is whole after a give");
    bool over = mr_purge_is_due();
    mr_lock_release(&mr_space_lock);
    if (MR_UNLIKELY(over))
        mr_purge_early(now);
    mr_purge_sweep(now);
}

/* Whether nothing is in use behind the span: what is committed next would be its. */
static bool reaches_frontier(const struct mr_region *region, uint32_t i)
{
    const struct mr_pool *pool = &region->pool;
    uint32_t next = mr_pool_next(pool, i);
    while (next != MR_POOL_NONE && mr_pool_is_free(pool, next))
        next = mr_pool_next(pool, next);
    return next == MR_POOL_NONE;
}

static bool resize(struct mr_slab *head, uint32_t slices)
{
    struct mr_region *region = region_of_head(head);
    uint64_t now = mr_clock_ms();
    mr_lock_acquire(&mr_space_lock);
    uint32_t i = (uint32_t)(head - (struct mr_slab *)region->base), before = mr_slab_slices(head), stamp;
    bool fits = mr_pool_resize(&region->pool, i, slices, mr_purge_tick(now), &stamp) ||
                (reaches_frontier(region, i) && grow_for(region, slices - before, 1) &&
                 mr_pool_resize(&region->pool, i, slices, mr_purge_tick(now), &stamp));
    if (fits && slices > before && stamp == 0)
        mr_purge_regret((size_t)(slices - before) << MR_SLICE_SHIFT);
    mr_lock_release(&mr_space_lock);
    mr_purge_sweep(now);
    return fits;
}

bool mr_space_resize(struct mr_slab *head, uint32_t slices)
{
    if (MR_LIKELY(mr_space_guard() == 0))
        return resize(head, slices);
    uint32_t before = mr_slab_slices(head);
    if (!mr_fences_open(head))
        return false;
    bool fits = resize(head, slices);
    if (MR_LIKELY(mr_fences_close(head, false)))
        return fits;
    resize(head, before); /* what it grew into stays shut */
    mr_fences_close(head, false);
    return false;
}

/* ---- memoir's own memory ------------------------------------------------------------------------------ */

static bool refill_meta(void)
{
    bool zero;
    struct mr_slab *head = mr_space_take(1 + mr_space_guard(), 1, &zero);
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

bool mr_space_is_big(void) { return MR_PEEK(committed_total) >= BIG; }

bool mr_space_is_roomy(void) { return MR_PEEK(mr_regions[0].reserved) == RESERVE_MOST && mr_conf.pool_limit == 0; }

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
    bool mine = mr_lock_is_mine(&mr_space_lock);
    if (!mine)
        mr_lock_acquire(&mr_space_lock);
    for (uint32_t r = 0; r < mr_region_count && !wrong; r++)
        wrong = mr_pool_check(&mr_regions[r].pool);
    if (!mine)
        mr_lock_release(&mr_space_lock);
    return wrong;
}
