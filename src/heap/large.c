#include "large.h"

#include <string.h>

#include "cache.h"
#include "harden.h"
#include "os.h"
#include "peak.h"
#include "space.h"

/* From here on moving pages beats copying them; below, the hole that the move leaves (its pages must be
 * faulted in again) costs more than the copy. Each moved block is a mapping or two of its own, of
 * which a process has 65,530: so many may be out at a time. large_moved is the length of that mapping: a
 * block that has grown past its end lies in two, which cannot be moved in one call and are copied. */
static const size_t MOVE_LEAST = (size_t)4 << 20;
enum { MOVED_MOST = 256 };

/* Room behind a block that has been grown; larger ones move. */
static const size_t ROOM_MOST = (size_t)8 << 20;

static _Atomic int moved_count;

MR_INLINE void count_take(struct mr_heap *heap, size_t bytes)
{
    struct mr_large_count *row = &heap->large[mr_large_row(bytes)];
    MR_ADD(row->allocs, 1);
    MR_ADD(row->alloc_bytes, bytes);
    mr_peak_add(heap, (int64_t)bytes);
}

MR_INLINE void count_give(struct mr_heap *heap, size_t bytes)
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

MR_INLINE struct mr_slab *start_block(struct mr_heap *heap, struct mr_slab *head, size_t bytes)
{
    MR_POKE(head->large_bytes, bytes);
    head->large_moved = 0;
    head->large_tag = (uint64_t)1 << 32; /* in use, no label */
    mr_slab_set_kind(head, MR_KIND_LARGE);
    count_take(heap, bytes);
    return head;
}

/* A block of `bytes` in a span of at least `slices`. */
static struct mr_slab *place(struct mr_heap *heap, size_t bytes, size_t slices, size_t align_slices, bool *zero)
{
    if (MR_UNLIKELY(atomic_load_explicit(&later, memory_order_relaxed) != NULL))
        free_what_waits(heap);
    if (slices > MR_POOL_MAX_UNITS || align_slices > MR_POOL_MAX_UNITS)
        return NULL;
    struct mr_slab *head = align_slices == 1 ? mr_cache_take(heap, (uint32_t)slices, zero)
                                             : mr_space_take((uint32_t)slices, (uint32_t)align_slices, zero);
    return head ? start_block(heap, head, bytes) : NULL;
}

void *mr_large_take_cached(struct mr_heap *heap, size_t size)
{
    size_t bytes = mr_align_up(size, mr_os_page), slices = mr_space_slices(bytes);
    struct mr_slab *head = slices <= MR_CACHE_SLICES ? mr_cache_try(heap, (uint32_t)slices) : NULL;
    return MR_LIKELY(head != NULL) ? mr_lookup_start(start_block(heap, head, bytes)) : NULL;
}

void *mr_large_take(struct mr_heap *heap, size_t size, size_t align, bool *zero)
{
    size_t bytes = usable_for(size);
    struct mr_slab *head = place(heap, bytes, mr_space_slices(bytes), mr_max(align >> MR_SLICE_SHIFT, 1), zero);
    return head ? mr_lookup_start(head) : NULL;
}

/* A moved block's mapping cannot merge with its neighbours; a fresh one in its place can. */
static bool restore_mapping(struct mr_slab *head)
{
    size_t bytes = (size_t)(mr_slab_slices(head) - mr_space_guard()) << MR_SLICE_SHIFT;
    atomic_fetch_sub_explicit(&moved_count, 1, memory_order_relaxed);
    head->large_moved = 0;
    return mr_vm_commit(mr_lookup_start(head), bytes);
}

MR_INLINE void give(struct mr_heap *heap, struct mr_slab *head, bool clean)
{
    if (MR_UNLIKELY(head->large_moved))
        clean = restore_mapping(head) || clean;
    if (MR_UNLIKELY(mr_space_guard() != 0) && !clean)
        clean = mr_harden_wipe(head, 0);
    mr_cache_give(heap, head, clean);
}

void mr_large_free(struct mr_heap *heap, struct mr_slab *head)
{
    count_give(heap, head->large_bytes);
    give(heap, head, false);
    mr_cache_follow_purge(heap);
}

bool mr_large_try_free(struct mr_slab *head, void *p)
{
    struct mr_heap *heap = mr_heap_self;
    if (MR_UNLIKELY(!mr_heap_is_real(heap) || (char *)p != mr_lookup_start(head)))
        return false;
    mr_heaps_enter_own(heap);
    mr_large_free(heap, head);
    mr_heaps_leave(heap);
    return true;
}

static void set_bytes(struct mr_heap *heap, struct mr_slab *head, size_t bytes)
{
    size_t before = head->large_bytes;
    MR_POKE(head->large_bytes, bytes);
    count_resize(heap, before, bytes);
}

/* Whether the span is right as it is: the block grows into the room it has, or it shrinks by little and
 * cannot be cut, being moved. */
static bool fits_span(const struct mr_slab *head, size_t bytes)
{
    size_t slices = mr_space_slices(bytes), has = mr_slab_slices(head);
    return slices == has || (slices < has && bytes >= (head->large_moved ? head->large_bytes / 2 : head->large_bytes));
}

static bool resize_in_place(struct mr_heap *heap, struct mr_slab *head, size_t bytes)
{
    if (MR_UNLIKELY(mr_space_guard() != 0) && bytes < head->large_bytes)
        mr_harden_wipe(head, bytes);
    if (!fits_span(head, bytes) &&
        (head->large_moved || !mr_space_resize(head, (uint32_t)mr_space_slices(bytes))))
        return false;
    set_bytes(heap, head, bytes);
    return true;
}

static bool may_move(const struct mr_slab *head)
{
    bool one_mapping = head->large_moved == 0 || head->large_moved >= head->large_bytes;
    return head->large_bytes >= MOVE_LEAST && one_mapping &&
           atomic_load_explicit(&moved_count, memory_order_relaxed) < MOVED_MOST;
}

static bool move_pages(struct mr_slab *head, struct mr_slab *to)
{
    if (!may_move(head) || !mr_vm_move(mr_lookup_start(head), mr_lookup_start(to), head->large_bytes))
        return false;
    to->large_moved = head->large_bytes;
    atomic_fetch_add_explicit(&moved_count, 1, memory_order_relaxed);
    return true;
}

/* A block that was grown will be grown again: so much room behind it spares the next copies, and costs
 * address space until it is written. */
static size_t room_for(size_t bytes) { return mr_space_is_roomy() ? mr_min(bytes, ROOM_MOST) : 0; }

static struct mr_slab *relocate(struct mr_heap *heap, struct mr_slab *head, size_t bytes)
{
    bool zero;
    size_t old = head->large_bytes;
    struct mr_slab *to = place(heap, bytes, mr_space_slices(bytes + room_for(bytes)), 1, &zero);
    if (!to)
        return NULL;
    bool moved = move_pages(head, to);
    if (!moved && zero)
        mr_vm_populate(mr_lookup_start(to), old); /* one call instead of a fault for each OS page of the copy */
    if (!moved)
        memcpy(mr_lookup_start(to), mr_lookup_start(head), old);
    count_give(heap, old);
    give(heap, head, moved);
    return to;
}

void *mr_large_resize(struct mr_heap *heap, struct mr_slab *head, size_t size)
{
    size_t bytes = usable_for(size);
    if (mr_space_slices(bytes) > MR_POOL_MAX_UNITS)
        return NULL;
    if (!resize_in_place(heap, head, bytes))
        head = bytes > head->large_bytes ? relocate(heap, head, bytes) : NULL;
    return head ? mr_lookup_start(head) : NULL;
}
