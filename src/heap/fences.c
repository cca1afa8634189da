#include "fences.h"

#include "os.h"

/* A guard is a mapping and parts another: of 65,530 that a process may have, the heap takes half at most. Below a limit on
 * data there are none: what they give up others would take, and they could not be undone. */
enum { GUARDS_MOST = 16 << 10 };
static int guards_most;
static _Atomic int guard_count;

void mr_fences_init(bool on) { guards_most = on && !mr_process_data_is_limited() ? GUARDS_MOST : 0; }

static size_t fence_bytes(const struct mr_region *region)
{
    return mr_align_up((region->reserved >> MR_SLICE_SHIFT) / 8 + 8, mr_os_page);
}

bool mr_fences_reserve(struct mr_region *region)
{
    void *at = mr_vm_reserve(fence_bytes(region), mr_os_page);
    region->fences = at;
    return at && mr_vm_commit(at, fence_bytes(region));
}

static struct mr_region *region_of(const struct mr_slab *slab)
{
    struct mr_region *region = mr_regions;
    while ((uintptr_t)slab - region->base >= region->reserved)
        region++;
    return region;
}

static uint64_t fence_bit(uint32_t slice) { return (uint64_t)1 << slice % 64; }

/* The first guard of the slices from..end - 1; end: none. */
static uint32_t next_fence(const struct mr_region *region, uint32_t from, uint32_t end)
{
    for (; from < end; from = (from / 64 + 1) * 64) {
        uint64_t bits = atomic_load_explicit(&region->fences[from / 64], memory_order_relaxed) >> from % 64;
        if (bits)
            return mr_min(from + mr_lowest_bit(bits), end);
    }
    return end;
}

static void set_fence(struct mr_region *region, uint32_t slice)
{
    atomic_fetch_or_explicit(&region->fences[slice / 64], fence_bit(slice), memory_order_relaxed);
}

/* Those slices are accessible now. */
static void clear_fences(struct mr_region *region, uint32_t from, uint32_t end)
{
    int count = 0;
    for (uint32_t i = from; (i = next_fence(region, i, end)) < end; i++, count++)
        atomic_fetch_and_explicit(&region->fences[i / 64], ~fence_bit(i), memory_order_relaxed);
    atomic_fetch_sub_explicit(&guard_count, count, memory_order_relaxed);
}

static bool protect(const struct mr_region *region, uint32_t from, uint32_t end, bool accessible)
{
    return mr_vm_protect((char *)region->base + ((size_t)from << MR_SLICE_SHIFT), (size_t)(end - from) << MR_SLICE_SHIFT,
                         accessible);
}

static bool open_slices(struct mr_region *region, uint32_t from, uint32_t end)
{
    uint32_t first = next_fence(region, from, end), last = first;
    if (MR_LIKELY(first == end))
        return true;
    for (uint32_t i = first; i < end; i = next_fence(region, i + 1, end))
        last = i;
    if (!protect(region, first, last + 1, true))
        return false;
    clear_fences(region, first, last + 1);
    return true;
}

/* zero: the slice costs nothing as it is. */
static bool raise_guard(struct mr_region *region, uint32_t slice, bool zero)
{
    char *at = (char *)region->base + ((size_t)slice << MR_SLICE_SHIFT);
    if (atomic_fetch_add_explicit(&guard_count, 1, memory_order_relaxed) < guards_most &&
        (zero || mr_vm_purge(at, MR_SLICE)) && protect(region, slice, slice + 1, false)) {
        set_fence(region, slice);
        return true;
    }
    atomic_fetch_sub_explicit(&guard_count, 1, memory_order_relaxed);
    return false;
}

bool mr_fences_close(struct mr_slab *head, bool zero)
{
    struct mr_region *region = region_of(head);
    uint32_t start = (uint32_t)(head - (struct mr_slab *)region->base), last = start + mr_slab_slices(head) - 1;
    if (!open_slices(region, start, last))
        return false;
    head->guarded = next_fence(region, last, last + 1) == last || raise_guard(region, last, zero);
    return true;
}

bool mr_fences_open(struct mr_slab *head)
{
    struct mr_region *region = region_of(head);
    uint32_t end = (uint32_t)(head - (struct mr_slab *)region->base) + mr_slab_slices(head);
    if (!open_slices(region, end - 1, end))
        return false;
    head->guarded = false;
    return true;
}

/* Spans with guards that the system does not open, because of a limit that came later. They are inaccessible as a
 * whole, which a limit on data does not count: so others can come back, and some of them in the end. */
static struct mr_slab *_Atomic aside;

static void push_aside(struct mr_slab *head)
{
    head->next = atomic_load_explicit(&aside, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&aside, &head->next, head, memory_order_release, memory_order_relaxed))
        ;
}

void mr_fences_set_aside(struct mr_slab *head)
{
    size_t bytes = (size_t)mr_slab_slices(head) << MR_SLICE_SHIFT;
    mr_vm_purge(mr_lookup_start(head), bytes);
    mr_vm_protect(mr_lookup_start(head), bytes, false);
    push_aside(head);
}

static bool come_back(struct mr_slab *head)
{
    struct mr_region *region = region_of(head);
    uint32_t start = (uint32_t)(head - (struct mr_slab *)region->base), end = start + mr_slab_slices(head);
    if (!protect(region, start, end, true))
        return false;
    clear_fences(region, start, end);
    mr_space_give(head, true);
    return true;
}

void mr_fences_call_back(void)
{
    struct mr_slab *head = atomic_exchange_explicit(&aside, NULL, memory_order_acquire);
    bool more = true;
    while (head) {
        struct mr_slab *next = head->next;
        if (!more || !(more = come_back(head)))
            push_aside(head);
        head = next;
    }
}
