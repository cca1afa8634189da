#include "large.h"

#include "cache.h"
#include "os.h"
#include "peak.h"
#include "space.h"

/* From here on moving pages beats copying them; below, the hole that the move leaves (its pages must be
 * faulted in again) costs more than the copy. Each moved block is a mapping or two of its own, of
 * which a process has 65,530: so many may be out at a time. */
static const size_t MOVE_LEAST = (size_t)4 << 20;
enum { MOVED_MOST = 256 };

static _Atomic int moved_count;

unsigned mr_large_row(size_t bytes)
{
    return (unsigned)mr_min(mr_log2_floor((bytes - 1) / MR_SLAB_MAX), MR_LARGE_ROWS - 1);
}

static void count_take(struct mr_heap *heap, size_t bytes)
{
    struct mr_large_count *row = &heap->large[mr_large_row(bytes)];
    MR_ADD(row->allocs, 1);
    MR_ADD(row->alloc_bytes, bytes);
    mr_peak_add(heap, (int64_t)bytes);
}

static void count_give(struct mr_heap *heap, size_t bytes)
{
    struct mr_large_count *row = &heap->large[mr_large_row(bytes)];
    MR_ADD(row->frees, 1);
    MR_ADD(row->free_bytes, bytes);
    mr_peak_add(heap, -(int64_t)bytes);
}

/* A block that changes its size where it stands is still the same allocation, now of the other size. The
 * row it leaves may have counted it in another heap: sums are modulo 2^64 and come out right. */
static void count_resize(struct mr_heap *heap, size_t before, size_t after)
{
    struct mr_large_count *from = &heap->large[mr_large_row(before)], *to = &heap->large[mr_large_row(after)];
    MR_ADD(from->allocs, -(uint64_t)1);
    MR_ADD(from->alloc_bytes, -(uint64_t)before);
    MR_ADD(to->allocs, 1);
    MR_ADD(to->alloc_bytes, after);
    mr_peak_add(heap, (int64_t)(after - before));
}

static size_t slices_for(size_t bytes) { return (bytes + MR_SLICE - 1) >> MR_SLICE_SHIFT; }

/* Small requests of huge alignment come here too: a large block has more than MR_SLAB_MAX bytes. */
static size_t usable_for(size_t size)
{
    return mr_align_up(mr_max(size, MR_SLAB_MAX + 1), mr_os_page);
}

/* Blocks put aside, linked through their descriptors. */
static struct mr_slab *_Atomic later;

void mr_large_free_later(struct mr_slab *head)
{
    mr_slab_set_kind(head, MR_KIND_CACHED); /* no block any more: freed again it is a finding */
    head->next = atomic_load_explicit(&later, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&later, &head->next, head, memory_order_release, memory_order_relaxed))
        ;
}

static void free_what_waits(struct mr_heap *heap)
{
    struct mr_slab *head = atomic_exchange_explicit(&later, NULL, memory_order_acquire);
    while (head) {
        struct mr_slab *next = head->next;
        mr_large_free(heap, head);
        head = next;
    }
}

void *mr_large_take(struct mr_heap *heap, size_t size, size_t align, bool *zero)
{
    if (MR_UNLIKELY(atomic_load_explicit(&later, memory_order_relaxed) != NULL))
        free_what_waits(heap);
    size_t bytes = usable_for(size), slices = slices_for(bytes);
    size_t align_slices = mr_max(align >> MR_SLICE_SHIFT, 1);
    if (slices > MR_POOL_MAX_UNITS || align_slices > MR_POOL_MAX_UNITS)
        return NULL;
    struct mr_slab *head = align_slices == 1 ? mr_cache_take(heap, (uint32_t)slices, zero)
                                             : mr_space_take((uint32_t)slices, (uint32_t)align_slices, zero);
    if (!head)
        return NULL;
    MR_POKE(head->large_bytes, bytes);
    head->large_moved = 0;
    head->large_tag = (uint64_t)1 << 32; /* in use, no label */
    mr_slab_set_kind(head, MR_KIND_LARGE);
    count_take(heap, bytes);
    return mr_lookup_start(head);
}

/* A moved block's mapping cannot merge with its neighbours; a fresh one in its place can. */
static bool restore_mapping(struct mr_slab *head)
{
    size_t bytes = (size_t)mr_slab_slices(head) << MR_SLICE_SHIFT;
    atomic_fetch_sub_explicit(&moved_count, 1, memory_order_relaxed);
    head->large_moved = 0;
    return mr_vm_commit(mr_lookup_start(head), bytes);
}

static void give(struct mr_heap *heap, struct mr_slab *head, bool clean)
{
    if (head->large_moved)
        clean = restore_mapping(head) || clean;
    mr_cache_give(heap, head, clean);
}

void mr_large_free(struct mr_heap *heap, struct mr_slab *head)
{
    count_give(heap, head->large_bytes);
    give(heap, head, false);
}

static void *resize_in_place(struct mr_heap *heap, struct mr_slab *head, size_t bytes)
{
    size_t slices = slices_for(bytes);
    if (slices != mr_slab_slices(head) && (head->large_moved || !mr_space_resize(head, (uint32_t)slices)))
        return NULL;
    size_t before = head->large_bytes;
    MR_POKE(head->large_bytes, bytes);
    count_resize(heap, before, bytes);
    return mr_lookup_start(head);
}

static bool may_move(size_t bytes)
{
    return bytes >= MOVE_LEAST && atomic_load_explicit(&moved_count, memory_order_relaxed) < MOVED_MOST;
}

static void *resize_by_moving(struct mr_heap *heap, struct mr_slab *head, size_t bytes)
{
    bool zero;
    size_t old = head->large_bytes;
    if (!may_move(old))
        return NULL;
    char *to = mr_large_take(heap, bytes, MR_SLICE, &zero);
    if (!to)
        return NULL;
    struct mr_slab *new_head = mr_lookup_slice(to);
    if (!mr_vm_move(mr_lookup_start(head), to, old)) {
        mr_large_free(heap, new_head);
        return NULL;
    }
    new_head->large_moved = 1;
    atomic_fetch_add_explicit(&moved_count, 1, memory_order_relaxed);
    count_give(heap, old);
    give(heap, head, true);
    return to;
}

void *mr_large_resize(struct mr_heap *heap, struct mr_slab *head, size_t size)
{
    size_t bytes = usable_for(size);
    if (slices_for(bytes) > MR_POOL_MAX_UNITS)
        return NULL;
    void *p = resize_in_place(heap, head, bytes);
    if (!p && bytes > head->large_bytes)
        p = resize_by_moving(heap, head, bytes);
    return p;
}
