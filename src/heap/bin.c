/* bin.c: how slabs are picked, carved, filled, emptied and given back. */
#include "cache.h"
#include "harden.h"
#include "peak.h"
#include "space.h"
#include "thread_heap.h"

#include <string.h>

/* Fresh blocks are linked in steps of an OS page or so: what is not linked is not touched. */
enum { CARVE_BYTES = 4096 };

/* Every so many slabs that are taken, the kept ones are searched for some that nobody uses; what was not used
 * for so many searches goes. */
enum { SEARCH_EVERY = 4, KEPT_FOR = 3 };

/* A class that fills slab after slab will fill the next one too: its memory is faulted in with one call. A
 * class with a few blocks in each of many threads will not. */
enum { POPULATE_FROM = 4 };

/* Sizes above BORROW_FROM borrow; with one request per BORROW_PER bytes of its size a class has earned a slab. */
enum { BORROW_FROM = 2048, BORROW_PER = 4 };

static void set_current(struct mr_heap *heap, unsigned cls, struct mr_slab *slab)
{
    heap->use[cls] = slab;
    mr_harden_let_go(heap, cls);
    if (mr_sizeclass_bytes[cls] > MR_SMALL_MAX || mr_heap_is_veiled(heap))
        return;
    size_t i = mr_sizeclass_bytes[cls] / 16;
    do
        heap->direct[i] = slab;
    while (i-- > 0 && mr_sizeclass_direct[i] == cls);
}

/* The slab is the heap's, with its standing mark and these flags. */
static void own(struct mr_heap *heap, struct mr_slab *slab, uintptr_t flags)
{
    atomic_store_explicit(&slab->owner, (uintptr_t)heap | heap->mark | flags, memory_order_relaxed);
}

static uint32_t blocks_per_slab(const struct mr_heap *heap, unsigned cls)
{
    return MR_UNLIKELY(heap->mark & MR_OWNER_WATCHED) ? mr_sizeclass_watched[cls] : mr_sizeclass_blocks[cls];
}

/* ---- the queue -------------------------------------------------------------------------------- */

static void queue_push_back(struct mr_heap *heap, struct mr_slab *slab)
{
    struct mr_bin *q = &heap->queue[slab->cls];
    slab->next = NULL;
    slab->prev = q->last;
    if (q->last)
        q->last->next = slab;
    else
        q->first = slab;
    q->last = slab;
    slab->queued = true;
}

static void queue_remove(struct mr_heap *heap, struct mr_slab *slab)
{
    struct mr_bin *q = &heap->queue[slab->cls];
    if (slab->prev)
        slab->prev->next = slab->next;
    else
        q->first = slab->next;
    if (slab->next)
        slab->next->prev = slab->prev;
    else
        q->last = slab->prev;
    slab->next = slab->prev = NULL;
    slab->queued = false;
}

/* ---- kept slabs --------------------------------------------------------------------------------
 * A class's only slab that empties is not given back: a program that takes and frees one block in a
 * loop would pay for a slab each time. Nor may it be met as empty again at each free, so its
 * count is one too high: it never reads as empty while it is kept. */

static void keep(struct mr_heap *heap, struct mr_slab *slab)
{
    MR_POKE(slab->kept, true);
    MR_ADD(slab->count, 1);
    slab->seen = 0;
    heap->kept[slab->cls / 64] |= (uint64_t)1 << slab->cls % 64;
}

static void unkeep(struct mr_heap *heap, struct mr_slab *slab)
{
    MR_POKE(slab->kept, false);
    MR_ADD(slab->count, -(uint64_t)1);
    heap->kept[slab->cls / 64] &= ~((uint64_t)1 << slab->cls % 64);
}

/* ---- taking and giving slabs ---------------------------------------------------------------------- */

/* Ends the slab's life in its class: its counters go to the heap's. */
static void retire(struct mr_heap *heap, struct mr_slab *slab)
{
    struct mr_class_count *count = &heap->classes[slab->cls];
    MR_ASSERT(mr_slab_is_empty(slab), "only an empty slab is retired");
    mr_slab_set_kind(slab, MR_KIND_NONE);
    MR_ADD(count->allocs, mr_slab_allocs(slab));
    MR_ADD(count->frees, mr_slab_allocs(slab));
    mr_peak_add(heap, -((int64_t)slab->ext * mr_sizeclass_bytes[slab->cls]));
    atomic_store_explicit(&slab->owner, 0, memory_order_relaxed);
    count->slabs--;
}

static void give_slab(struct mr_heap *heap, struct mr_slab *slab)
{
    uint32_t slices = mr_sizeclass_slices(slab->cls);
    bool untouched = slab->zero && slab->ext == 0;
    retire(heap, slab);
    for (uint32_t i = 1; i < slices; i++)
        mr_slab_set_kind(&slab[i], MR_KIND_NONE);
    mr_cache_give(heap, slab, untouched);
}

static void start_slab(struct mr_heap *heap, struct mr_slab *slab, unsigned cls, bool zero)
{
    MR_POKE(slab->free, NULL);
    MR_POKE(slab->count, 0);
    slab->next = slab->prev = NULL;
    MR_POKE(slab->ext, 0);
    MR_POKE(slab->cls, (uint8_t)cls);
    slab->zero = zero;
    MR_POKE(slab->kept, false);
    slab->queued = false;
    for (uint32_t i = 1; i < mr_sizeclass_slices(cls); i++) {
        atomic_store_explicit(&slab[i].owner, 0, memory_order_relaxed);
        MR_POKE(slab[i].ext, (uint16_t)i);
        mr_slab_set_kind(&slab[i], MR_KIND_INTERIOR);
    }
    if (MR_UNLIKELY(heap->mark & MR_OWNER_HARDENED))
        mr_harden_start(slab, mr_sizeclass_blocks[cls]);
    mr_slab_set_kind(slab, MR_KIND_SLAB);
    own(heap, slab, 0);
}

/* Whether the class has used its kept slab within the last searches (a clock algorithm with more than one
 * chance). Without that, a thread with a few blocks of many sizes would pass the same slabs from class
 * to class, each of them carved anew each time. */
static bool was_used(struct mr_slab *slab)
{
    uint64_t allocs = mr_slab_allocs(slab);
    if (slab->seen >> 8 != allocs)
        slab->seen = allocs << 8;
    return ++slab->seen % 256 < KEPT_FOR;
}

/* A kept slab of any class that is still empty, no longer current; NULL if there is none. With `all`, no
 * class is spared. */
static struct mr_slab *reclaim_kept(struct mr_heap *heap, bool all)
{
    for (unsigned word = 0; word < 2; word++) {
        for (uint64_t left = heap->kept[word]; left; left &= left - 1) {
            unsigned cls = word * 64 + mr_lowest_bit(left);
            struct mr_slab *slab = heap->use[cls];
            if (mr_slab_in_use(slab) != 0 || (was_used(slab) && !all))
                continue;
            unkeep(heap, slab);
            set_current(heap, cls, (struct mr_slab *)&mr_slab_none);
            return slab;
        }
    }
    return NULL;
}

void mr_bin_drop_kept(struct mr_heap *heap)
{
    struct mr_slab *slab;
    while ((slab = reclaim_kept(heap, true)))
        give_slab(heap, slab);
    mr_cache_drop(heap);
}

static struct mr_slab *take_slab(struct mr_heap *heap, unsigned cls)
{
    bool zero = false;
    struct mr_slab *slab = NULL;
    heap->takes++;
    while (heap->takes % SEARCH_EVERY == 0 && (slab = reclaim_kept(heap, false))) {
        if (mr_sizeclass_slices(slab->cls) == mr_sizeclass_slices(cls)) {
            retire(heap, slab);
            break;
        }
        give_slab(heap, slab);
    }
    uint32_t slices = mr_sizeclass_slices(cls) + mr_space_guard();
    if (!slab)
        slab = mr_cache_take(heap, slices, &zero);
    if (!slab && (heap->kept[0] | heap->kept[1])) {
        mr_bin_drop_kept(heap); /* no memory: nobody is spared */
        slab = mr_cache_take(heap, slices, &zero);
    }
    if (!slab)
        return NULL;
    if (zero && heap->classes[cls].slabs >= POPULATE_FROM && mr_space_is_big())
        mr_vm_populate(mr_lookup_start(slab), MR_SLICE);
    heap->classes[cls].slabs++;
    start_slab(heap, slab, cls, zero);
    return slab;
}

/* ---- blocks ------------------------------------------------------------------------------------------ */

/* Links the next few blocks of a slab whose list is empty. Returns the first of them, which is not
 * in the list. Precondition: ext < blocks of the class. */
static void *carve(struct mr_heap *heap, struct mr_slab *slab)
{
    uint32_t size = mr_sizeclass_bytes[slab->cls];
    uint32_t n = mr_min(mr_max(CARVE_BYTES / size, 1), (size_t)blocks_per_slab(heap, slab->cls) - slab->ext);
    if (MR_UNLIKELY(heap->mark & MR_OWNER_WATCHED))
        memset(mr_tag_at(slab, slab->ext + n - 1), 0, n * sizeof(uint32_t));
    char *first = mr_lookup_start(slab) + (size_t)slab->ext * size, *p = first + size;
    void *list = NULL, **end = &list;
    for (uint32_t i = 1; i < n; i++, p += size) {
        *end = p;
        end = (void **)p;
    }
    *end = NULL;
    slab->free = list;
    MR_POKE(slab->ext, (uint16_t)(slab->ext + n));
    return first;
}

/* A block of this slab, or NULL when it is full. */
static void *take_from(struct mr_heap *heap, struct mr_slab *slab, bool *zero)
{
    void *p = slab->free;
    uint32_t carved = slab->ext;
    if (!p && (p = slab->returned))
        slab->returned = NULL;
    if (p) {
        slab->free = *(void **)p;
    } else if (MR_UNLIKELY(heap->mark & MR_OWNER_HARDENED)) {
        if (!(p = mr_harden_take(heap, slab, blocks_per_slab(heap, slab->cls))))
            return NULL;
    } else if (slab->ext < blocks_per_slab(heap, slab->cls)) {
        if (zero)
            *zero = slab->zero;
        p = carve(heap, slab);
    } else {
        return NULL;
    }
    MR_ADD(slab->count, MR_COUNT_ALLOC);
    if (slab->ext != carved) /* after the count: a look at the peak must see this block */
        mr_peak_add(heap, (int64_t)(slab->ext - carved) * mr_sizeclass_bytes[slab->cls]);
    return p;
}

static void set_full(struct mr_heap *heap, struct mr_slab *slab)
{
    if (slab->kept)
        unkeep(heap, slab);
    own(heap, slab, MR_OWNER_FULL);
}

/* Puts the next slab of the class into place; false when there is no memory. */
static bool next_slab(struct mr_heap *heap, unsigned cls)
{
    struct mr_slab *slab = heap->queue[cls].first;
    if (slab)
        queue_remove(heap, slab);
    else
        slab = take_slab(heap, cls);
    if (slab)
        set_current(heap, cls, slab);
    return slab != NULL;
}

static void set_tag(struct mr_slab *slab, const void *p, uint32_t tag)
{
    *mr_tag_at(slab, (uint32_t)mr_lookup_block(slab, p)) = tag;
}

void *mr_bin_take_tagged(struct mr_heap *heap, unsigned cls, bool *zero, uint32_t tag)
{
    if (zero)
        *zero = false;
    for (;;) {
        struct mr_slab *slab = heap->use[cls];
        if (slab != &mr_slab_none) {
            void *p = take_from(heap, slab, zero);
            if (p) {
                if (MR_UNLIKELY(heap->mark & MR_OWNER_WATCHED))
                    set_tag(slab, p, tag);
                return p;
            }
            set_full(heap, slab);
            set_current(heap, cls, (struct mr_slab *)&mr_slab_none);
        }
        if (!next_slab(heap, cls))
            return NULL;
    }
}

/* Tags leave room for the slack of a block's own class only; a hardened slab picks its blocks itself. */
static bool may_borrow(const struct mr_heap *heap, unsigned cls)
{
    uint32_t size = mr_sizeclass_bytes[cls];
    return size > BORROW_FROM && heap->classes[cls].slabs == 0 && heap->borrowed[cls] < size / BORROW_PER && heap->mark == 0;
}

void *mr_bin_borrow(struct mr_heap *heap, unsigned cls, bool *zero)
{
    if (MR_LIKELY(!may_borrow(heap, cls)))
        return NULL;
    uint32_t most = mr_sizeclass_bytes[cls] / 2 * 3;
    for (unsigned c = cls + 1; c < MR_CLASS_COUNT && mr_sizeclass_bytes[c] <= most; c++) {
        void *p = heap->use[c] == &mr_slab_none ? NULL : take_from(heap, heap->use[c], zero);
        if (p) {
            heap->borrowed[cls]++;
            return p;
        }
    }
    return NULL;
}

void mr_bin_emptied(struct mr_heap *heap, struct mr_slab *slab)
{
    if (slab == heap->use[slab->cls]) {
        keep(heap, slab);
    } else {
        if (slab->queued)
            queue_remove(heap, slab);
        give_slab(heap, slab);
    }
}

void mr_bin_came_back(struct mr_heap *heap, struct mr_slab *slab, uint32_t n)
{
    MR_ADD(slab->count, -(uint64_t)n);
    if (atomic_load_explicit(&slab->owner, memory_order_relaxed) & MR_OWNER_FULL) {
        own(heap, slab, 0);
        queue_push_back(heap, slab);
    }
    if (mr_slab_is_empty(slab) && !mr_harden_is_awaited(slab))
        mr_bin_emptied(heap, slab);
}

/* The chain first ... last behind the list head ... tail. */
MR_INLINE void append(void **head, void **tail, void *first, void *last)
{
    if (*head)
        *(void **)*tail = first;
    else
        *head = first;
    *tail = last;
}

void mr_bin_append(struct mr_heap *heap, struct mr_slab *slab, void *first, void *last, uint32_t n)
{
    if (slab == heap->use[slab->cls])
        append(&slab->returned, &slab->returned_last, first, last);
    else
        append(&slab->free, &slab->last, first, last);
    mr_bin_came_back(heap, slab, n);
}

void mr_bin_free(struct mr_heap *heap, struct mr_slab *slab, void *p)
{
    if (!slab->free && slab != heap->use[slab->cls]) /* it was full */
        slab->last = p;
    *(void **)p = slab->free;
    slab->free = p;
    mr_bin_came_back(heap, slab, 1);
}
