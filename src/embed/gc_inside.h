/* gc_inside.h: what the files of memoir/gc.h share.
 *
 * The heap is a span engine (pool.h) over **units** of 16 KiB, its nodes in a side table. A taken span is a **slab**
 * of equal objects of one type (1 unit, or 4 for objects above 1 KiB) or one large object. A **card** per unit says
 * what an address in it leads to; two bits per object, whether it is in use and whether it was marked.
 *
 *   | control | cards | nodes | bits | roots | mark stack |  unit 0 | unit 1 | ...    ... not committed |
 *                                                         ^ base               ^ base + units * 16 KiB
 *
 * Memory is handed out by **runs**: objects that lie side by side and were free are marked as in use and made zero
 * together, and memoir_gc_alloc counts up through them. While marking there are no runs: what was not
 * handed out is free again.
 *
 * Invariants (memoir_gc_check tests them in this order):
 *   I1  those of the engine
 *   I2  cards of a taken span name its first unit, and the size,
     count and type of its objects; of a free one: count 0
 *   I3  no bit at or behind `count` is set; between collections none is marked; a large object is in use
 *   I4  what a run has left, at <= end, lies in one slab of its type and class, and is in use there
 *   I5  objects and bytes in use are granted - freed */
#ifndef MR_EMBED_GC_INSIDE_H
#define MR_EMBED_GC_INSIDE_H

#include <string.h>

#include "base.h"
#include "os.h"
#include "pool.h"

#include "memoir/gc.h"

enum {
    MR_GC_UNIT_SHIFT = 14, MR_GC_UNIT = 1 << MR_GC_UNIT_SHIFT,
    MR_GC_WORDS = MR_GC_UNIT / 16 / 64, /* words of bits per unit: objects have 16 bytes or more */
    MR_GC_WIDE = 4,                     /* units of a slab of objects above */
    MR_GC_NARROW_MOST = 1024,
    MR_GC_SMALL_MOST = 16 << 10,
    MR_GC_ROOTS = 1 << 16,
    MR_GC_ANY = 0, MR_GC_LEAF = 1, MR_GC_OWN_TYPES = 2,
};
#define MR_GC_NONE UINT32_MAX

struct mr_gc_card {
    uint32_t start;   /* unit */
    uint32_t inverse; /* ceil(2^32 / size); large: 0 */
    uint32_t size;    /* of an object, in units of 8 bytes */
    uint16_t count;   /* objects; 0: a free unit */
    uint8_t type;
    uint8_t class;    /* 0: large */
};
_Static_assert(sizeof(struct mr_gc_card) == 16, "four to a cache line: marking reads one per pointer");

struct mr_gc_bits {
    uint64_t used, marked;
};

/* The engine's node, and behind it what is said of slabs. */
struct mr_gc_node {
    struct mr_span span;
    uint32_t next;   /* slab with free objects of this type and class, MR_GC_NONE: the last */
    uint16_t cursor; /* objects before this one are not looked at for free ones */
    bool listed;
    bool fresh;      /* what was not handed out reads as zero */
};

struct mr_gc_bin {
    uint32_t current;     /* the slab of the run, MR_GC_NONE */
    uint32_t first, last; /* others that have free objects */
};

struct mr_gc_root { const char *from, *to; };

struct mr_gc_final {
    void *object; /* NULL: an empty place */
    memoir_gc_finalize *finalize;
    void *ctx;
    bool ready; /* found unreachable; keeps its object until it was run */
};

struct mr_gc {
    struct memoir_gc face;
    struct mr_gc_bin bins[MEMOIR_GC_TYPES * MEMOIR_GC_CLASSES];
    struct memoir_gc_type types[MEMOIR_GC_TYPES];
    uint32_t type_count;
    struct memoir_gc_options options;
    struct mr_pool pool;
    char *base;
    uint64_t span;           /* bytes of units there are: what lies above leads nowhere */
    struct mr_gc_card *cards;
    struct mr_gc_node *nodes;
    struct mr_gc_bits *bits;
    uint32_t most_units;
    struct mr_gc_root *roots;
    uint32_t root_count;
    void **work, **work_top; /* the mark stack: work_top is where the next goes */
    struct mr_gc_final *finals; /* open addressing, linear probing, at most half full */
    size_t final_capacity, final_count, final_ready;
    void *finalizing;        /* the object whose finalizer runs; a root */
    struct mr_gc_root stack; /* where the stack of stack_thread was found; empty: look again */
    uintptr_t stack_thread;
    bool tracing, held;
    uint64_t since, threshold; /* bytes granted since the last collection, and when to collect */
    uint64_t granted_objects, granted_bytes; /* a run counts as a whole */
    struct memoir_gc_stats stats; /* of these: what is not computed when asked for */
    void *memory;
    size_t bytes;
};

MR_INLINE struct mr_gc *mr_gc_whole(struct memoir_gc *gc) { return (struct mr_gc *)(void *)gc; }

MR_INLINE struct mr_gc_bits *mr_gc_bits_of(const struct mr_gc *g, uint32_t start, uint32_t i)
{
    return &g->bits[(size_t)start * MR_GC_WORDS + i / 64];
}

MR_INLINE char *mr_gc_object(const struct mr_gc *g, const struct mr_gc_card *card, uint32_t i)
{
    return g->base + ((size_t)card->start << MR_GC_UNIT_SHIFT) + (size_t)i * card->size * 8;
}

/* The card of an address and the number of the object; NULL: it leads to no place of an object. Division by
 * multiplication is exact: offsets in slabs are below 2^16 and sizes at most 2^14. */
MR_INLINE const struct mr_gc_card *mr_gc_find(const struct mr_gc *g, uintptr_t word, uint32_t *i)
{
    uint64_t offset = word - (uintptr_t)g->base;
    if (offset >= g->span)
        return NULL;
    const struct mr_gc_card *card = &g->cards[offset >> MR_GC_UNIT_SHIFT];
    uint64_t inside = offset - ((uint64_t)card->start << MR_GC_UNIT_SHIFT);
    *i = (uint32_t)(inside * card->inverse >> 32);
    return *i < card->count ? card : NULL;
}

MR_INLINE size_t mr_gc_bytes(const struct mr_gc_card *card) { return (size_t)card->size * 8; }

/* The class of sizes up to MR_GC_SMALL_MOST, and its size in units of 8: steps of 8 up to 128, then 8 per
 * doubling. */
MR_INLINE uint32_t mr_gc_class(size_t size)
{
    uint32_t n = (uint32_t)mr_max((size + 7) / 8, 2);
    if (n <= 16)
        return n;
    unsigned k = mr_log2_floor(n - 1);
    return 16 + (k - 4) * 8 + ((n - 1) >> (k - 3)) - 7;
}

MR_INLINE uint32_t mr_gc_class_size(uint32_t c)
{
    return c <= 16 ? c : (9 + (c - 17) % 8) << ((c - 17) / 8 + 1);
}

/* Tells the handler; gc may be NULL. */
void mr_gc_tell(const struct memoir_gc_options *options, struct memoir_gc *gc, enum memoir_gc_error kind,
                const void *pointer,
                const char *words);

/* Whether a function that may not be called now is: told. */
bool mr_gc_is_reentered(struct mr_gc *g);

/* The object in use that begins at p, or NULL: then it was told what is wrong with p. *i: its number. */
const struct mr_gc_card *mr_gc_demand(struct mr_gc *g, const void *p, uint32_t *i);

/* ---- gc.c ------------------------------------------------------------------------------------------- */
void *mr_gc_take(struct mr_gc *g, uint32_t type, size_t size);

/* Ends all runs: what they have left is free. */
void mr_gc_end_runs(struct mr_gc *g);

/* ---- gc_mark.c: while collecting -------------------------------------------------------------------- */
void mr_gc_mark_object(struct mr_gc *g, const void *p); /* one more root */
bool mr_gc_mark_is_marked(const struct mr_gc *g, const void *object);
void mr_gc_mark_range(struct mr_gc *g, const char *from, const char *to); /* likewise each word */
void mr_gc_mark_drain(struct mr_gc *g);

/* ---- gc_roots.c ------------------------------------------------------------------------------------- */
void mr_gc_roots_mark(struct mr_gc *g);

/* ---- gc_final.c ------------------------------------------------------------------------------------- */
/* What is unreachable and has a finalizer is made ready, and marked with all it leads to. */
void mr_gc_final_mark_ready(struct mr_gc *g);
void mr_gc_final_mark_pending(struct mr_gc *g);
void mr_gc_final_run(struct mr_gc *g);
void mr_gc_final_forget(struct mr_gc *g, const void *object);
void mr_gc_final_end(struct mr_gc *g); /* runs all */

/* ---- gc_sweep.c ------------------------------------------------------------------------------------- */
size_t mr_gc_sweep_collect(struct mr_gc *g);

/* Gives a span of units back. */
void mr_gc_sweep_give(struct mr_gc *g, uint32_t start);

/* Lists a slab as one with free objects. */
void mr_gc_sweep_list(struct mr_gc *g, uint32_t start);

#endif
