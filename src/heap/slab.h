/* slab.h: the descriptor of a slice, and how an address finds it.
 *
 * The heap's memory is a few **regions** of reserved address space (nearly always one). Each
 * begins with its own table of descriptors, one of 64 bytes per slice, and the table describes
 * its own slices too, so "pointer -> descriptor" is a subtraction, a shift and an addition:
 *
 *   base                                                base + frontier        base + reserved
 *   | descriptor 0 | 1 | 2 | ... |  slice T | slice T+1 | ...  | (inaccessible) ... |
 *   `-------- T slices of table -'
 *
 *   descriptor(p) = base + ((p - base) >> 16) * 64
 *
 * Only the head descriptor of a span says what the span is; a wide slab marks the others
 * INTERIOR, for pointers into it arrive there.
 *
 * While a slab is held by a heap, only the heap's owner writes its descriptor. One word counts,
 * from the start of the slab's life in its class, the allocations and the blocks in use:
 *
 *   count = allocations << 16 | blocks in use + (kept ? 1 : 0)      (blocks in an inbox are in use)
 *   |free| + |returned| + blocks in use = ext <= blocks per slab of the class < 2^16
 *   frees                   = allocations - blocks in use
 *
 * malloc adds MR_COUNT_ALLOC, free subtracts one: the exact totals cost nothing over the count of
 * blocks in use, which is needed to know when a slab is empty. */
#ifndef MR_HEAP_SLAB_H
#define MR_HEAP_SLAB_H

#include <stdatomic.h>

#include "base.h"
#include "pool.h"
#include "sizeclass.h"

/* What a slice belongs to. */
enum mr_kind {
    MR_KIND_NONE,     /* free, or inside a large block */
    MR_KIND_SLAB,     /* head of a slab */
    MR_KIND_INTERIOR, /* inside a wide slab; `ext` = distance to the head */
    MR_KIND_LARGE,    /* head of a large block */
    MR_KIND_META,     /* memoir's own */
    MR_KIND_CACHED,   /* head of a span in a heap's cache */
};

/* Flags of the owner word: any of them makes the fast free take the slow path. */
#define MR_OWNER_FULL ((uintptr_t)1) /* in no list: no free block, all carved */
#define MR_OWNER_WATCHED ((uintptr_t)2) /* its blocks carry tags (tag.h) */
#define MR_OWNER_HARDENED ((uintptr_t)4) /* its free blocks stand in a map (harden.h) */
#define MR_OWNER_FLAGS ((uintptr_t)63)

struct mr_slab {
    uint32_t units; /* the pool engine's words (struct mr_span); the next two */
    uint32_t back;  /* belong to it only while the span is free */
    union {
        struct {
            void *free;     /* slab: LIFO list of free blocks, linked through their first word */
            union {
                uint64_t count; /* slab: allocations << 16 | blocks in use, plus one if kept */
                uint16_t count_low;
            };
            union {
                uint64_t seen; /* slab, kept: its allocations at the last search << 8, searches since it was used */
                void *last;    /* slab, not current: the last block of `free`; nothing when that is empty */
            };
        };
        struct {
            size_t large_bytes;   /* large: usable bytes, a multiple of the OS page */
            uint64_t large_moved; /* large: bytes that arrived by mr_vm_move, a mapping of their own; 0 none */
            uint64_t large_tag;   /* large: tag.h */
        };
    };
    _Atomic uintptr_t owner; /* struct mr_heap * | MR_OWNER_*; 0 but for slabs */
    union {
        struct {
            struct mr_slab *next, *prev; /* slab, queued: the queue of its bin */
        };
        struct {
            /* slab, current: a second list, of what other threads freed, first in first out, for when `free` has ended */
            void *returned, *returned_last;
        };
    };
    uint16_t ext;            /* slab: blocks carved so far */
    uint8_t cls;             /* slab: size class */
    uint8_t kind;            /* enum mr_kind */
    bool zero;               /* what is not carved yet reads as zero */
    bool kept;               /* current slab of its class, was found empty: count is one too high */
    bool queued;             /* in the queue of its bin */
    bool guarded;            /* span: its last slice is inaccessible (fences.h) */
};
_Static_assert(sizeof(struct mr_slab) == 64, "a descriptor is a cache line: mr_slab_at multiplies by 64");
_Static_assert(offsetof(struct mr_slab, owner) >= sizeof(struct mr_span), "a free span's node must not touch owner or kind");
_Static_assert(offsetof(struct mr_slab, owner) == 32, "the engine's words end before the owner");

/* The range the fast free knows: the first region, as far as it is writable. Empty (bytes = 0) until
 * the heap is set up, and for ever when every request goes through one fit. */
extern MR_HIDDEN uintptr_t mr_lookup_base;
extern MR_HIDDEN size_t mr_lookup_bytes;

MR_INLINE struct mr_slab *mr_slab_at(uintptr_t base, uintptr_t p)
{
    return (struct mr_slab *)(base + (((p - base) >> (MR_SLICE_SHIFT - 6)) & ~(uintptr_t)63));
}

/* The stand-in for "no slab": nothing free, never written. */
extern MR_HIDDEN const struct mr_slab mr_slab_none;

/* Any address of any region -> descriptor of its slice; NULL for addresses of nobody's. */
struct mr_slab *mr_lookup_slice_anywhere(const void *p);
MR_INLINE struct mr_slab *mr_lookup_slice(const void *p)
{
    uintptr_t base = mr_lookup_base;
    return MR_LIKELY((uintptr_t)p - base < MR_GLANCE(mr_lookup_bytes)) ? mr_slab_at(base, (uintptr_t)p)
                                                                         : mr_lookup_slice_anywhere(p);
}

/* The second list; NULL in a slab that is not current. */
MR_INLINE void *mr_slab_returned(const struct mr_slab *slab)
{
    return MR_PEEK(slab->queued) ? NULL : MR_PEEK(slab->returned);
}

/* Where the span of a head descriptor begins. */
char *mr_lookup_start_anywhere(const struct mr_slab *head);
MR_INLINE char *mr_lookup_start(const struct mr_slab *head)
{
    uintptr_t base = mr_lookup_base, offset = (uintptr_t)head - base;
    return MR_LIKELY(offset < MR_GLANCE(mr_lookup_bytes)) ? (char *)base + (offset << (MR_SLICE_SHIFT - 6))
                                                            : mr_lookup_start_anywhere(head);
}

/* Index of the block of a slab that starts at p, or -1 when no carved block starts there. */
int mr_lookup_block(const struct mr_slab *slab, const void *p);

/* The kind is written last when a span becomes something and first when it stops being it: who walks the
 * heap meanwhile sees a span that is what it says. */
MR_INLINE void mr_slab_set_kind(struct mr_slab *head, enum mr_kind kind)
{
    __atomic_store_n(&head->kind, (uint8_t)kind, __ATOMIC_RELEASE);
}
MR_INLINE enum mr_kind mr_slab_kind(const struct mr_slab *head)
{
    return (enum mr_kind)__atomic_load_n(&head->kind, __ATOMIC_ACQUIRE);
}

/* The head that governs a slice: itself, or the head of the wide slab it lies in. */
MR_INLINE struct mr_slab *mr_lookup_head(struct mr_slab *slice)
{
    return MR_UNLIKELY(mr_slab_kind(slice) == MR_KIND_INTERIOR) ? slice - slice->ext : slice;
}

MR_INLINE uint32_t mr_slab_slices(const struct mr_slab *head) { return head->units & ~MR_SPAN_FREE; }
#define MR_COUNT_SHIFT 16
#define MR_COUNT_ALLOC (((uint64_t)1 << MR_COUNT_SHIFT) + 1)

/* No block is in use and the slab is not kept: the low part of the count, compared where it lies. (Left to
 * itself the compiler loads, masks and tests: two instructions more in every free.) */
MR_INLINE bool mr_slab_is_empty(const struct mr_slab *slab)
{
    _Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the low 16 bits come first");
    __asm__("" : : : "memory");
    return slab->count_low == 0;
}
MR_INLINE uint64_t mr_slab_allocs(const struct mr_slab *slab) { return MR_PEEK(slab->count) >> MR_COUNT_SHIFT; }
MR_INLINE uint64_t mr_slab_in_use(const struct mr_slab *slab)
{
    return (MR_PEEK(slab->count) & 0xffff) - MR_PEEK(slab->kept);
}

#endif
