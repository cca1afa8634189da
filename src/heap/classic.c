#include "classic.h"

#include <string.h>

#include "conf.h"
#include "emergency.h"
#include "ledger.h"
#include "large.h"
#include "peak.h"

/* Units of 16 bytes; the payload of unit i's span starts at the unit, its node 8 bytes before:
 *
 *   payload(i) = base + 16 i      node(i) = base + 16 i - 8      usable bytes of n units = 16 n - 8
 *
 * One OS page in front of base is there for the first node. base is aligned far beyond a page, so
 * an aligned unit is an aligned payload (buddies depend on it). */
/* While blocks are watched, each has its tag in its last 8 bytes. */
enum { UNIT = 16, NODE_BYTES = 8, REGION_MOST = 64 };
static const size_t REGION_BYTES = (size_t)MR_POOL_MAX_UNITS * UNIT;
static const size_t REGION_ALIGN = (size_t)1 << 30;
static const size_t REGION_LEAST = (size_t)1 << 20;
static const size_t GROW_LEAST = (size_t)1 << 20;
static const size_t GROW_MOST = (size_t)64 << 20;

/* A freed block of this size gives its whole OS pages back at once. */
static const size_t PURGE_LEAST = (size_t)1 << 20;

struct region {
    char *base;
    size_t reserved, committed;
    char *untouched; /* no block has ever reached beyond: the memory there is zero, but for one node */
    char *table;     /* of the fit; NULL: it needs none */
    size_t table_reserved, table_committed;
    struct mr_pool pool;
};

static struct region regions[REGION_MOST];
static uint32_t region_count;
static enum mr_fit the_fit;
static size_t committed_total;
struct mr_lock mr_classic_lock = MR_LOCK_INIT(MR_RANK_CLASSIC);

/* Rows as in struct mr_heap_stats; under the lock. */
static struct count { uint64_t allocs, frees, alloc_bytes, free_bytes; } counts[MR_ROW_COUNT];

/* ---- where things are ---------------------------------------------------------------------------- */

static char *payload(const struct region *r, uint32_t i) { return r->base + (size_t)UNIT * i; }
static size_t tag_bytes(void) { return MR_UNLIKELY(mr_heap_watch != MR_WATCH_NOTHING) ? sizeof(uint64_t) : 0; }
static size_t usable(uint32_t units) { return (size_t)UNIT * units - NODE_BYTES - tag_bytes(); }
static uint32_t units_for(size_t size)
{
    return (uint32_t)((mr_max(size, 1) + tag_bytes() + NODE_BYTES + UNIT - 1) / UNIT);
}

static struct region *region_of(const void *p)
{
    for (uint32_t i = 0; i < region_count; i++)
        if ((size_t)((const char *)p - regions[i].base) < regions[i].committed)
            return &regions[i];
    return NULL;
}

/* The head of the taken span whose payload starts at p, or MR_POOL_NONE. The header may be anything
 * when p is not a block: both neighbours must agree with it. */
static uint32_t block_at(const struct region *r, const void *p)
{
    size_t offset = (size_t)((const char *)p - r->base);
    uint32_t i = (uint32_t)(offset / UNIT);
    if (offset % UNIT != 0 || i >= r->pool.units || mr_pool_is_free(&r->pool, i))
        return MR_POOL_NONE;
    uint32_t size = mr_pool_size(&r->pool, i), back = mr_pool_node(&r->pool, i)->back;
    if (size == 0 || size > r->pool.units - i || back > i || (back == 0) != (i == 0))
        return MR_POOL_NONE;
    if (i + size < r->pool.units && mr_pool_node(&r->pool, i + size)->back != size)
        return MR_POOL_NONE;
    if (back && mr_pool_size(&r->pool, i - back) != back)
        return MR_POOL_NONE;
    return i;
}

/* ---- counting ---------------------------------------------------------------------------------------- */

static struct count *count_of(size_t bytes)
{
    return &counts[bytes <= MR_SLAB_MAX ? mr_sizeclass_of(bytes) : MR_CLASS_COUNT + mr_large_row(bytes)];
}

static void count_take(size_t bytes)
{
    struct count *c = count_of(bytes);
    c->allocs++;
    c->alloc_bytes += bytes;
}

static void count_give(size_t bytes)
{
    struct count *c = count_of(bytes);
    c->frees++;
    c->free_bytes += bytes;
}

/* As in large.c: the same allocation, now of the other size. */
static void count_resize(size_t before, size_t after)
{
    struct count *from = count_of(before), *to = count_of(after);
    from->allocs--;
    from->alloc_bytes -= before;
    to->allocs++;
    to->alloc_bytes += after;
}

/* ---- growth --------------------------------------------------------------------------------------------- */

static bool within_limit(size_t more)
{
    return mr_conf.pool_limit == 0 || committed_total + more <= mr_conf.pool_limit;
}

/* The part of the table that so many units need. */
static bool grow_table(struct region *r, uint32_t units)
{
    size_t need = mr_pool_table_bytes(the_fit, units, (uint32_t)(r->reserved / UNIT), 1);
    size_t more = mr_align_up(need, mr_os_page) - r->table_committed;
    if (!r->table || need <= r->table_committed)
        return true;
    if (!mr_vm_commit(r->table + r->table_committed, more))
        return false;
    r->table_committed += more;
    return true;
}

static bool grow_by(struct region *r, size_t bytes)
{
    if (bytes > r->reserved - r->committed || !within_limit(bytes) ||
        !grow_table(r, r->pool.units + (uint32_t)(bytes / UNIT)) || !mr_vm_commit(r->base + r->committed, bytes))
        return false;
    uint32_t at = r->pool.units;
    mr_pool_grow(&r->pool, (uint32_t)(bytes / UNIT), 0);
    if (r->pool.last != at && the_fit != MR_FIT_BUDDY) /* merged: the node made for it is no node any more */
        memset(payload(r, at) - NODE_BYTES, 0, sizeof(struct mr_span));
    r->committed += bytes;
    committed_total += bytes;
    return true;
}

static bool grow_for(struct region *r, uint32_t units, uint32_t align)
{
    size_t need = mr_align_up(((size_t)units + align) * UNIT, mr_os_page);
    if (the_fit == MR_FIT_BUDDY) { /* a power of two, behind the next multiple of itself */
        size_t bytes = mr_max((size_t)UNIT << mr_log2_ceil(mr_max(units, align)), mr_os_page);
        need = mr_align_up(r->committed, bytes) + bytes - r->committed;
    }
    size_t step = mr_align_down(mr_min(mr_max(r->committed / 8, GROW_LEAST), GROW_MOST), mr_os_page);
    return (step > need && grow_by(r, step)) || grow_by(r, need);
}

/* Address space for a region: base aligned, and the OS page before it. */
static char *reserve(size_t bytes, size_t align)
{
    char *p = mr_vm_reserve(bytes + align + mr_os_page, mr_os_page);
    if (!p)
        return NULL;
    char *base = (char *)mr_align_up((size_t)p + mr_os_page, align);
    mr_vm_release(p, (size_t)(base - mr_os_page - p));
    mr_vm_release(base + bytes, (size_t)(p + align + mr_os_page - base));
    return base;
}

/* Address space for the region's table. */
static bool reserve_table(struct region *r)
{
    uint32_t units = (uint32_t)(r->reserved / UNIT);
    r->table_reserved = mr_align_up(mr_pool_table_bytes(the_fit, units, units, 1), mr_os_page);
    r->table = r->table_reserved ? mr_vm_reserve(r->table_reserved, mr_os_page) : NULL;
    return r->table || r->table_reserved == 0;
}

static bool add_region(size_t least)
{
    if (region_count == REGION_MOST)
        return false;
    size_t bytes = REGION_BYTES;
    char *base = reserve(bytes, REGION_ALIGN);
    if (!base) { /* a limit: a quarter of what is left, as in space.c */
        while (bytes > REGION_LEAST && !(base = mr_vm_reserve(bytes /= 2, mr_os_page)))
            ;
        mr_vm_release(base, base ? bytes : 0);
        bytes = mr_max(bytes / 4, mr_align_up(least, MR_SLICE));
        base = reserve(bytes, mr_min((size_t)1 << mr_log2_floor(bytes), REGION_ALIGN));
    }
    if (!base || !mr_vm_commit(base - mr_os_page, mr_os_page))
        return false;
    struct region *r = &regions[region_count];
    *r = (struct region){ .base = base, .reserved = bytes, .untouched = base };
    if (!reserve_table(r))
        return false;
    mr_pool_init(&r->pool, the_fit, base - NODE_BYTES, UNIT, 2, 0);
    mr_pool_forget_stamps(&r->pool);
    mr_pool_set_table(&r->pool, r->table, (uint32_t)(bytes / UNIT));
    region_count++;
    return true;
}

bool mr_classic_init(enum mr_fit fit)
{
    mr_os_init();
    the_fit = fit;
    return add_region(GROW_LEAST);
}

void mr_classic_unreserve(void)
{
    mr_lock_acquire(&mr_classic_lock);
    for (uint32_t k = 0; k < region_count; k++) {
        struct region *r = &regions[k];
        mr_vm_release(r->base + r->committed, r->reserved - r->committed);
        mr_vm_release(r->table + r->table_committed, r->table_reserved - r->table_committed);
        r->reserved = r->committed;
        r->table_reserved = r->table_committed;
    }
    mr_lock_release(&mr_classic_lock);
}

/* ---- taking ------------------------------------------------------------------------------------------------ */

static char *take_from(struct region *r, uint32_t units, uint32_t align)
{
    uint32_t offset = (uint32_t)(((uintptr_t)r->base / UNIT) & (align - 1));
    if (r->committed == 0)
        return NULL;
    uint32_t i = mr_pool_take(&r->pool, units, align, offset, NULL);
    return i == MR_POOL_NONE ? NULL : payload(r, i);
}

static char *take_locked(uint32_t units, uint32_t align)
{
    char *p = NULL;
    for (uint32_t k = 0; k < region_count && !p; k++)
        p = take_from(&regions[k], units, align);
    for (uint32_t k = 0; k < region_count && !p; k++)
        if (grow_for(&regions[k], units, align))
            p = take_from(&regions[k], units, align);
    if (!p && within_limit((size_t)units * UNIT) && add_region(((size_t)units + align + 4) * 4 * UNIT) &&
        grow_for(&regions[region_count - 1], units, align))
        p = take_from(&regions[region_count - 1], units, align);
    return p;
}

/* Whether [p, p + bytes) reads as zero once its first bytes, where free spans keep their links, are
 * cleared. A block that begins at the untouched part may meet one old node there; buddies leave
 * nodes everywhere. */
static bool settle_zero(struct region *r, char *p, size_t bytes)
{
    char *end = p + bytes, *fresh = r->untouched;
    bool zero = p >= fresh && the_fit != MR_FIT_BUDDY;
    if (zero)
        memset(p, 0, mr_min(bytes, 4 * UNIT));
    if (end > fresh)
        r->untouched = end;
    return zero;
}

void *mr_classic_take(size_t size, size_t align, bool *zero)
{
    *zero = false;
    if (size > REGION_BYTES - UNIT || align > REGION_BYTES / 2)
        return NULL;
    if (MR_UNLIKELY(mr_lock_is_mine(&mr_classic_lock)))
        return mr_emergency_take(size, align);
    uint32_t units = mr_max(units_for(size), 2);
    mr_lock_acquire(&mr_classic_lock);
    char *p = take_locked(units, (uint32_t)mr_max(align / UNIT, 1));
    if (p) {
        struct region *r = region_of(p);
        size_t bytes = usable(mr_pool_size(&r->pool, block_at(r, p)));
        *zero = settle_zero(r, p, bytes + tag_bytes());
        if (tag_bytes())
            *(uint64_t *)(void *)(p + bytes) = (uint64_t)1 << 32; /* in use, no label */
        count_take(bytes);
        size_t carved = atomic_fetch_add_explicit(&mr_peak_carved, bytes, memory_order_relaxed) + bytes;
        if (carved > mr_counters.peak_bytes) {
            mr_counters.peak_bytes = carved; /* under the lock it is exact */
            mr_counters.peak_ms = mr_clock_ms();
        }
    }
    mr_lock_release(&mr_classic_lock);
    return p;
}

/* ---- giving back ---------------------------------------------------------------------------------------------- */

static void purge_inside(char *p, size_t bytes)
{
    /* The node and links of the free span that may begin here stay. */
    char *from = (char *)mr_align_up((size_t)p + 2 * UNIT, mr_os_page);
    char *to = (char *)mr_align_down((size_t)p + bytes, mr_os_page);
    if (to > from && mr_vm_purge(from, (size_t)(to - from)))
        atomic_fetch_add_explicit(&mr_counters.purged_bytes, (size_t)(to - from), memory_order_relaxed);
}

size_t mr_classic_trim(void)
{
    size_t before = mr_counters.purged_bytes;
    mr_lock_acquire(&mr_classic_lock);
    for (uint32_t k = 0; k < region_count; k++) {
        struct region *r = &regions[k];
        for (uint32_t i = mr_pool_first(&r->pool); i != MR_POOL_NONE; i = mr_pool_next(&r->pool, i))
            if (mr_pool_is_free(&r->pool, i))
                purge_inside(payload(r, i), usable(mr_pool_size(&r->pool, i)));
    }
    mr_lock_release(&mr_classic_lock);
    return mr_counters.purged_bytes - before;
}

static enum mr_freed find(const void *p, struct region **r, uint32_t *head)
{
    *r = region_of(p);
    *head = *r ? block_at(*r, p) : MR_POOL_NONE;
    return !*r ? MR_NOT_OURS : *head == MR_POOL_NONE ? MR_NOT_A_BLOCK : MR_FREED;
}

enum mr_freed mr_classic_free(void *p)
{
    struct region *r;
    uint32_t head;
    if (mr_lock_is_mine(&mr_classic_lock)) /* a signal handler inside the list: lost, rather than the list */
        return region_of(p) ? MR_FREED : mr_emergency_free(p);
    mr_lock_acquire(&mr_classic_lock);
    enum mr_freed known = find(p, &r, &head);
    if (known == MR_FREED) {
        size_t bytes = usable(mr_pool_size(&r->pool, head));
        count_give(bytes);
        atomic_fetch_sub_explicit(&mr_peak_carved, bytes, memory_order_relaxed);
        if (bytes >= PURGE_LEAST)
            purge_inside(p, bytes);
        mr_pool_give(&r->pool, head, 0);
        MR_EXPENSIVE(!MR_EVERY(4096) || mr_pool_check(&r->pool) == NULL, "the list is whole after a free");
    }
    mr_lock_release(&mr_classic_lock);
    return known == MR_NOT_OURS ? mr_emergency_free(p) : known;
}

size_t mr_classic_usable(const void *p, enum mr_freed *known)
{
    struct region *r;
    uint32_t head;
    bool nested = mr_lock_is_mine(&mr_classic_lock);
    if (!nested)
        mr_lock_acquire(&mr_classic_lock);
    *known = find(p, &r, &head);
    size_t bytes = *known == MR_FREED ? usable(mr_pool_size(&r->pool, head)) : 0;
    if (!nested)
        mr_lock_release(&mr_classic_lock);
    if (*known == MR_NOT_OURS && (bytes = mr_emergency_usable(p)) != 0)
        *known = MR_FREED;
    return bytes;
}

uint64_t *mr_classic_tag(const void *p, size_t *bytes)
{
    enum mr_freed known;
    *bytes = tag_bytes() && region_of(p) ? mr_classic_usable(p, &known) : 0;
    return *bytes ? (uint64_t *)((char *)(uintptr_t)p + *bytes) : NULL;
}

void *mr_classic_resize(void *p, size_t size)
{
    struct region *r;
    uint32_t head;
    if (size > REGION_BYTES - UNIT || mr_lock_is_mine(&mr_classic_lock))
        return NULL;
    mr_lock_acquire(&mr_classic_lock);
    bool done = false;
    if (find(p, &r, &head) == MR_FREED) {
        size_t before = usable(mr_pool_size(&r->pool, head)), keeps = size + 2 * UNIT;
        /* While the block is one: afterwards nodes of free spans may lie there. */
        if (before > keeps && before - keeps >= PURGE_LEAST)
            purge_inside((char *)p + size, before - size); /* the tag with it: a new one is written */
        done = mr_pool_resize(&r->pool, head, mr_max(units_for(size), 2), 0, NULL);
        if (done) {
            size_t after = usable(mr_pool_size(&r->pool, head));
            if (tag_bytes())
                *(uint64_t *)((char *)p + after) = (uint64_t)1 << 32;
            count_resize(before, after);
            atomic_fetch_add_explicit(&mr_peak_carved, after - before, memory_order_relaxed);
            if ((char *)p + after > r->untouched)
                r->untouched = (char *)p + after;
        }
    }
    mr_lock_release(&mr_classic_lock);
    return done ? p : NULL;
}

/* ---- looking ------------------------------------------------------------------------------------------------------- */

void mr_classic_look(struct mr_heap_stats *stats)
{
    struct mr_totals *t = &stats->totals;
    for (unsigned i = 0; i < MR_ROW_COUNT; i++) {
        struct mr_row *row = &stats->rows[i];
        row->allocs = counts[i].allocs;
        row->frees = counts[i].frees;
        row->alloc_bytes = counts[i].alloc_bytes;
        row->in_use_bytes = counts[i].alloc_bytes - counts[i].free_bytes;
    }
    for (uint32_t k = 0; k < region_count; k++) {
        t->dirty_bytes += regions[k].pool.free_units * UNIT;
        t->reserved_bytes += regions[k].reserved;
        t->committed_bytes += regions[k].committed;
    }
    /* Each block in use has its header of 8 bytes in front. */
    for (unsigned i = 0; i < MR_ROW_COUNT; i++)
        t->metadata_bytes += (counts[i].allocs - counts[i].frees) * NODE_BYTES;
}

size_t mr_classic_resident(void)
{
    size_t resident = 0;
    for (uint32_t k = 0; k < region_count; k++)
        resident += mr_vm_resident(regions[k].base, regions[k].committed);
    return resident;
}

bool mr_classic_walk(mr_heap_each *each, void *ctx)
{
    for (uint32_t k = 0; k < region_count; k++) {
        struct region *r = &regions[k];
        for (uint32_t i = mr_pool_first(&r->pool); i != MR_POOL_NONE; i = mr_pool_next(&r->pool, i))
            if (!mr_pool_is_free(&r->pool, i) && !each(ctx, payload(r, i), usable(mr_pool_size(&r->pool, i))))
                return true;
    }
    return true;
}

void mr_classic_spans(uint32_t k, mr_classic_each *each, void *ctx)
{
    const struct region *r = &regions[k];
    for (uint32_t i = mr_pool_first(&r->pool); i != MR_POOL_NONE; i = mr_pool_next(&r->pool, i))
        each(ctx, (uintptr_t)payload(r, i), (size_t)UNIT * mr_pool_size(&r->pool, i), mr_pool_is_free(&r->pool, i));
}

bool mr_classic_region(uint32_t k, uintptr_t *from, uintptr_t *to)
{
    if (k >= region_count)
        return false;
    *from = (uintptr_t)regions[k].base - mr_os_page;
    *to = (uintptr_t)regions[k].base + regions[k].reserved;
    return true;
}

const char *mr_classic_check(void)
{
    const char *wrong = NULL;
    bool mine = mr_lock_is_mine(&mr_classic_lock);
    if (!mine)
        mr_lock_acquire(&mr_classic_lock);
    for (uint32_t k = 0; k < region_count && !wrong; k++)
        wrong = mr_pool_check(&regions[k].pool);
    if (!mine)
        mr_lock_release(&mr_classic_lock);
    return wrong;
}
