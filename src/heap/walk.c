/* walk.c: the heap looked at as a whole: totals, blocks in use, invariants.
 *
 * Counters of slabs have one writer and are read here without asking it: while other threads
 * allocate, the sums are off by what happens meanwhile. Links of free lists are followed only as
 * long as they stay inside their slab. */
#include <string.h>

#include "classic.h"
#include "emergency.h"
#include "harden.h"
#include "heap.h"
#include "large.h"
#include "os.h"
#include "peak.h"
#include "space.h"

_Atomic size_t mr_peak_carved;
_Atomic size_t mr_peak_grain;
static _Atomic size_t peak_next; /* where the next look is due */

/* A handler may have interrupted the holder: then it looks without waiting. */
static bool take_lock(struct mr_lock *lock, unsigned patience_ms)
{
    return !mr_lock_is_mine(lock) && mr_lock_acquire_within(lock, patience_ms);
}

/* ---- spans --------------------------------------------------------------------------------------- */

typedef bool each_span(void *ctx, struct mr_slab *head, bool is_free);

/* Under the space lock, or where nobody can hold it any more. */
static void walk_spans(each_span *each, void *ctx)
{
    for (uint32_t r = 0; r < mr_region_count; r++) {
        const struct mr_pool *pool = &mr_regions[r].pool;
        for (uint32_t i = mr_pool_first(pool); i != MR_POOL_NONE; i = mr_pool_next(pool, i))
            if (!each(ctx, (struct mr_slab *)mr_pool_node(pool, i), mr_pool_is_free(pool, i)))
                return;
    }
}

/* ---- the peak -------------------------------------------------------------------------------------- */

static bool add_in_use(void *ctx, struct mr_slab *head, bool is_free)
{
    size_t *sum = ctx;
    if (!is_free && mr_slab_kind(head) == MR_KIND_SLAB)
        *sum += mr_slab_in_use(head) * mr_sizeclass_bytes[MR_PEEK(head->cls)];
    else if (!is_free && mr_slab_kind(head) == MR_KIND_LARGE)
        *sum += MR_PEEK(head->large_bytes);
    return true;
}

static void raise_peak(size_t in_use)
{
    uint64_t seen = atomic_load_explicit(&mr_counters.peak_bytes, memory_order_relaxed);
    while (in_use > seen)
        if (atomic_compare_exchange_weak(&mr_counters.peak_bytes, &seen, in_use)) {
            mr_counters.peak_ms = mr_clock_ms();
            return;
        }
}

static void look_at_peak(size_t carved)
{
    size_t in_use = 0;
    atomic_store_explicit(&peak_next, carved + carved / 64, memory_order_relaxed);
    atomic_store_explicit(&mr_peak_grain, carved / 256, memory_order_relaxed);
    mr_lock_acquire(&mr_space_lock);
    walk_spans(add_in_use, &in_use);
    mr_lock_release(&mr_space_lock);
    raise_peak(in_use);
}

void mr_peak_settle(struct mr_heap *heap)
{
    size_t came = (size_t)heap->carved;
    size_t carved = atomic_fetch_add_explicit(&mr_peak_carved, came, memory_order_relaxed) + came;
    heap->carved = 0;
    if (carved > atomic_load_explicit(&peak_next, memory_order_relaxed))
        look_at_peak(carved);
}

/* ---- totals ------------------------------------------------------------------------------------------ */

static bool look_at_span(void *ctx, struct mr_slab *head, bool is_free)
{
    struct mr_heap_stats *stats = ctx;
    size_t bytes = (size_t)mr_slab_slices(head) << MR_SLICE_SHIFT;
    if (is_free) {
        if (((struct mr_span *)head)->stamp)
            stats->totals.dirty_bytes += bytes;
        else
            stats->totals.clean_bytes += bytes;
    } else if (mr_slab_kind(head) == MR_KIND_CACHED) {
        stats->totals.dirty_bytes += bytes;
    } else if (mr_slab_kind(head) == MR_KIND_SLAB) {
        struct mr_row *row = &stats->rows[MR_PEEK(head->cls)];
        uint64_t allocs = mr_slab_allocs(head), in_use = mr_slab_in_use(head);
        row->allocs += allocs;
        row->frees += allocs - in_use;
        row->slabs++;
        row->free_blocks += MR_PEEK(head->ext) - in_use;
    }
    return true;
}

/* Blocks between a free and the drain of an inbox are in use for their slab and free for the program.
 * They are added to the frees, and their memory to what is free in slabs. */
static void look_at_heaps(struct mr_heap_stats *stats)
{
    for (struct mr_heap *heap = mr_heaps_first(); heap; heap = heap->next) {
        for (unsigned c = 0; c < MR_CLASS_COUNT; c++) {
            struct mr_class_count *count = &heap->classes[c];
            uint64_t waiting = MR_PEEK(count->sent) - MR_PEEK(count->received);
            stats->rows[c].allocs += MR_PEEK(count->allocs);
            stats->rows[c].frees += MR_PEEK(count->frees) + waiting;
            stats->rows[c].free_blocks += waiting;
        }
        for (unsigned k = 0; k < MR_LARGE_ROWS; k++) {
            struct mr_row *row = &stats->rows[MR_CLASS_COUNT + k];
            uint64_t bytes = MR_PEEK(heap->large[k].alloc_bytes);
            row->allocs += MR_PEEK(heap->large[k].allocs);
            row->frees += MR_PEEK(heap->large[k].frees);
            row->alloc_bytes += bytes;
            row->in_use_bytes += bytes - MR_PEEK(heap->large[k].free_bytes);
        }
    }
    for (unsigned c = 0; c < MR_CLASS_COUNT; c++) {
        stats->rows[c].frees += mr_remote_stray[c];
        stats->rows[c].free_blocks += mr_remote_stray[c];
    }
}

static void name_rows(struct mr_heap_stats *stats)
{
    for (unsigned c = 0; c < MR_CLASS_COUNT; c++) {
        stats->rows[c].size = mr_sizeclass_bytes[c];
        stats->rows[c].slab_bytes = mr_sizeclass_slices(c) << MR_SLICE_SHIFT;
    }
    for (unsigned k = 0; k < MR_LARGE_ROWS; k++) {
        stats->rows[MR_CLASS_COUNT + k].size = MR_SLAB_MAX << (k + 1);
        stats->rows[MR_CLASS_COUNT + k].large = true;
    }
}

static void add_up(struct mr_heap_stats *stats)
{
    struct mr_totals *t = &stats->totals;
    for (unsigned i = 0; i < MR_ROW_COUNT; i++) {
        struct mr_row *row = &stats->rows[i];
        if (!row->large && mr_heap_where() == MR_ROUTE_SLAB) {
            row->alloc_bytes += row->allocs * row->size;
            row->in_use_bytes += (row->allocs - row->frees) * row->size;
        }
        t->allocations += row->allocs;
        t->frees += row->frees;
        t->allocated_bytes += row->alloc_bytes;
        t->in_use_bytes += row->in_use_bytes;
        t->slack_bytes += row->free_blocks * row->size;
    }
    t->in_use_blocks = t->allocations - t->frees;
    t->freed_bytes = t->allocated_bytes - t->in_use_bytes;
}

static void look_at_slabs(struct mr_heap_stats *stats, unsigned patience_ms)
{
    bool locked = take_lock(&mr_space_lock, patience_ms);
    walk_spans(look_at_span, stats);
    look_at_heaps(stats);
    for (uint32_t r = 0; r < mr_region_count; r++) {
        stats->totals.reserved_bytes += mr_regions[r].reserved;
        stats->totals.committed_bytes +=
            mr_regions[r].committed - mr_regions[r].table_bytes + mr_regions[r].table_committed;
    }
    stats->totals.metadata_bytes = mr_space_metadata();
    if (locked)
        mr_lock_release(&mr_space_lock);
}

static void look_at_classic(struct mr_heap_stats *stats, unsigned patience_ms)
{
    bool locked = take_lock(&mr_classic_lock, patience_ms);
    mr_classic_look(stats);
    if (locked)
        mr_lock_release(&mr_classic_lock);
}

static void look_at_counters(struct mr_totals *t)
{
    t->failed = mr_counters.failed;
    t->foreign_frees = mr_counters.foreign_frees;
    t->purged_bytes = mr_counters.purged_bytes;
    raise_peak(t->in_use_bytes);
    t->peak_bytes = mr_counters.peak_bytes;
    t->peak_ms = mr_counters.peak_ms;
    mr_heaps_count(&t->threads, &t->threads_peak);
}

static size_t resident_bytes(void)
{
    size_t resident = 0;
    for (uint32_t r = 0; r < mr_region_count; r++)
        resident += mr_vm_resident((char *)mr_regions[r].base, mr_regions[r].table_committed) +
                    mr_vm_resident((char *)mr_regions[r].base + mr_regions[r].table_bytes,
                                   mr_regions[r].committed - mr_regions[r].table_bytes);
    return resident;
}

void mr_heap_look(struct mr_heap_stats *stats, bool resident, unsigned patience_ms)
{
    memset(stats, 0, sizeof *stats);
    name_rows(stats);
    if (mr_heap_where() == MR_ROUTE_CLASSIC)
        look_at_classic(stats, patience_ms);
    else
        look_at_slabs(stats, patience_ms);
    mr_emergency_look(stats);
    mr_guarded_look(stats);
    add_up(stats);
    if (resident)
        stats->totals.resident_bytes = mr_heap_where() == MR_ROUTE_CLASSIC ? mr_classic_resident() : resident_bytes();
    look_at_counters(&stats->totals);
}

/* ---- blocks in use --------------------------------------------------------------------------------------- */

/* One bit per 16 bytes of each region: set at the first byte of every block that is free though its
 * slab may think otherwise. */
struct marks {
    uint64_t *bits[MR_REGION_MAX];
    size_t bytes[MR_REGION_MAX];
};

static bool set_mark(struct marks *marks, const void *p)
{
    for (uint32_t r = 0; r < mr_region_count; r++) {
        size_t offset = (uintptr_t)p - mr_regions[r].base;
        if (offset / 128 >= marks->bytes[r])
            continue;
        uint64_t bit = (uint64_t)1 << (offset / 16 % 64), *word = &marks->bits[r][offset / 16 / 64];
        bool fresh = !(*word & bit);
        *word |= bit;
        return fresh;
    }
    return false;
}

static bool is_marked(const struct marks *marks, const void *p)
{
    for (uint32_t r = 0; r < mr_region_count; r++) {
        size_t offset = (uintptr_t)p - mr_regions[r].base;
        if (offset / 128 < marks->bytes[r])
            return marks->bits[r][offset / 16 / 64] >> (offset / 16 % 64) & 1;
    }
    return false;
}

static bool is_block(const void *p)
{
    struct mr_slab *slice = mr_lookup_slice(p);
    struct mr_slab *head = slice ? mr_lookup_head(slice) : NULL;
    return head && mr_slab_kind(head) == MR_KIND_SLAB && mr_lookup_block(head, p) >= 0;
}

/* Follows a chain of free blocks until it ends, leaves the slabs or meets itself. */
static void mark_chain(struct marks *marks, void *p)
{
    while (p && is_block(p) && set_mark(marks, p))
        p = *(void **)p;
}

static void mark_by_map(struct marks *marks, const struct mr_slab *slab)
{
    for (uint32_t i = 0; i < slab->ext; i++)
        if (!mr_harden_in_use(slab, i))
            set_mark(marks, mr_lookup_start(slab) + (size_t)i * mr_sizeclass_bytes[slab->cls]);
}

static bool mark_span(void *ctx, struct mr_slab *head, bool is_free)
{
    if (is_free || mr_slab_kind(head) != MR_KIND_SLAB)
        return true;
    if (mr_harden_has(head)) {
        mark_by_map(ctx, head);
    } else {
        mark_chain(ctx, head->free);
        mark_chain(ctx, mr_slab_returned(head));
    }
    return true;
}

static void mark_letters(struct marks *marks, void *letter)
{
    for (; letter && is_block(letter) && !is_marked(marks, letter); letter = mr_letter_next(letter))
        mark_chain(marks, letter);
}

static void mark_waiting(struct marks *marks)
{
    for (struct mr_heap *heap = mr_heaps_first(); heap; heap = heap->next) {
        for (unsigned i = 0; i < MR_CHAIN_COUNT; i++)
            if (heap->chains[i].slab)
                mark_chain(marks, heap->chains[i].head);
        mark_letters(marks, atomic_load_explicit(&heap->inbox, memory_order_acquire));
    }
}

struct visit {
    struct marks *marks;
    mr_heap_each *each;
    void *ctx;
};

static bool visit_span(void *ctx, struct mr_slab *head, bool is_free)
{
    struct visit *v = ctx;
    if (is_free)
        return true;
    char *start = mr_lookup_start(head);
    if (mr_slab_kind(head) == MR_KIND_LARGE)
        return v->each(v->ctx, start, head->large_bytes);
    uint32_t size = mr_slab_kind(head) == MR_KIND_SLAB ? mr_sizeclass_bytes[head->cls] : 0;
    for (uint32_t i = 0; size && i < head->ext; i++)
        if (!is_marked(v->marks, start + (size_t)i * size) && !v->each(v->ctx, start + (size_t)i * size, size))
            return false;
    return true;
}

static void drop_marks(struct marks *marks)
{
    for (uint32_t r = 0; r < MR_REGION_MAX; r++)
        if (marks->bits[r])
            mr_vm_release(marks->bits[r], marks->bytes[r]);
}

static bool make_marks(struct marks *marks)
{
    memset(marks, 0, sizeof *marks);
    for (uint32_t r = 0; r < mr_region_count; r++) {
        size_t bytes = mr_align_up(mr_regions[r].committed / 128, mr_os_page);
        marks->bits[r] = mr_vm_reserve(bytes, mr_os_page);
        marks->bytes[r] = marks->bits[r] ? bytes : 0;
        if (!marks->bits[r] || !mr_vm_commit(marks->bits[r], bytes)) {
            drop_marks(marks);
            return false;
        }
    }
    return true;
}

static bool walk_slabs(mr_heap_each *each, void *ctx, unsigned patience_ms)
{
    struct marks marks;
    if (!make_marks(&marks))
        return false;
    bool locked = take_lock(&mr_space_lock, patience_ms);
    walk_spans(mark_span, &marks);
    mark_waiting(&marks);
    struct visit visit = { &marks, each, ctx };
    walk_spans(visit_span, &visit);
    if (locked)
        mr_lock_release(&mr_space_lock);
    drop_marks(&marks);
    return true;
}

bool mr_heap_walk(mr_heap_each *each, void *ctx, unsigned patience_ms)
{
    if (!mr_emergency_walk(each, ctx) || !mr_guarded_walk(each, ctx))
        return true;
    if (mr_heap_where() != MR_ROUTE_CLASSIC)
        return walk_slabs(each, ctx, patience_ms);
    bool locked = take_lock(&mr_classic_lock, patience_ms);
    bool done = mr_classic_walk(each, ctx);
    if (locked)
        mr_lock_release(&mr_classic_lock);
    return done;
}

/* ---- check -------------------------------------------------------------------------------------------------- */

const char *mr_heap_check(void)
{
    if (mr_heap_where() == MR_ROUTE_CLASSIC)
        return mr_classic_check();
    const char *wrong = mr_space_check();
    wrong = wrong ? wrong : mr_guarded_check();
    for (struct mr_heap *heap = mr_heaps_first(); heap && !wrong; heap = heap->next)
        if (atomic_load_explicit(&heap->state, memory_order_relaxed) != MR_HEAP_DEAD)
            wrong = mr_bin_check(heap);
    return wrong;
}

const char *mr_heap_check_still(const void **at)
{
    *at = NULL;
    if (mr_heap_where() == MR_ROUTE_CLASSIC)
        return mr_classic_check();
    const char *wrong = mr_space_check();
    for (struct mr_heap *heap = mr_heaps_first(); heap && !wrong; heap = heap->next)
        if (mr_heaps_is_still(heap))
            wrong = mr_bin_check_at(heap, 1, at);
    return wrong;
}
