/* space.h: the process's pool of slices: growth, purging, one lock.
 *
 * space = pool + os + a lock. It decides when to ask the system for more and when to give
 * memory back; which free span is used is the pool's business. */
#ifndef MR_HEAP_SPACE_H
#define MR_HEAP_SPACE_H

#include "os.h"
#include "slab.h"

#define MR_REGION_MAX 64

struct mr_hard;

struct mr_region {
    uintptr_t base;
    size_t reserved;        /* bytes of address space, the table included */
    size_t table_bytes;     /* the table's slices: where spans begin */
    size_t table_committed; /* bytes of the table that are writable */
    _Atomic size_t committed; /* bytes from base, of slices handed to the pool (the table included) */
    struct mr_hard *maps;   /* hardened: one per slice (harden.h), so many bytes of them writable */
    size_t maps_committed;
    _Atomic uint64_t *fences; /* hardened: bit i of them: slice i is inaccessible (fences.h) */
    struct mr_pool pool;    /* unit i is the slice at base + i * MR_SLICE */
};

/* Regions are only ever added. */
extern struct mr_region mr_regions[MR_REGION_MAX];
extern _Atomic uint32_t mr_region_count;

/* Sets up the first region. Called once, before any other function here. False: no memory at all. */
bool mr_space_init(void);

/* Slices of a span for so many bytes. In a hardened heap each span has one more, its last, which is made inaccessible
 * while the span is taken: mr_space_guard is how many. */
extern MR_HIDDEN size_t mr_space_round;
MR_INLINE size_t mr_space_slices(size_t bytes) { return (bytes + mr_space_round) >> MR_SLICE_SHIFT; }
MR_INLINE uint32_t mr_space_guard(void) { return (uint32_t)(mr_space_round >> MR_SLICE_SHIFT); }

/* A span of `slices`, aligned to `align` slices (a power of two). The head's owner is 0 and its kind
 * NONE; the caller sets the kind. *zero tells whether it reads as zero throughout. NULL: no memory. */
struct mr_slab *mr_space_take(uint32_t slices, uint32_t align, bool *zero);

/* Gives a span back. `clean` says its memory reads as zero and costs nothing. */
void mr_space_give(struct mr_slab *head, bool clean);

/* Makes a span `slices` long where it stands. False: no room behind it. */
bool mr_space_resize(struct mr_slab *head, uint32_t slices);

/* Zeroed memory for memoir's own tables; never given back. bytes <= MR_SLICE. NULL: no memory. */
void *mr_space_meta(size_t bytes);

/* Gives up the reserved address space behind what is committed. */
void mr_space_unreserve(void);

/* Gives the memory of free spans back to the system: those that have been free for the purge delay, or
 * all. Returns the bytes given. */
size_t mr_space_purge(bool all);

/* Held by every function here; fork, walks and handlers that must know take or ask it themselves. */
extern struct mr_lock mr_space_lock;

/* Whether the heap is so large that the memory of a fresh slab will be needed soon. No lock. */
bool mr_space_is_big(void);

/* Whether address space is plentiful: nothing limits the process or the heap. No lock. */
bool mr_space_is_roomy(void);

/* Bytes of memoir's own slices and tables. */
size_t mr_space_metadata(void);

/* NULL, or the first thing wrong in words. Takes the lock, unless it is the caller's. */
const char *mr_space_check(void);

#endif
