/* pool.h: one span engine for every region of memory memoir manages.
 *
 * A pool is a run of equal **units**, numbered from 0, cut into **spans** that are taken or free.
 * Free neighbours are merged at once. The engine sees no memory but the span nodes: node i of a
 * pool lives at `nodes + i * stride`, so the same code serves two layouts:
 *
 *   side table   nodes = an array of descriptors, stride = sizeof(descriptor): manages address
 *                space that it never touches (the process heap's slices);
 *   in band      nodes = buffer + 8, stride = 16: the node of a span lies in the memory it
 *                describes, 8 bytes before the payload, which makes a boundary-tag allocator
 *                (Knuth, TAOCP 1, 2.5; the header shrinks to two words of 32 bits):
 *
 *      unit i          unit i+1                      unit i+n
 *      |........[size|back]payload ................ [size|back]...
 *      ^        ^         ^ 16-byte aligned: address of unit i plus 16
 *      |        node i
 *      16 i
 *
 * Only nodes of span heads are ever written. The first two words of a head are the engine's as
 * long as the span exists; the other three belong to it only while the span is free, and in a pool that
 * keeps no stamps the last never does.
 *
 * Invariants (mr_pool_check tests them in this order):
 *   I1  the spans tile the pool: head(0) = 0, head(k+1) = head(k) + size(k), size >= min_units,
 *       the last span begins at `last` and ends at `units`;
 *       buddy: every size is a power of two and divides its head
 *   I2  back(head k+1) = size(k); back(head 0) = 0
 *   I3  no two adjacent free spans of equal grade (grade = stamp != 0);
 *       buddy: no two free buddies of equal size and equal grade
 *   I4  lists: a bit is set iff its list is not empty, every span is in the list of its size;
 *       tree: keys in order, heap order of priorities;
 *       table: a bit is set iff a free span begins there, each max is the largest size below
 *   I5  the index of a grade holds exactly the free spans of that grade; free_units and free_spans
 *       are their sums
 *
 * Nothing here locks, calls the system or allocates. Costs: take, give and resize are O(1) for
 * segregated, O(log units) for buddy, O(log16 units) for first, next and worst, and for best O(1) below
 * 232 units and O(log free spans) expected above.
 *
 * Aligned takes (align > 1) first try 8 spans that are long enough, in the order of the fit, for a
 * place that is aligned; then any span so long (units + align + min_units - 1 or a little less) that it must hold one; then 256 more. So they cost a constant number of searches,
 * and may miss a span that would hold the request only where more than 256 long enough ones do not.
 * The segregated fit looks in the same way through the bin a request falls into, whose spans may be
 * a little too short.
 *
 * Buddies lie at multiples of their size, so an aligned take needs offset % align == 0 once the size
 * reaches align: an in-band buddy pool puts the payload of unit 0 on the largest alignment it is
 * to serve (nodes = that address - 8). */
#ifndef MR_POOL_H
#define MR_POOL_H

#include "base.h"

#define MR_POOL_NONE UINT32_MAX     /* "no span" */
#define MR_POOL_MAX_UNITS ((uint32_t)1 << 30)
#define MR_SPAN_FREE ((uint32_t)1 << 31)

/* The rule that picks a free span. */
enum mr_fit {
    MR_FIT_FIRST,      /* lowest address that is large enough */
    MR_FIT_NEXT,       /* lowest address at or behind the head taken last, wrapping round once */
    MR_FIT_BEST,       /* smallest that is large enough; among equals the one given last, from 232 units on
                          the lowest address */
    MR_FIT_WORST,      /* largest, lowest address among equals (aligned: else the first that holds it) */
    MR_FIT_SEGREGATED, /* good fit by two levels of size bins: TLSF (Masmano et al., 2004) */
    MR_FIT_BUDDY,      /* binary buddies (Knowlton, 1965): sizes are rounded up to powers of two */
    MR_FIT_COUNT
};

struct mr_span {
    uint32_t size;  /* units; MR_SPAN_FREE is set while the span is free */
    uint32_t back;  /* units of the span before this one; 0 for the first */
    /* Valid only while free: */
    uint32_t left;  /* tree: left child; lists: next span */
    uint32_t right; /* tree: right child; lists: previous span */
    uint32_t stamp; /* the giver's word: 0 = grade "clean", else grade "dirty" and when it was given */
};
_Static_assert(sizeof(struct mr_span) == 20, "a free span fits two 16-byte units in band, its header included");

/* Two-level bins of the segregated fit: 2^MR_BIN_SUB lists per doubling. */
#define MR_BIN_SUB 3
#define MR_BIN_ROWS 29 /* sizes 0 to 7, then one row per doubling from 8 to MR_POOL_MAX_UNITS */
#define MR_BIN_COLS (1 << MR_BIN_SUB)
#define MR_BINS (MR_BIN_ROWS * MR_BIN_COLS)

#define MR_POOL_LEVELS 7 /* of the table by address, the level below those of `up` included */

/* The free spans of one grade. Which members are in use depends on the fit. */
struct mr_pool_index {
    uint32_t root;             /* best: treap of the long spans */
    uint32_t rows;             /* bit r: segregated, best: cols[r] != 0; buddy: order r has spans */
    uint8_t cols[MR_BIN_ROWS];
    uint32_t heads[MR_BINS];   /* first span of each list; buddy: heads[order] */
    /* First, next, worst: the table, see fit_address.c. */
    unsigned top;
    uint32_t *up[MR_POOL_LEVELS];
    char *groups;
    size_t group_stride;
};

struct mr_pool {
    char *nodes;
    size_t stride;
    uint32_t units;      /* managed units */
    uint32_t min_units;  /* smallest span a split may leave behind: 1 (side table), 2 or 3 (in band: the bytes of
                            struct mr_span), for buddy a power of two */
    uint32_t last;       /* head of the last span, MR_POOL_NONE while the pool is empty */
    uint32_t cursor;     /* next fit: the head taken last */
    uint32_t seed;       /* mixed into treap priorities */
    uint32_t stamps;     /* mask of the bits of a stamp that count: all, or none */
    bool plain;          /* segregated and no stamps: the short way (fit_segregated.c) */
    enum mr_fit fit;
    uint64_t free_units;
    uint64_t dirty_units; /* of these, the grade dirty */
    uint32_t free_spans;
    struct mr_pool_index index[2]; /* [0] clean, [1] dirty */
};

/* Makes an empty pool of no units. `min_units` as above. O(1). */
void mr_pool_init(struct mr_pool *pool, enum mr_fit fit, void *nodes, size_t stride, uint32_t min_units,
                  uint32_t seed);

/* All spans are of grade clean from now on, whatever stamps are given: `stamp` in the nodes is neither written nor
 * read, so that in band nothing behind the header of a free span matters. Before the first growth. */
void mr_pool_forget_stamps(struct mr_pool *pool);

/* First, next and worst fit need a table beside the pool, of that many bytes, zero, and aligned to 8; the other fits
 * need none (0 bytes, and any table will do). It is laid out for `most` units; as long as there are fewer, only the
 * bytes for these are touched. Set it before the first growth, after mr_pool_forget_stamps if that is called (then
 * grades is 1, else 2). */
size_t mr_pool_table_bytes(enum mr_fit fit, uint32_t units, uint32_t most, unsigned grades);
void mr_pool_set_table(struct mr_pool *pool, void *table, uint32_t most);

/* Adds `units` (> 0) free units of the given stamp behind the last one. The nodes of the new units
 * must be writable (in band: the memory itself). Precondition: the sum stays <= MR_POOL_MAX_UNITS,
 * and units >= min_units. Buddy with min_units = 2 leaves out the last of an odd number: the next
 * growth begins at pool->units, wherever that is. O(log units) for buddy. */
void mr_pool_grow(struct mr_pool *pool, uint32_t units, uint32_t stamp);

/* Takes a span of at least `units` (> 0; rounded up to min_units, for buddy to a power of two) whose
 * head index i satisfies (i + offset) % align == 0; align is a power of two >= 1. Dirty spans are
 * preferred to clean ones. Returns the head, or MR_POOL_NONE when nothing fits; the pool is then
 * unchanged. *stamp (may be NULL) receives the stamp of the span it was cut from. What is cut off
 * in front and behind stays free under the same stamp; a rest behind of less than min_units stays
 * with the span, whose length mr_pool_size tells. */
uint32_t mr_pool_take(struct mr_pool *pool, uint32_t units, uint32_t align, uint32_t offset, uint32_t *stamp);

/* Gives a taken span back, merging it with free neighbours of the same grade; the merged span
 * carries the larger stamp. Returns the head of the resulting free span. Precondition: `head` is
 * the head of a taken span (MR_ASSERT). */
uint32_t mr_pool_give(struct mr_pool *pool, uint32_t head, uint32_t stamp);

/* Makes a taken span `units` long (rounded as by take, rests below min_units likewise) without moving
 * it. Growing absorbs from the free span behind it (both grades, if two lie in a row; buddy: whatever
 * lies free up to the new size); shrinking gives the tail back under `tail_stamp`. Returns false,
 * with nothing changed, when there is no room. *stamp (may be NULL) receives the
 * largest stamp absorbed, 0 if none or clean. */
bool mr_pool_resize(struct mr_pool *pool, uint32_t head, uint32_t units, uint32_t tail_stamp, uint32_t *stamp);

/* Takes exactly the free span with this head, whole (what a purge does before it gives it back
 * clean). Precondition: free head. */
void mr_pool_take_whole(struct mr_pool *pool, uint32_t head);

/* Units of the largest free span, over both grades. O(1), for segregated O(spans in the top bin). */
uint32_t mr_pool_largest(const struct mr_pool *pool);

/* Some free span of grade dirty with stamp <= `until`, or MR_POOL_NONE. O(dirty spans). */
uint32_t mr_pool_find_dirty(const struct mr_pool *pool, uint32_t until);

/* Heads in address order: the first, and the one behind `head`; MR_POOL_NONE at the end. */
uint32_t mr_pool_first(const struct mr_pool *pool);
uint32_t mr_pool_next(const struct mr_pool *pool, uint32_t head);

/* Tests I1 to I5, O(spans * log spans). Returns NULL when all hold, else the reason in words. Reads
 * nothing outside the nodes of the pool's units, whatever they contain. */
const char *mr_pool_check(const struct mr_pool *pool);

/* Whether the span at `head`, marked free and inside the pool, is in the index. Reads nothing outside the nodes of the
 * pool's units, whatever they contain. O(1), for long spans of best fit O(log spans). */
bool mr_pool_holds(const struct mr_pool *pool, uint32_t head);

MR_INLINE struct mr_span *mr_pool_node(const struct mr_pool *pool, uint32_t i)
{
    return (struct mr_span *)(pool->nodes + (size_t)i * pool->stride);
}
MR_INLINE uint32_t mr_pool_size(const struct mr_pool *pool, uint32_t head)
{
    return mr_pool_node(pool, head)->size & ~MR_SPAN_FREE;
}
MR_INLINE bool mr_pool_is_free(const struct mr_pool *pool, uint32_t head)
{
    return (mr_pool_node(pool, head)->size & MR_SPAN_FREE) != 0;
}
MR_INLINE uint32_t mr_pool_stamp(const struct mr_pool *pool, uint32_t head)
{
    return mr_pool_node(pool, head)->stamp & pool->stamps;
}

/* The name a user writes ("first-fit", "buddy", ...), from one table with the enum. */
const char *mr_fit_name(enum mr_fit fit);

#endif
