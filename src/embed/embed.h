/* embed.h: what the files of the embedded pool share. The public contract is memoir/pool.h.
 *
 * A pool is the span engine in band, in one piece of address space that may grow at its end:
 *
 *   | control | table of the fit |16| unit 0 | unit 1 | ...              units << shift |  not yet grown  |
 *                                   ^ base: payload of unit 0
 *
 *   payload(i) = base + (i << shift)     node(i) = payload(i) - 16     usable bytes of n units =
 *                                                                      (n << shift) - 16 - trailer
 *
 * so a block's memory ends where the header of the next begins. The header is the engine's first two words
 * and a **seal**, in the two words that are the engine's only while the span is free:
 *
 *   seal = bytes asked for (36 bits) | state (3) | check (25)      check = hash(secret, head, units, the rest)
 *
 * state is the protection of a block in use; or FREED, under which the header is sealed again before the span is
 * given back: merged into the gap before it, it still tells of the second free; or HELD, when the block is free for
 * the program and taken for the engine (quick.h). With tags, a trailer with a check of its own stands behind the
 * usable bytes.
 *
 * Invariants (memoir_pool_check): those of the engine; every taken span has a right seal in a state that is not
 * FREED; of a block in use, bytes asked for <= usable bytes, and with tags a right trailer; the sums of blocks and
 * bytes asked for are those of the statistics. */
#ifndef MR_EMBED_H
#define MR_EMBED_H

#include <pthread.h>

#include "base.h"
#include "os.h"
#include "pool.h"

#include "memoir/pool.h"

enum { MR_EMBED_HEADER = 16, MR_EMBED_TRAILER = 16 };
enum { MR_EMBED_SIZE_BITS = 36, MR_EMBED_STATE_BITS = 3, MR_EMBED_CHECK_SHIFT = MR_EMBED_SIZE_BITS + MR_EMBED_STATE_BITS };
enum { MR_EMBED_HELD = 6, MR_EMBED_FREED = 7 };
_Static_assert((int)MEMOIR_PROTECTIONS <= (int)MR_EMBED_HELD, "a state is a protection, held, or freed");

struct mr_embed_trailer {
    const char *file;
    uint32_t line, check;
};
_Static_assert(sizeof(struct mr_embed_trailer) == MR_EMBED_TRAILER, "as the layout says");

/* Blocks from malloc: open addressing, linear probing, at most half full; capacity is 0 or a power of two. */
struct mr_embed_foster {
    void *block; /* NULL: an empty place */
    size_t size;
    const char *file;
    unsigned line;
};

struct mr_embed_fosters {
    struct mr_embed_foster *table;
    size_t capacity, count, bytes; /* bytes asked for */
};

/* What happened to a pool in its life, blocks from malloc included. Few words, since every call changes them:
 * bytes in use = peak - below, blocks = allocs - frees, bytes freed = allocated - bytes in use. */
struct mr_embed_tally {
    uint64_t allocs, frees, allocated;
    uint64_t peak;        /* most bytes in use at once, since the statistics were reset */
    int64_t below;        /* >= 0 between calls */
};

/* The held blocks of one size in units, see quick.h. */
struct mr_embed_quick {
    uint32_t first;
    uint16_t count, most;
};
enum { MR_EMBED_QUICKS = 64 };

struct memoir_pool {
    char *base;
    unsigned shift;       /* a unit is 1 << shift bytes */
    unsigned trailer;     /* bytes: MR_EMBED_TRAILER with tags, else 0 */
    bool guarded;         /* what every function tests first: thread-safe, or protected as a whole */
    uint64_t secret;
    size_t quick_sizes;   /* requests for 1 to so many bytes look at `quick` first; 0: none, and nothing is held */
    size_t fast_sizes;    /* the same before anything else; 0 if guarded */
    size_t fast_units;    /* engine.units if blocks may be held before anything else; 0: guarded, or one is protected */
    struct mr_embed_tally tally, since; /* since: the tally when the statistics were reset */
    struct mr_embed_quick quick[MR_EMBED_QUICKS];
    uint64_t failures;    /* since then */
    size_t capacity;      /* bytes from base on */
    struct mr_pool engine;
    struct memoir_pool_options options;
    struct mr_embed_fosters fosters;
    enum memoir_protection protection; /* of the whole */
    uint32_t protected_blocks;
    void *memory;         /* of the system's: all that is reserved; NULL: a caller's buffer */
    size_t reserved;
    size_t limit;         /* bytes from base on that may be had */
    pthread_mutex_t mutex;
};

/* ---- headers --------------------------------------------------------------------------------------------- */

MR_INLINE char *mr_embed_payload(const struct memoir_pool *pool, uint32_t head)
{
    return pool->base + ((size_t)head << pool->shift);
}

MR_INLINE struct mr_span *mr_embed_node(const struct memoir_pool *pool, uint32_t head)
{
    return (struct mr_span *)(void *)(mr_embed_payload(pool, head) - MR_EMBED_HEADER);
}

MR_INLINE size_t mr_embed_usable(const struct memoir_pool *pool, uint32_t units)
{
    return ((size_t)units << pool->shift) - MR_EMBED_HEADER - pool->trailer;
}

/* The check of a header in its upper bits; `content` is bytes asked for | state << MR_EMBED_SIZE_BITS. One
 * multiplication, and still no single bit of place, units or content can change without the check: the product then
 * changes by 2^b times an odd constant without 25 equal bits in a row, which is at least 2^MR_EMBED_CHECK_SHIFT,
 * modulo 2^64. */
MR_INLINE uint64_t mr_embed_mix(const struct memoir_pool *pool, uint32_t head, uint32_t units, uint64_t content)
{
    return (content ^ pool->secret ^ (uint64_t)units << 34 ^ (uint64_t)head << 20) * 0x9e3779b97f4a7c15u;
}

MR_INLINE uint64_t mr_embed_seal(const struct memoir_pool *pool, uint32_t head, uint32_t units, uint64_t content)
{
    return content | mr_embed_mix(pool, head, units, content) >> MR_EMBED_CHECK_SHIFT << MR_EMBED_CHECK_SHIFT;
}

MR_INLINE uint64_t mr_embed_read_seal(const struct mr_span *node)
{
    return node->left | (uint64_t)node->right << 32;
}

MR_INLINE void mr_embed_write_seal(struct mr_span *node, uint64_t seal)
{
    node->left = (uint32_t)seal;
    node->right = (uint32_t)(seal >> 32);
}

MR_INLINE size_t mr_embed_asked(uint64_t seal) { return seal & (((uint64_t)1 << MR_EMBED_SIZE_BITS) - 1); }
MR_INLINE unsigned mr_embed_state(uint64_t seal) { return seal >> MR_EMBED_SIZE_BITS & ((1u << MR_EMBED_STATE_BITS) - 1); }
MR_INLINE uint64_t mr_embed_content(uint64_t seal) { return seal & (((uint64_t)1 << MR_EMBED_CHECK_SHIFT) - 1); }

MR_INLINE bool mr_embed_seal_is_right(const struct memoir_pool *pool, uint32_t head, uint32_t units, uint64_t seal)
{
    return (mr_embed_mix(pool, head, units, mr_embed_content(seal)) ^ seal) >> MR_EMBED_CHECK_SHIFT == 0;
}

/* Whether the header of `head` carries a right seal; of a free span it never does (its size has MR_SPAN_FREE). */
MR_INLINE bool mr_embed_is_sealed(const struct memoir_pool *pool, uint32_t head)
{
    const struct mr_span *node = mr_embed_node(pool, head);
    return mr_embed_seal_is_right(pool, head, node->size, mr_embed_read_seal(node));
}

/* Whether the seal in the header of a taken span is that of a block in use or held. (Of a free one it might seem so once
 * in 2^25: there mr_pool_holds tells.) */
MR_INLINE bool mr_embed_bears_seal_of_use(const struct memoir_pool *pool, uint32_t head)
{
    const struct mr_span *node = mr_embed_node(pool, head);
    uint64_t seal = mr_embed_read_seal(node);
    return mr_embed_seal_is_right(pool, head, node->size, seal) && mr_embed_state(seal) != MR_EMBED_FREED;
}

/* Whether nobody uses the span, whose header is right: a free one, or a held block. */
MR_INLINE bool mr_embed_is_gap(const struct memoir_pool *pool, uint32_t head)
{
    const struct mr_span *node = mr_embed_node(pool, head);
    return (node->size & MR_SPAN_FREE) != 0 || mr_embed_state(mr_embed_read_seal(node)) == MR_EMBED_HELD;
}

MR_INLINE struct mr_embed_trailer *mr_embed_trailer_of(const struct memoir_pool *pool, uint32_t head)
{
    size_t usable = mr_embed_usable(pool, mr_pool_node(&pool->engine, head)->size);
    return (struct mr_embed_trailer *)(void *)(mr_embed_payload(pool, head) + usable);
}

uint32_t mr_embed_trailer_check(const struct memoir_pool *pool, uint32_t head, const struct mr_embed_trailer *t);

/* ---- entering and leaving (misuse.c) ---------------------------------------------------------------------- */

/* Before a public function looks at a pool: takes the mutex of a thread-safe one. False: it may not go on (that was
 * reported), and must not leave. */
bool mr_embed_enter_slow(struct memoir_pool *pool, bool writing);
void mr_embed_leave_slow(struct memoir_pool *pool);

MR_INLINE bool mr_embed_enter(struct memoir_pool *pool)
{
    return MR_LIKELY(!pool->guarded) || mr_embed_enter_slow(pool, true);
}

MR_INLINE void mr_embed_leave(struct memoir_pool *pool)
{
    if (MR_UNLIKELY(pool->guarded))
        mr_embed_leave_slow(pool);
}

/* Says what is wrong with `p`, which mr_embed_find refused, leaves the pool and tells its handler. `verb` is what the
 * caller wanted to do. */
void mr_embed_accuse(struct memoir_pool *pool, const void *p, const char *verb);

/* Tells the handler. Not between enter and leave. pool may be NULL: then `options` has the handler, if any. */
void mr_embed_report(struct memoir_pool *pool, const struct memoir_pool_options *options,
                     enum memoir_pool_error kind, const void *p, const char *format, ...) MR_PRINTF(5, 6);

/* The name of a pool for messages. */
const char *mr_embed_name(const struct memoir_pool_options *options);

/* What is wrong with the header of a taken span, or with what it says of its neighbours; NULL: nothing. *at receives
 * the head of the header at fault. */
const char *mr_embed_header_fault(const struct memoir_pool *pool, uint32_t head, uint32_t *at);

/* ---- which pointers are blocks (find.c) ------------------------------------------------------------------------ */

/* The head of the block in use that begins at p, or MR_POOL_NONE. Its header is right, and so is what its neighbours
 * say of it. */
uint32_t mr_embed_find(const struct memoir_pool *pool, const void *p);

/* Whether a span of so many units begins at `head`. What was taken, freed and merged since has a seal that says so, and
 * what was free and merged no size. */
MR_INLINE bool mr_embed_is_before(const struct memoir_pool *pool, uint32_t head, uint32_t units)
{
    const struct mr_span *node = mr_embed_node(pool, head);
    if (node->size == (units | MR_SPAN_FREE))
        return true;
    return node->size == units && mr_embed_state(mr_embed_read_seal(node)) != MR_EMBED_FREED;
}

/* Whether the headers of both neighbours, which the engine reads when it merges, say what this one's does. */
MR_INLINE bool mr_embed_neighbours_agree(const struct memoir_pool *pool, uint32_t head)
{
    const struct mr_span *node = mr_embed_node(pool, head);
    uint32_t units = node->size, back = node->back, end = head + units;
    if (MR_UNLIKELY(back > head || units > pool->engine.units - head))
        return false;
    /* A back of 0 leads to the node itself, whose size is none. A wrong one may lead to what was a header once. */
    if (head != 0 && !mr_embed_is_before(pool, head - back, back))
        return false;
    return end == pool->engine.units || mr_embed_node(pool, end)->back == units;
}

/* Whether the engine may merge the span at `head` with its neighbours: they agree, and each that is marked free
 * is in the engine's index, so that its words are links. */
bool mr_embed_mergeable(const struct memoir_pool *pool, uint32_t head);

/* ---- figures (survey.c) -------------------------------------------------------------------------------------- */

MR_INLINE uint64_t mr_embed_in_use(const struct memoir_pool *pool) { return pool->tally.peak - (uint64_t)pool->tally.below; }
MR_INLINE uint64_t mr_embed_blocks(const struct memoir_pool *pool) { return pool->tally.allocs - pool->tally.frees; }

MR_INLINE void mr_embed_count_alloc(struct memoir_pool *pool, size_t size)
{
    struct mr_embed_tally *t = &pool->tally;
    t->allocs++;
    t->allocated += size;
    t->below -= (int64_t)size;
    if (MR_UNLIKELY(t->below < 0)) {
        t->peak -= (uint64_t)t->below;
        t->below = 0;
    }
}

MR_INLINE void mr_embed_count_free(struct memoir_pool *pool, size_t size)
{
    pool->tally.frees++;
    pool->tally.below += (int64_t)size;
}

/* ---- blocks from malloc (fosters.c) ----------------------------------------------------------------------------- */
void *mr_embed_fosters_take(struct mr_embed_fosters *f, size_t align, size_t size, const char *file, unsigned line);
struct mr_embed_foster *mr_embed_fosters_find(const struct mr_embed_fosters *f, const void *p);
void mr_embed_fosters_give(struct mr_embed_fosters *f, struct mr_embed_foster *foster);
void mr_embed_fosters_drop(struct mr_embed_fosters *f); /* all of them, and the table */

/* ---- growing (create.c) ------------------------------------------------------------------------------------------ */

/* Grows for a request of that many units and alignment, as far as the limit lets it. False: not at all. */
bool mr_embed_grow(struct memoir_pool *pool, uint32_t units, uint32_t align);

/* ---- looking (survey.c) -------------------------------------------------------------------------------------------- */

/* memoir_pool_walk between enter and leave. Blocks not freed alone with leaks_only. */
bool mr_embed_survey(const struct memoir_pool *pool, bool leaks_only, memoir_pool_visit *visit, void *ctx);

/* Likewise memoir_pool_stats, once nothing is held, and memoir_pool_check, after which nothing is. */
void mr_embed_stats(const struct memoir_pool *pool, struct memoir_pool_stats *stats);
const char *mr_embed_check(struct memoir_pool *pool);

/* ---- protection (protect.c) ------------------------------------------------------------------------------------- */

/* Makes every protected block read-write again. */
void mr_embed_unprotect_blocks(struct memoir_pool *pool);

#endif
