/* harden.h: slabs that keep nothing in the memory of their blocks (MEMOIR_HARDEN).
 *
 * A hardened slab has no list: which of its blocks are free stands in a map outside the heap's memory, between
 * inaccessible pages. So there is no link to forge, a block freed twice is seen exactly, and any free block
 * can be the next. (Maps out of band, random slots, zeroed blocks and guards between slabs: hardened_malloc, Micay.)
 *
 *   block i is in use for its slab     <=>  used bit i                    sum of the used bits = blocks in use
 *   block i is in use for the program  <=>  used bit i and not freed bit i
 *
 * Another thread than the owner frees in two steps, since the slab may be gone as soon as its block is known to be
 * free: it announces that it will (pending + 1; the first puts the slab into the owner's inbox), then sets
 * the freed bit, and touches neither slab nor map any more. The owner collects freed bits from the slabs of its inbox.
 *
 *   pending = announced - collected;  pending > 0  <=>  the slab is in its owner's inbox, and is not given back
 *
 * Every span, memoir's own tables included, ends with a slice that nobody can touch (mr_space_slices, fences.h), as long
 * as the process has mappings for that. Freed memory is zeroed, unless MEMOIR_CHECK fills it. The order is random enough
 * that a program's author cannot foresee it, not a cryptographer's. */
#ifndef MR_HEAP_HARDEN_H
#define MR_HEAP_HARDEN_H

#include "heap.h"
#include "space.h"

/* The map of one slice; that of a slab's first slice is the slab's. */
struct mr_hard {
    struct mr_slab *next;      /* in the inbox */
    _Atomic uint32_t pending;  /* only the owner makes it less */
    _Atomic uint32_t refused;  /* announced, but the block had been freed by yet another thread in that moment */
    struct {
        uint64_t used;          /* written by the owner alone */
        _Atomic uint64_t freed;
    } words[MR_SLICE / 16 / 64];
};

/* Where the next blocks of a class come from: 64 neighbours of its current slab, as long as one of them is free.
 *
 *   bit i of ~*used & carved  <=>  the block at start + i * size is free        carved = 0: there is no such slab */
struct mr_hand {
    uint64_t *used; /* a word of the slab's map; while carved is 0, any that can be read */
    uint64_t carved;
    char *start;
    size_t size;
    struct mr_slab *slab;
};

MR_INLINE bool mr_harden_has(const struct mr_slab *slab)
{
    return atomic_load_explicit(&slab->owner, memory_order_relaxed) & MR_OWNER_HARDENED;
}

/* Settles from the options whether the heap is hardened; before the first region. */
void mr_harden_init(void);

/* A hardened heap begins; its hands have MR_CLASS_COUNT elements. */
void mr_harden_equip(struct mr_heap *heap, struct mr_hand *hands);

/* The class has another current slab, or none. */
MR_INLINE void mr_harden_let_go(struct mr_heap *heap, unsigned cls)
{
    if (MR_UNLIKELY(heap->hands != NULL))
        heap->hands[cls].carved = 0;
}

/* Maps of a new region, and for all slices of it below `committed`. False: no memory. */
bool mr_harden_reserve(struct mr_region *region);
bool mr_harden_commit(struct mr_region *region, size_t committed);

/* Gives up the address space of maps that are not writable yet, but for a page behind them. */
void mr_harden_unreserve(const struct mr_region *region);

/* Zeroes a large block from its byte `from` on, which is gone for the program; what follows the block in its span reads as
 * zero already. True: its OS pages went back to the system for that. */
bool mr_harden_wipe(const struct mr_slab *head, size_t from);

/* A slab of a hardened heap begins. */
void mr_harden_start(struct mr_slab *slab, unsigned blocks);

/* A block of the slab, the current one of its class, carving more of its `most` blocks when none is free; NULL: it is
 * full. The caller counts it. */
void *mr_harden_take(struct mr_heap *heap, struct mr_slab *slab, uint32_t most);

/* Frees block `index`; heap: the caller's, or NULL. */
enum mr_freed mr_harden_free(struct mr_heap *heap, struct mr_heap *owner, struct mr_slab *slab, uint32_t index);

/* Collects what other threads have freed. The caller owns the heap. */
void mr_harden_drain(struct mr_heap *heap);

/* Another thread is about to free a block of the slab, which must not go away. */
bool mr_harden_is_awaited(const struct mr_slab *slab);

/* Whether block `index` is in use for the program. */
bool mr_harden_in_use(const struct mr_slab *slab, uint32_t index);

/* NULL, or what is wrong in words. */
const char *mr_harden_check(const struct mr_slab *slab);

#endif
