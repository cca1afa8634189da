/* thread_heap.h: one thread's slabs, by size class.
 *
 * For each class a heap has one **current** slab, which malloc pops blocks from, and a queue of
 * slabs that have free blocks waiting for their turn. Full slabs are in no list: their owner word
 * carries MR_OWNER_FULL, which sends the first free into the slow path, and that puts the slab at
 * the back of the queue, where it gathers free blocks before it is used again.
 *
 *   taken -> CURRENT -> FULL -> QUEUED -> CURRENT ...        (a queued slab that empties is given back)
 *                  `-> kept (current and empty: stays while the class uses it now and then)
 *
 *   current[c] is never NULL: &mr_slab_none stands for none
 *   direct[i] == current[class of 16 i bytes] for i < MR_DIRECT_COUNT    (&mr_slab_none in a veiled heap)
 *
 * Owned by one thread at a time; only the inbox and the state are written by others. */
#ifndef MR_HEAP_THREAD_HEAP_H
#define MR_HEAP_THREAD_HEAP_H

#include "slab.h"
#include "tag.h"

struct mr_bin {
    struct mr_slab *first, *last;
};

/* Blocks of one slab of another heap that this one freed, not sent yet, in that order.
 *
 *   count = blocks from head to tail, linked through their first word; tail's is NULL
 *   count <= MR_LETTER_MOST
 *
 * Each of them is in use for its slab, which therefore stays what and whose it is. When the chain is
 * sent its first block becomes a letter, whose second word, which every block has, then holds
 *
 *   index of the last block << 51 | count - 1 << 43 | the next letter >> 4 */
struct mr_chain {
    struct mr_slab *slab; /* NULL: empty */
    struct mr_heap *to;   /* the slab's owner */
    void *head, *tail;
    uint64_t count;
};
#define MR_CHAIN_COUNT 64
#define MR_LETTER_MOST 256

/* Bytes of blocks that a heap's chains may hold together. */
#define MR_WAITING_MAX (64 << 10)

/* Addresses have 47 bits, the low 4 of a block's are 0; a slab has at most 4096 blocks. */
MR_INLINE uint64_t mr_letter_word(const void *letter) { return ((const uint64_t *)letter)[1]; }
MR_INLINE void *mr_letter_next(const void *letter) { return (void *)(mr_letter_word(letter) << 21 >> 17); }
MR_INLINE uint32_t mr_letter_count(const void *letter)
{
    return (uint32_t)(mr_letter_word(letter) >> 43) % MR_LETTER_MOST + 1;
}
MR_INLINE uint32_t mr_letter_last(const void *letter) { return (uint32_t)(mr_letter_word(letter) >> 51); }

/* What a class has seen beside the counters of its present slabs. One writer: the owner. */
struct mr_class_count {
    uint64_t allocs, frees;   /* of slabs that are gone */
    uint64_t sent;            /* blocks of other heaps this one freed */
    uint64_t received;        /* blocks of its own that came through the inbox (counted by `frees` too) */
    uint64_t slabs;           /* held now */
};

/* Large blocks by power of two: row k holds sizes in (MR_SLAB_MAX << k, MR_SLAB_MAX << (k+1)]. */
#define MR_LARGE_ROWS 32
struct mr_large_count {
    uint64_t allocs, frees;
    uint64_t alloc_bytes, free_bytes;
};

/* Slices of the largest span a heap caches, and of all it caches: 1 MiB. */
#define MR_CACHE_SLICES 16

/* Two cache lines: processors fetch them in pairs. */
#define MR_HEAP_ALIGN (2 * MR_CACHE_LINE)

enum mr_heap_state {
    MR_HEAP_LIVE,     /* a thread owns it */
    MR_HEAP_ORPHAN,   /* its thread ended; on the orphan list until somebody adopts it */
    MR_HEAP_DRAINED,  /* an orphan whose inbox somebody empties at this moment */
    MR_HEAP_DEAD,     /* a fork child found it in the middle of something: never touched again */
};

struct mr_heap {
    struct mr_slab *direct[MR_DIRECT_COUNT];
    struct mr_slab *current[MR_CLASS_COUNT];
    struct mr_bin queue[MR_CLASS_COUNT];
    uint64_t kept[2];                 /* bit c: the current slab of class c is kept */
    uint64_t waiting;                 /* bytes of the blocks in chains[] */
    struct mr_slab *cache[MR_CACHE_SLICES]; /* cache.h: spans of i + 1 slices, linked by next */
    uint32_t cache_room;              /* slices that may still be put into it */
    uint32_t takes;                   /* slabs taken so far, to search the kept ones now and then */
    _Atomic bool busy;                /* its thread is in a slow path */
    uint32_t purges_seen;             /* early purges of the process that this heap has followed */
    bool warm;                        /* an orphan that may keep slabs at hand (heaps.c) */
    int64_t carved;                   /* peak.h: not added to the sum of all yet */
    uintptr_t mark;                   /* MR_OWNER_WATCHED, MR_OWNER_HARDENED: when all its slabs are; constant */
    uint64_t random;                  /* harden.c: which block is the next */
    struct mr_hand *hands;            /* of a hardened heap, by class: where its next blocks come from; constant */
    struct mr_slab **use;             /* the current slabs: current[], or in a veiled heap behind[]; constant */
    int64_t until_sample;             /* bytes that may still be handed out before one is sampled */
    void *user;                       /* the watcher's, about this heap's thread */
    struct mr_slab *behind[MR_CLASS_COUNT]; /* a veiled heap's current slabs; there current[] and direct[] stay
                                               empty, so that every malloc takes the slow path */
    struct mr_heap *next_orphan;      /* under the heaps lock */
    struct mr_heap *next;             /* all heaps ever made; constant once published */
    uint16_t borrowed[MR_CLASS_COUNT]; /* bin.c: requests that a larger class served; <= 16384 */
    struct mr_class_count classes[MR_CLASS_COUNT];
    struct mr_large_count large[MR_LARGE_ROWS];
    struct mr_chain chains[MR_CHAIN_COUNT]; /* by number of the slab */
    /* Written by other threads: on lines of their own. */
    MR_ALIGNED(2 * MR_CACHE_LINE) _Atomic(void *) inbox; /* letters: this heap's blocks freed by others;
                                                                  hardened: the slabs that hold such */
    _Atomic int state;                /* enum mr_heap_state */
} MR_ALIGNED(MR_HEAP_ALIGN);

/* The calling thread's heap; never NULL. Starts as MR_HEAP_NONE, which has no blocks to give and owns
 * no slab, so neither fast path needs a test of its own. */
extern MR_HIDDEN MR_TLS struct mr_heap *mr_heap_self;

/* The stand-ins: none = this thread has no heap yet; late = it has ended already (its destructors
 * may go on allocating); busy = it is inside a slow path (a signal handler may interrupt that). Of
 * them only direct[] and current[] exist, and all entries are &mr_slab_none. */
extern MR_HIDDEN struct mr_slab *const mr_heap_stand_ins[];
#define MR_HEAP_STAND_IN(k) ((struct mr_heap *)((uintptr_t)mr_heap_stand_ins + (k) * MR_HEAP_ALIGN))
#define MR_HEAP_NONE MR_HEAP_STAND_IN(0)
#define MR_HEAP_LATE MR_HEAP_STAND_IN(1)
#define MR_HEAP_BUSY MR_HEAP_STAND_IN(2)

MR_INLINE bool mr_heap_is_veiled(const struct mr_heap *heap) { return heap->use != heap->current; }

MR_INLINE bool mr_heap_is_real(const struct mr_heap *heap)
{
    return (uintptr_t)heap - (uintptr_t)mr_heap_stand_ins > 2 * MR_HEAP_ALIGN;
}

/* ---- bin.c: slabs of one heap. The caller owns the heap. ------------------------------------------- */

/* A block of class `cls`; never uses the fast path's assumptions. *zero (may be NULL) is set when the
 * block is known to read as zero. NULL: no memory. */
void *mr_bin_take_tagged(struct mr_heap *heap, unsigned cls, bool *zero, uint32_t tag); /* tag.h: of a watched heap */
MR_INLINE void *mr_bin_take(struct mr_heap *heap, unsigned cls, bool *zero)
{
    return mr_bin_take_tagged(heap, cls, zero, MR_TAG_NO_LABEL);
}

/* A block for a larger class of which the heap has no slab, from the current slab of a class at most half as large
 * again; or NULL. A thread with a few blocks of many sizes would else touch an OS page or more for each of them. What a
 * class's size promises of alignment is not kept. */
void *mr_bin_borrow(struct mr_heap *heap, unsigned cls, bool *zero);

/* Frees a block of one of the heap's own slabs: `p` is a carved block in use. */
void mr_bin_free(struct mr_heap *heap, struct mr_slab *slab, void *p);

/* The same for `n` blocks (perhaps none) that are free in the slab's books already, but for its count. */
void mr_bin_came_back(struct mr_heap *heap, struct mr_slab *slab, uint32_t n);

/* Frees blocks first ... last, `n` of them and so linked, behind what came back before: in the order in which others
 * freed them, which tends to be that in which they were allocated, and so by ascending addresses. */
void mr_bin_append(struct mr_heap *heap, struct mr_slab *slab, void *first, void *last, uint32_t n);

/* What the fast free leaves to be done when the last block in use came back. */
void mr_bin_emptied(struct mr_heap *heap, struct mr_slab *slab);

/* Gives every kept slab that is still empty back, and the cache of spans. */
void mr_bin_drop_kept(struct mr_heap *heap);

/* NULL, or the first invariant that does not hold, in words, and *at, the slab or free block where it was seen. A thread
 * that was stopped may be between a link and its count: `slop` such steps of each slab are forgiven. */
const char *mr_bin_check_at(const struct mr_heap *heap, uint32_t slop, const void **at);
const char *mr_bin_check(const struct mr_heap *heap);

/* ---- remote.c: blocks freed by threads that do not own them. ------------------------------------ */

/* Queues a block of a slab of which others wait already: the short way, for when no block is watched. False, and nothing
 * happened, for every other pointer. slab: the descriptor of its slice. */
bool mr_remote_try_free(struct mr_slab *slab, void *p);

/* Frees the large block that starts at p, if one does and the calling thread has a heap; else nothing happened. */
bool mr_large_try_free(struct mr_slab *head, void *p);

/* Whether that block is the last that was queued for its slab: freed again, twice in a row. */
bool mr_remote_was_last(struct mr_heap *self, const struct mr_slab *slab, const void *p);

/* Queues a block for its owner; sends all chains when enough has gathered. */
void mr_remote_free(struct mr_heap *self, struct mr_heap *owner, struct mr_slab *slab, void *p);

/* Sends one block at once, from a thread that has no heap of its own. */
void mr_remote_send_one(struct mr_heap *owner, struct mr_slab *slab, void *p);

/* Empties the inbox of a heap that nobody owns. */
void mr_remote_tend(struct mr_heap *heap);

/* Sends all outgoing chains. */
void mr_remote_flush(struct mr_heap *self);

/* Frees what others sent. The caller owns the heap. */
void mr_remote_drain_all(struct mr_heap *heap);
MR_INLINE void mr_remote_drain(struct mr_heap *heap)
{
    if (MR_UNLIKELY(atomic_load_explicit(&heap->inbox, memory_order_relaxed) != NULL))
        mr_remote_drain_all(heap);
}

/* ---- heaps.c: the life of heaps. ------------------------------------------------------------------ */

/* The calling thread's heap for the length of one slow path, or the shared one for threads that have
 * ended and for signal handlers; NULL when neither can be had (a handler interrupted it). While
 * entered, mr_heap_self is MR_HEAP_BUSY. Sets the process up on first use. */
struct mr_heap *mr_heaps_enter_rest(void);

/* The shared heap, whatever heap the thread has; NULL when it cannot be had. Left like any other. */
struct mr_heap *mr_heaps_enter_shared(void);
void mr_heaps_leave_rest(struct mr_heap *heap);

/* mr_heap_self changes hands with a signal handler of this very thread, never with another: the
 * compiler must keep the order, the processor does. */
MR_INLINE void mr_heaps_set_self(struct mr_heap *heap)
{
    atomic_signal_fence(memory_order_seq_cst);
    mr_heap_self = heap;
    atomic_signal_fence(memory_order_seq_cst);
}

/* heap: mr_heap_self, which is known to be real. */
MR_INLINE void mr_heaps_enter_own(struct mr_heap *heap)
{
    mr_heaps_set_self(MR_HEAP_BUSY);
    atomic_store_explicit(&heap->busy, true, memory_order_relaxed);
}

MR_INLINE struct mr_heap *mr_heaps_enter(void)
{
    struct mr_heap *heap = mr_heap_self;
    if (MR_UNLIKELY(!mr_heap_is_real(heap)))
        return mr_heaps_enter_rest();
    mr_heaps_enter_own(heap);
    return heap;
}

/* From mr_heaps_enter_own. */
MR_INLINE void mr_heaps_leave_own(struct mr_heap *heap)
{
    if (MR_DEBUG >= 2) {
        mr_heaps_leave_rest(heap);
        return;
    }
    atomic_store_explicit(&heap->busy, false, memory_order_relaxed);
    mr_heaps_set_self(heap);
}

/* The heap shared by all is never busy: its lock says so. */
MR_INLINE void mr_heaps_leave(struct mr_heap *heap)
{
    if (MR_UNLIKELY(MR_DEBUG >= 2 || !atomic_load_explicit(&heap->busy, memory_order_relaxed))) {
        mr_heaps_leave_rest(heap);
        return;
    }
    mr_heaps_leave_own(heap);
}

/* Gives back what an orphan has at hand, unless it may keep that. The caller has it to itself. */
void mr_heaps_cool(struct mr_heap *orphan);

/* Nobody is in a slow path of the heap, as far as a thread can see that has stopped the others. */
bool mr_heaps_is_still(struct mr_heap *heap);

/* All heaps ever made, the shared one included, newest first. */
struct mr_heap *mr_heaps_first(void);

/* Heaps in use by threads now, and ever made. */
void mr_heaps_count(uint64_t *live, uint64_t *made);

/* Blocks freed by threads without a heap, sent home one by one: per class, not yet in any heap's
 * `sent`. */
extern _Atomic uint64_t mr_remote_stray[MR_CLASS_COUNT];

#endif
