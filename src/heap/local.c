/* local.c: what stands behind the fast paths, and the routing of every request. */
#include <string.h>

#include "cache.h"
#include "classic.h"
#include "emergency.h"
#include "harden.h"
#include "heap.h"
#include "large.h"
#include "space.h"

static const size_t ZERO_BY_PURGE = (size_t)32 << 20;

/* ---- taking -------------------------------------------------------------------------------------- */

/* A block that is at hand, of any size; else NULL, and nothing happened. */
static void *try_take(size_t size)
{
    return MR_LIKELY(size <= MR_SMALL_MAX) ? mr_heap_try_malloc(size) : mr_heap_try_medium(size);
}

/* A large block from the spans the heap has at hand. What sets the process up, or is aligned, or finds nothing
 * there goes the long way. */
static void *try_large(size_t size)
{
    struct mr_heap *heap = mr_heap_self;
    if (MR_UNLIKELY(!mr_heap_is_real(heap)))
        return NULL;
    mr_heaps_enter();
    mr_remote_drain(heap);
    void *p = mr_large_take_cached(heap, size);
    mr_heaps_leave(heap);
    return p;
}

static void *take_in(struct mr_heap *heap, size_t size, size_t align, bool *zero, uint32_t label)
{
    mr_remote_drain(heap);
    if (size <= MR_SLAB_MAX && align <= MR_SLICE) {
        unsigned cls = mr_sizeclass_of(align <= 16 ? size : mr_sizeclass_round(size, align));
        void *p = align <= 16 ? mr_bin_borrow(heap, cls, zero) : NULL;
        return p ? p : mr_bin_take_tagged(heap, cls, zero, mr_tag_make(label, mr_sizeclass_bytes[cls] - size));
    }
    void *p = mr_large_take(heap, size, align, zero);
    if (p && MR_UNLIKELY(heap->mark & MR_OWNER_WATCHED))
        mr_tag_set(p, label, size);
    return p;
}

void *mr_heap_take_in(struct mr_heap *heap, size_t size, size_t align, bool *zero, uint32_t label)
{
    *zero = false;
    if (MR_UNLIKELY(!heap))
        return mr_emergency_take(size, align);
    if (MR_LIKELY(mr_heap_where() != MR_ROUTE_CLASSIC))
        return take_in(heap, size, align, zero, label);
    void *p = mr_classic_take(size, align, zero);
    if (p)
        mr_tag_set(p, label, size);
    return p;
}

static void *take(size_t size, size_t align, bool *zero)
{
    *zero = false;
    struct mr_heap *heap = mr_heaps_enter();
    if (MR_UNLIKELY(!heap))
        return mr_emergency_take(size, align);
    void *p = take_in(heap, size, align, zero, 0);
    mr_heaps_leave(heap);
    return p;
}

static void *route_take(size_t size, size_t align, bool *zero)
{
    if (MR_UNLIKELY(mr_heap_where() != MR_ROUTE_SLAB)) {
        mr_heap_boot();
        if (mr_heap_where() == MR_ROUTE_CLASSIC)
            return mr_classic_take(size, align, zero);
        if (mr_heap_where() != MR_ROUTE_SLAB) /* nothing to be had, or this is a request of the set-up itself */
            return mr_emergency_take(size, align);
    }
    return take(size, align, zero);
}

void *mr_heap_take_behind(size_t size)
{
    return size <= MR_SLAB_MAX ? mr_heap_pop(mr_heap_self->behind[mr_sizeclass_of(size)]) : NULL;
}

void *mr_heap_malloc_rest(size_t size)
{
    bool zero;
    void *p;
    if (size > MR_SLAB_MAX && size <= MR_CACHE_SLICES << MR_SLICE_SHIFT && (p = try_large(size)))
        return p;
    return mr_heap_is_hopeless(size) ? NULL : route_take(size, 16, &zero);
}

void *mr_heap_malloc(size_t size)
{
    void *p = try_take(size);
    return MR_LIKELY(p != NULL) || (p = mr_harden_try_malloc(size)) ? p : mr_heap_malloc_rest(size);
}

/* Pages of a block that large are given back rather than written: who asks for so much zeroed memory
 * seldom touches all of it. The block has been used before, so it may still be in memory. */
void *mr_heap_clear(void *p, size_t size)
{
    size_t whole = mr_align_down(size, mr_os_page);
    if (size < ZERO_BY_PURGE || (uintptr_t)p % mr_os_page != 0 || !mr_vm_purge(p, whole))
        return memset(p, 0, size);
    memset((char *)p + whole, 0, size - whole);
    return p;
}

void *mr_heap_calloc(size_t size)
{
    bool zero = false;
    void *p = try_take(size);
    if (!p)
        p = mr_harden_try_malloc(size);
    if (!p && !mr_heap_is_hopeless(size))
        p = route_take(size, 16, &zero);
    return p && !zero ? mr_heap_clear(p, size) : p;
}

void *mr_heap_aligned(size_t align, size_t size)
{
    bool zero;
    void *p;
    if (align <= 16)
        return mr_heap_malloc(size);
    if (size <= MR_SLAB_MAX && align <= MR_SLICE && (p = try_take(mr_sizeclass_round(size, align))))
        return p;
    return mr_heap_is_hopeless(size) || align > PTRDIFF_MAX / 2 ? NULL : route_take(size, align, &zero);
}

/* ---- giving back ------------------------------------------------------------------------------------- */

void mr_heap_emptied(struct mr_slab *slab)
{
    struct mr_heap *heap = mr_heaps_enter();
    /* A signal handler may have come between the free and here, and used or even given back the slab. */
    if (atomic_load_explicit(&slab->owner, memory_order_relaxed) == ((uintptr_t)heap | heap->mark) && mr_slab_is_empty(slab))
        mr_bin_emptied(heap, slab);
    mr_cache_follow_purge(heap);
    mr_heaps_leave(heap);
}

static struct mr_heap *owner_of(const struct mr_slab *slab)
{
    return (struct mr_heap *)(atomic_load_explicit(&slab->owner, memory_order_relaxed) & ~MR_OWNER_FLAGS);
}

/* The block's tag says whether it is in use; whoever frees it clears that, the owner or not. */
static bool untag(struct mr_slab *slab, uint32_t index)
{
    uint32_t *tag = mr_tag_at(slab, index), was = *tag;
    *tag = 0;
    return was != 0;
}

/* The block this thread freed last in that slab. */
static bool is_last_freed(struct mr_heap *heap, struct mr_heap *owner, struct mr_slab *slab, const void *p)
{
    return heap == owner ? p == slab->free : heap && mr_remote_was_last(heap, slab, p);
}

/* heap: entered, or NULL when none could be. */
static enum mr_freed free_slab_block(struct mr_heap *heap, struct mr_slab *slab, void *p)
{
    struct mr_heap *owner = owner_of(slab);
    int index = owner ? mr_lookup_block(slab, p) : -1;
    if (MR_UNLIKELY(index < 0 || is_last_freed(heap, owner, slab, p)))
        return MR_NOT_A_BLOCK;
    if (MR_UNLIKELY(mr_tag_is_watched(slab) && !untag(slab, (uint32_t)index)))
        return MR_NOT_A_BLOCK;
    if (MR_UNLIKELY(mr_harden_has(slab)))
        return mr_harden_free(heap, owner, slab, (uint32_t)index);
    if (heap == owner)
        mr_bin_free(heap, slab, p);
    else if (heap)
        mr_remote_free(heap, owner, slab, p);
    else
        mr_remote_send_one(owner, slab, p);
    return MR_FREED;
}

static enum mr_freed free_large(struct mr_heap *heap, struct mr_slab *head, void *p)
{
    if (MR_UNLIKELY((char *)p != mr_lookup_start(head)))
        return MR_NOT_A_BLOCK;
    if (MR_UNLIKELY(!heap))
        mr_large_free_later(head);
    else
        mr_large_free(heap, head);
    return MR_FREED;
}

enum mr_freed mr_heap_free(void *p)
{
    if (MR_LIKELY(mr_heap_try_free(p)) || mr_harden_try_free(p) || mr_heap_try_free_next(p))
        return MR_FREED;
    return mr_heap_free_rest(p);
}

static enum mr_freed free_in(struct mr_heap *heap, struct mr_slab *head, void *p)
{
    return mr_slab_kind(head) == MR_KIND_SLAB ? free_slab_block(heap, head, p) : free_large(heap, head, p);
}

/* The head of the slab or large block that p points into; NULL in none. */
static struct mr_slab *held_at(const void *p)
{
    struct mr_slab *slice = mr_lookup_slice(p), *head = slice ? mr_lookup_head(slice) : NULL;
    return head && (mr_slab_kind(head) == MR_KIND_SLAB || mr_slab_kind(head) == MR_KIND_LARGE) ? head : NULL;
}

static enum mr_freed free_elsewhere(void *p)
{
    if (mr_guarded_holds(p))
        return mr_guarded_free(p);
    return mr_lookup_slice(p) ? MR_NOT_A_BLOCK : mr_emergency_free(p);
}

static enum mr_freed free_classic(void *p) { return mr_guarded_holds(p) ? mr_guarded_free(p) : mr_classic_free(p); }

enum mr_freed mr_heap_free_in(struct mr_heap *heap, void *p)
{
    if (MR_UNLIKELY(mr_heap_where() == MR_ROUTE_CLASSIC))
        return free_classic(p);
    struct mr_slab *head = held_at(p);
    return MR_LIKELY(head != NULL) ? free_in(heap, head, p) : free_elsewhere(p);
}

enum mr_freed mr_heap_free_rest(void *p)
{
    if (!p)
        return MR_FREED;
    if (MR_UNLIKELY(mr_heap_where() == MR_ROUTE_CLASSIC))
        return free_classic(p);
    struct mr_slab *head = held_at(p);
    if (MR_UNLIKELY(!head))
        return free_elsewhere(p);
    struct mr_heap *heap = mr_heaps_enter();
    enum mr_freed freed = free_in(heap, head, p);
    if (heap)
        mr_heaps_leave(heap);
    return freed;
}

/* ---- sizes and resizing ----------------------------------------------------------------------------------- */

static size_t usable_guarded(const void *p, enum mr_freed *known)
{
    bool in_use;
    size_t usable = mr_guarded_usable(p, &in_use);
    *known = in_use ? MR_FREED : MR_NOT_A_BLOCK;
    return usable;
}

/* A block starts there, which is in use as far as that can be known. */
static bool is_block(const struct mr_slab *slab, const void *p)
{
    int index = mr_lookup_block(slab, p);
    return index >= 0 && (MR_LIKELY(!mr_harden_has(slab)) || mr_harden_in_use(slab, (uint32_t)index));
}

static MR_NOINLINE size_t usable_rest(const void *p, enum mr_freed *known)
{
    enum mr_freed ignored;
    known = known ? known : &ignored;
    if (mr_guarded_holds(p))
        return usable_guarded(p, known);
    if (mr_heap_where() == MR_ROUTE_CLASSIC)
        return mr_classic_usable(p, known);
    struct mr_slab *slice = mr_lookup_slice(p);
    struct mr_slab *head = slice ? mr_lookup_head(slice) : NULL;
    size_t emergency = head ? 0 : mr_emergency_usable(p);
    *known = head || emergency ? MR_FREED : MR_NOT_OURS;
    if (emergency)
        return emergency;
    if (head && mr_slab_kind(head) == MR_KIND_SLAB && is_block(head, p))
        return mr_sizeclass_bytes[head->cls];
    if (head && mr_slab_kind(head) == MR_KIND_LARGE && (const char *)p == mr_lookup_start(head))
        return head->large_bytes;
    if (head)
        *known = MR_NOT_A_BLOCK;
    return 0;
}

/* Of a block in the first slice of a slab where freed ones are not told from others; else 0. Programs that count their own memory ask this for each request. */
static size_t usable_of_small(const void *p)
{
    uintptr_t base = mr_lookup_base;
    if (MR_UNLIKELY((uintptr_t)p - base >= MR_GLANCE(mr_lookup_bytes)))
        return 0;
    const struct mr_slab *slab = mr_slab_at(base, (uintptr_t)p);
    size_t bytes = mr_sizeclass_bytes[slab->cls], offset = (uintptr_t)p % MR_SLICE;
    size_t index = offset * mr_sizeclass_inverse[slab->cls] >> 32;
    bool is_block = mr_slab_kind(slab) == MR_KIND_SLAB && index * bytes == offset && index < MR_PEEK(slab->ext);
    return MR_LIKELY(is_block) && !mr_harden_has(slab) ? bytes : 0;
}

size_t mr_heap_usable(const void *p, enum mr_freed *known)
{
    size_t bytes = usable_of_small(p);
    if (MR_UNLIKELY(!bytes))
        return usable_rest(p, known);
    if (known)
        *known = MR_FREED;
    return bytes;
}

/* A block may stay where it is when it fits and does not waste half of itself. */
static bool fits_in_place(size_t usable, size_t size)
{
    return size <= usable && (usable <= 64 || size >= usable / 2);
}

/* A small block stays when the new size is one of its class: its tag has no room for more slack. */
void *mr_heap_resize_in(struct mr_heap *heap, void *p, size_t size)
{
    if (mr_guarded_holds(p))
        return NULL;
    if (mr_heap_where() == MR_ROUTE_CLASSIC)
        return mr_classic_resize(p, size);
    size_t usable = mr_heap_usable(p, NULL);
    if (usable > MR_SLAB_MAX)
        return size > MR_SLAB_MAX ? mr_large_resize(heap, mr_lookup_slice(p), size) : NULL;
    return size <= MR_SLAB_MAX && mr_sizeclass_bytes[mr_sizeclass_of(size)] == usable ? p : NULL;
}

static void *resize_large(void *p, size_t size)
{
    struct mr_heap *heap = mr_heaps_enter();
    if (!heap)
        return NULL;
    void *q = mr_large_resize(heap, mr_lookup_slice(p), size);
    mr_heaps_leave(heap);
    return q;
}

/* A guarded block has no room, and its size is exact. */
static void *resize(void *p, size_t usable, size_t size)
{
    if (mr_guarded_holds(p))
        return size == usable ? p : NULL;
    if (mr_heap_where() == MR_ROUTE_CLASSIC)
        return mr_classic_resize(p, size);
    if (usable > MR_SLAB_MAX && size > MR_SLAB_MAX && mr_lookup_slice(p))
        return resize_large(p, size);
    return fits_in_place(usable, size) ? p : NULL;
}

void *mr_heap_realloc(void *p, size_t size, enum mr_freed *freed)
{
    size_t usable = mr_heap_usable(p, freed);
    if (*freed != MR_FREED || mr_heap_is_hopeless(size))
        return NULL;
    void *q = resize(p, usable, size);
    if (q)
        return q;
    q = mr_heap_malloc(size);
    if (!q)
        return size <= usable ? p : NULL;
    memcpy(q, p, mr_min(usable, size));
    mr_heap_free(p);
    return q;
}

void mr_heap_unreserve(void)
{
    mr_heap_boot();
    if (mr_heap_where() == MR_ROUTE_CLASSIC)
        mr_classic_unreserve();
    else if (mr_heap_where() == MR_ROUTE_SLAB)
        mr_space_unreserve();
}

size_t mr_heap_trim(void)
{
    if (mr_heap_where() == MR_ROUTE_CLASSIC)
        return mr_classic_trim();
    struct mr_heap *heap = mr_heap_where() == MR_ROUTE_SLAB ? mr_heaps_enter() : NULL;
    if (!heap)
        return 0;
    mr_remote_flush(heap);
    mr_remote_drain(heap);
    mr_bin_drop_kept(heap);
    size_t bytes = mr_space_purge(true);
    mr_heaps_leave(heap);
    return bytes;
}
