/* heap.h: the face of the process heap: what the malloc family is made of.
 *
 * Everything here works from the first instruction of the process to its last, in any thread, and
 * needs no set-up call. Functions return NULL for "no memory" and never set errno; whoever speaks
 * POSIX to the program does. */
#ifndef MR_HEAP_H
#define MR_HEAP_H

#include "guarded.h"
#include "ledger.h"
#include "slab.h"
#include "sizeclass.h"
#include "thread_heap.h"

/* Where requests go; fixed at the first one. */
enum mr_route {
    MR_ROUTE_UNKNOWN,
    MR_ROUTE_SLAB,    /* slabs per thread: the fast paths work */
    MR_ROUTE_CLASSIC, /* one coalescing free list: the fast paths always miss */
    MR_ROUTE_NOWHERE, /* the system gave no memory at all */
};
extern _Atomic int mr_heap_route; /* enum mr_route; published last: who sees it sees what the options settled */

MR_INLINE enum mr_route mr_heap_where(void)
{
    return (enum mr_route)atomic_load_explicit(&mr_heap_route, memory_order_acquire);
}

/* Which blocks carry tags (tag.h); fixed with the route. Every slow path of the entry layer asks: with anything
 * but NOTHING it belongs to the watcher (check/watch.c), who boots the heap when it is unknown. */
enum mr_watch {
    MR_WATCH_NOTHING,
    MR_WATCH_SOME, /* those of the shared heap; the others' mallocs take the slow path, their frees the fast one */
    MR_WATCH_ALL,  /* all of them: neither fast path ever succeeds */
    MR_WATCH_UNKNOWN,
};
extern MR_HIDDEN int mr_heap_watch;

/* Reads the options and sets the heap up, if that has not been done. Any slow path does it itself. */
void mr_heap_boot(void);

/* What became of a pointer that was given back. */
enum mr_freed {
    MR_FREED,         /* it was a block, and is free now */
    MR_NOT_OURS,      /* outside all our memory: nothing was done */
    MR_NOT_A_BLOCK,   /* in our memory, but no block in use starts there: nothing was done */
};

void *mr_heap_malloc(size_t size);
void *mr_heap_calloc(size_t size);
void *mr_heap_aligned(size_t align, size_t size); /* align: a power of two */
enum mr_freed mr_heap_free(void *p);              /* p may be NULL */

/* The same, from where mr_heap_try_malloc and mr_heap_try_free (below) have just failed. */
void *mr_heap_malloc_rest(size_t size);
enum mr_freed mr_heap_free_rest(void *p);

/* Like realloc for p != NULL and size > 0. *freed tells what p was; unless MR_FREED, NULL is returned and
 * nothing done. With MR_FREED, NULL means no memory and p is untouched. */
void *mr_heap_realloc(void *p, size_t size, enum mr_freed *freed);

/* Usable bytes of a block in use; 0 when p is none (*known, which may be NULL, then says which kind). */
size_t mr_heap_usable(const void *p, enum mr_freed *known);

/* For the watcher: requests in a heap that was entered (mr_heap_enter; left by mr_heaps_leave) or NULL when none
 * could be. Blocks get that label (tag.h). Classic strategies have no heap of the thread's: all enter the shared one. */
MR_INLINE struct mr_heap *mr_heap_enter(void)
{
    return mr_heap_where() == MR_ROUTE_CLASSIC ? mr_heaps_enter_shared() : mr_heaps_enter();
}
/* NULL, or the watcher's answer to: may whoever has the shared heap be waiting for a lock of the watcher's that the
 * calling thread holds, so that a handler in it must not wait for that heap? */
extern MR_HIDDEN bool (*mr_heaps_holder_waits)(void);
void *mr_heap_take_in(struct mr_heap *heap, size_t size, size_t align, bool *zero, uint32_t label);
enum mr_freed mr_heap_free_in(struct mr_heap *heap, void *p);
void *mr_heap_resize_in(struct mr_heap *heap, void *p, size_t size); /* heap != NULL; NULL: it must be copied */

/* The fast path of a veiled heap, the calling thread's: a block that is at hand, or NULL. */
void *mr_heap_take_behind(size_t size);

/* Makes a block that was used before read as zero. */
void *mr_heap_clear(void *p, size_t size);

/* Whether any pointer difference could express that size: what is not is refused before any arithmetic. */
MR_INLINE bool mr_heap_is_hopeless(size_t size) { return size > PTRDIFF_MAX - MR_GIB; }

/* Gives up the address space that is set aside and not in use yet; the heap then grows by smaller
 * pieces. For programs that are about to limit how much they may have. */
void mr_heap_unreserve(void);

/* Gives back to the system what can be given. Returns the bytes. */
size_t mr_heap_trim(void);

/* ---- looking (walk.c) ----------------------------------------------------------------------------- */

#define MR_ROW_COUNT (MR_CLASS_COUNT + MR_LARGE_ROWS)

/* One size class, or one power of two of large blocks. */
struct mr_row {
    uint64_t size;         /* of a block; of the largest block for large rows */
    uint64_t allocs, frees;
    uint64_t in_use_bytes;
    uint64_t alloc_bytes;
    uint64_t slabs;
    uint32_t slab_bytes;   /* of each; 0 for large rows */
    uint64_t free_blocks;  /* carved, not in use, in slabs held now */
    bool large;
};

struct mr_heap_stats {
    struct mr_totals totals;
    struct mr_row rows[MR_ROW_COUNT]; /* ascending size */
};

/* The state of the whole heap. Exact while no other thread allocates; otherwise off by what happens
 * meanwhile. Waits for locks at most `patience_ms` and goes on without them (a crash handler passes
 * little). Does not compute resident_bytes unless `resident`. */
void mr_heap_look(struct mr_heap_stats *stats, bool resident, unsigned patience_ms);

/* Calls `each` for every block in use until it returns false. `each` must not allocate. Returns false
 * when there was no memory for the marks this needs (1/128 of the heap). */
typedef bool mr_heap_each(void *ctx, const void *block, size_t size);
bool mr_heap_walk(mr_heap_each *each, void *ctx, unsigned patience_ms);

/* ---- where what lies (map.c) --------------------------------------------------------------------------
 * Cells and gaps of *map, which is zero; the rest is the caller's. The heap is frozen (mr_heap_freeze). */
void mr_map_fill(struct mr_ledger_map *map);

/* NULL, or the first broken invariant of the whole heap in words. Other threads must be quiet. */
const char *mr_heap_check(void);

/* The same with the heap frozen and the other threads stopped, wherever they were: heaps that a thread is at work on are
 * passed over. *at: where it was seen; NULL unknown. */
const char *mr_heap_check_still(const void **at);

/* ---- finding (find.c): any word -> the block in use it points into -------------------------------------
 * Tables of the heap as it stands; it must stand still as long as they are used. Blocks are numbered
 * from 0, ascending inside a region. */

struct mr_find_slice {       /* to whom a slice belongs */
    uintptr_t start;         /* of the slab or large block; 0: there are no blocks */
    size_t size;             /* of a block */
    uint32_t first;          /* number of block 0 */
    uint32_t count;          /* blocks */
    uint32_t inverse;        /* mr_sizeclass_inverse; 0 for a large block */
};

struct mr_find_region {
    uintptr_t base;
    size_t bytes;
    struct mr_find_slice *slices;
};

struct mr_find_block {
    uintptr_t start;
    size_t size;
    uint32_t index;
};

struct mr_find {
    uintptr_t low, high;            /* every block lies in [low, high) */
    uint32_t count;                 /* numbers given: of blocks in use and of some that are free */
    uint32_t in_use;
    uint8_t *notes;                 /* by number: 0 while the block is free, 1 in use; the caller may write others */
    struct mr_find_region *regions;
    uint32_t region_count;
    struct mr_find_block *list;     /* blocks outside the regions, ascending addresses */
    uint32_t list_count, list_cap;
    size_t notes_bytes, regions_bytes, list_bytes;
};

/* Keeps spans as they are, from now to mr_heap_thaw. False: the lock is not to be had within `ms`
 * milliseconds, or never, since this very thread was interrupted while it held it. */
bool mr_heap_freeze(unsigned ms);
void mr_heap_thaw(void);

/* Builds the tables (1/30 of the heap at most). False: there was no memory for them, or more than 2^32 blocks. */
bool mr_find_open(struct mr_find *find);
void mr_find_close(struct mr_find *find);

/* The block that holds the byte at `word`, in use or not (what its note says). */
bool mr_find_place(const struct mr_find *find, uintptr_t word, struct mr_find_block *block);

/* The same, only when it is in use. A pointer to one past the end of a block is none into it. */
bool mr_find_block(const struct mr_find *find, uintptr_t word, struct mr_find_block *block);

/* Calls `each` for the blocks in use, in the order of their numbers. */
typedef void mr_find_visit(void *ctx, const struct mr_find_block *block);
void mr_find_each(const struct mr_find *find, mr_find_visit *each, void *ctx);

/* The heap's address space, which is no root, at most 128 ranges. Returns how many, never more than `cap`. */
struct mr_find_range { uintptr_t from, to; };
size_t mr_find_own(struct mr_find_range *ranges, size_t cap);

/* ---- the fast paths ---------------------------------------------------------------------------------- */

/* The next block of a list, or NULL. */
MR_INLINE void *mr_heap_pop(struct mr_slab *slab)
{
    void *p = slab->free;
#if defined(__x86_64__) /* left to itself the compiler keeps the slab here and moves the block last */
    __asm__("" : "+a"(p));
#endif
    if (MR_UNLIKELY(!p))
        return NULL;
    slab->free = *(void **)p;
    MR_ADD(slab->count, MR_COUNT_ALLOC);
    return p;
}

/* A small block if the current slab of its class has one at hand; else NULL, and nothing happened. */
MR_INLINE void *mr_heap_try_malloc(size_t size)
{
    return MR_LIKELY(size <= MR_SMALL_MAX) ? mr_heap_pop(mr_heap_self->direct[(size + 15) >> 4]) : NULL;
}

/* The same for sizes above MR_SMALL_MAX. */
MR_INLINE void *mr_heap_try_medium(size_t size)
{
    if (size <= MR_SMALL_MAX || size > MR_SLAB_MAX)
        return NULL;
    return mr_heap_pop(mr_heap_self->current[mr_sizeclass_of(size)]);
}

/* The same for an alignment, a power of two. */
MR_INLINE void *mr_heap_try_aligned(size_t align, size_t size)
{
    if (MR_UNLIKELY((align | size) > MR_SMALL_MAX)) /* else the multiple is not above it either */
        return NULL;
    return mr_heap_pop(mr_heap_self->direct[(mr_sizeclass_round(size, align) + 15) >> 4]);
}

/* The last block in use of a slab came back. Part of mr_heap_try_free. */
void mr_heap_emptied(struct mr_slab *slab);

/* Puts a block onto its slab's list; false, and nothing happened, when the slab is not the calling thread's. */
MR_INLINE bool mr_heap_push(struct mr_slab *slab, void *p)
{
    if (MR_UNLIKELY(atomic_load_explicit(&slab->owner, memory_order_relaxed) != (uintptr_t)mr_heap_self))
        return false;
    void *last = slab->free;
    if (MR_UNLIKELY(p == last)) /* freed twice in a row */
        return false;
    *(void **)p = last;
    slab->free = p;
    MR_ADD(slab->count, -(uint64_t)1);
    if (MR_UNLIKELY(mr_slab_is_empty(slab)))
        mr_heap_emptied(slab);
    return true;
}

/* Frees a block of the calling thread's own; false, and nothing happened, for every other pointer. */
MR_INLINE bool mr_heap_try_free(void *p)
{
    uintptr_t offset = (uintptr_t)p - mr_lookup_base;
    if (MR_UNLIKELY(offset >= MR_GLANCE(mr_lookup_bytes)))
        return false;
    __asm__("" : : : "memory"); /* fetch the base again, as an operand, rather than keep it: one instruction less */
    struct mr_slab *slab = (struct mr_slab *)((offset >> (MR_SLICE_SHIFT - 6) & ~(uintptr_t)63) + mr_lookup_base);
    return mr_heap_push(slab, p);
}

/* The same for what the fast free misses of a wide slab: the blocks that begin in any slice but its first. A descriptor
 * may be INTERIOR still when its slab is gone: then no slab that begins there has a block so far behind. */
MR_INLINE bool mr_heap_free_medium(struct mr_slab *slice, void *p)
{
    struct mr_slab *slab = slice - slice->ext;
    size_t bytes = mr_sizeclass_bytes[slab->cls], offset = slice->ext * MR_SLICE + (uintptr_t)p % MR_SLICE;
    size_t index = offset * mr_sizeclass_inverse[slab->cls] >> 32;
    return index * bytes == offset && index < MR_PEEK(slab->ext) && mr_heap_push(slab, p);
}

/* What comes after the fast free and is short too: such a block, and, while nothing is watched, a large one or one of
 * another thread's slab. A slice that no slab begins in has no owner. */
MR_INLINE bool mr_heap_try_free_next(void *p)
{
    uintptr_t base = mr_lookup_base;
    if (MR_UNLIKELY((uintptr_t)p - base >= MR_GLANCE(mr_lookup_bytes)))
        return false;
    struct mr_slab *slice = mr_slab_at(base, (uintptr_t)p);
    if (atomic_load_explicit(&slice->owner, memory_order_relaxed) != 0)
        return MR_LIKELY(!mr_heap_watch) && mr_remote_try_free(slice, p);
    if (mr_slab_kind(slice) == MR_KIND_INTERIOR)
        return mr_heap_free_medium(slice, p);
    return mr_slab_kind(slice) == MR_KIND_LARGE && MR_LIKELY(!mr_heap_watch) && mr_large_try_free(slice, p);
}

/* ---- the same in a hardened heap (harden.c) ---------------------------------------------------------------- */

/* The heap is hardened, and nothing else is wanted of it. */
extern MR_HIDDEN bool mr_harden_alone;

/* While that holds: what mr_heap_try_malloc and mr_heap_try_medium do, for blocks that lie in no list. */
void *mr_harden_take_quick(size_t size);
bool mr_harden_free_quick(void *p);
MR_INLINE void *mr_harden_try_malloc(size_t size)
{
    return MR_UNLIKELY(MR_GLANCE(mr_harden_alone)) ? mr_harden_take_quick(size) : NULL;
}
MR_INLINE bool mr_harden_try_free(void *p) { return MR_UNLIKELY(MR_GLANCE(mr_harden_alone)) && mr_harden_free_quick(p); }

/* ---- the same in a watched heap that was entered, for slabs of one slice -------------------------------- */

/* The tag of block `index` of the slab around p. */
MR_INLINE uint32_t *mr_heap_tag(const void *p, size_t index)
{
    return (uint32_t *)(((uintptr_t)p | (MR_SLICE - 1)) + 1) - 1 - index;
}

/* The slab whose next block a request gets, or NULL: it is for larger blocks. */
MR_INLINE struct mr_slab *mr_heap_slab_for(struct mr_heap *heap, size_t size)
{
    return MR_LIKELY(size <= MR_ONE_SLICE_MAX) ? heap->behind[mr_sizeclass_of(size)] : NULL;
}

/* Where the tag of its next block will be. */
MR_INLINE uint32_t *mr_heap_next_tag(const struct mr_slab *slab)
{
    size_t offset = (uintptr_t)slab->free % MR_SLICE;
    return mr_heap_tag(slab->free, offset * mr_sizeclass_inverse[slab->cls] >> 32);
}

/* A block of a slab if one is at hand; else false, and nothing happened. */
MR_INLINE bool mr_heap_try_take_at(struct mr_heap *heap, size_t size, uint32_t label, struct mr_tag_spot *spot)
{
    struct mr_slab *slab = mr_heap_slab_for(heap, size);
    if (MR_UNLIKELY(!slab || !slab->free))
        return false;
    uint32_t *tag = mr_heap_next_tag(slab);
    *spot = (struct mr_tag_spot){ mr_heap_pop(slab), tag, mr_sizeclass_bytes[slab->cls] };
    *tag = mr_tag_make(label, spot->usable - size);
    return true;
}

MR_INLINE void *mr_heap_try_take_in(struct mr_heap *heap, size_t size, uint32_t label)
{
    struct mr_tag_spot spot;
    return MR_LIKELY(mr_heap_try_take_at(heap, size, label, &spot)) ? spot.block : NULL;
}

/* Puts a block of the heap's own back into its slab, which may be empty then, and says what its tag was; NULL, and
 * nothing happened, for every other pointer. */
MR_INLINE struct mr_slab *mr_heap_untag(struct mr_heap *heap, void *p, uint32_t *word)
{
    uintptr_t base = mr_lookup_base;
    if (MR_UNLIKELY((uintptr_t)p - base >= MR_GLANCE(mr_lookup_bytes)))
        return NULL;
    struct mr_slab *slab = mr_slab_at(base, (uintptr_t)p);
    uintptr_t owner = atomic_load_explicit(&slab->owner, memory_order_relaxed);
    size_t bytes = mr_sizeclass_bytes[slab->cls], offset = (uintptr_t)p % MR_SLICE;
    size_t index = offset * mr_sizeclass_inverse[slab->cls] >> 32;
    if (MR_UNLIKELY(owner != ((uintptr_t)heap | MR_OWNER_WATCHED) || bytes > MR_ONE_SLICE_MAX))
        return NULL;
    uint32_t *place = mr_heap_tag(p, index);
    *word = *place;
    if (MR_UNLIKELY(index * bytes != offset || index >= slab->ext || *word == 0))
        return NULL;
    *place = 0;
    *(void **)p = slab->free;
    slab->free = p;
    MR_ADD(slab->count, -(uint64_t)1);
    return slab;
}

/* Frees a block of the heap's own and says what its tag was; false, and nothing happened, for every other pointer. */
MR_INLINE bool mr_heap_try_free_in(struct mr_heap *heap, void *p, struct mr_tag *tag)
{
    uint32_t word;
    struct mr_slab *slab = mr_heap_untag(heap, p, &word);
    if (MR_UNLIKELY(!slab))
        return false;
    *tag = mr_tag_read(word, mr_sizeclass_bytes[slab->cls]);
    if (MR_UNLIKELY(mr_slab_is_empty(slab)))
        mr_bin_emptied(heap, slab);
    return true;
}

#endif
