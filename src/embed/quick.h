/* quick.h: freed blocks held for the next request of their size (quick fit: Weinstock and Wulf, 1988; dlmalloc's fast
 * bins).
 *
 * A pool with segregated fit holds up to `most` blocks of each size below MR_EMBED_QUICKS units, an eighth of its
 * memory in all. For the engine they are taken; their seals say HELD and, where a block in use has the bytes asked
 * for, the head of the next one held. So what a program writes into freed memory reaches no link, and a link is
 * believed only under a right seal. What is held merges when the engine finds no room, before the pool grows, and
 * before anybody looks at the pool: statistics, walks and checks see gaps that are merged.
 *
 * Invariants: quick[u] leads to count <= most spans of u units with right seals, all HELD; no other span is. */
#ifndef MR_EMBED_QUICK_H
#define MR_EMBED_QUICK_H

#include "embed.h"

/* Sets how much is held, and by whom, whenever the pool has become larger or its protection, or a block's, another. */
void mr_embed_quick_plan(struct memoir_pool *pool);

/* Gives to the engine what is held. Whether it was anything. Blocks whose neighbours' headers were overwritten wait. */
bool mr_embed_quick_settle(struct memoir_pool *pool);

/* The same if the span behind `head` is held. */
bool mr_embed_quick_settle_behind(struct memoir_pool *pool, uint32_t head);

/* If the list that a request of `size` looks at begins with a header that was overwritten, forgets it and returns that
 * head: its blocks are lost to the pool. Else MR_POOL_NONE. */
uint32_t mr_embed_quick_forsake(struct memoir_pool *pool, size_t size);

/* Units that hold a block of that size. */
MR_INLINE size_t mr_embed_units(const struct memoir_pool *pool, size_t size)
{
    return (size + MR_EMBED_HEADER + pool->trailer + ((size_t)1 << pool->shift) - 1) >> pool->shift;
}

/* Takes the first of a list of blocks of so many units off it. False: there is none, or (count != 0) its header was
 * overwritten. */
MR_INLINE bool mr_embed_quick_pop(const struct memoir_pool *pool, struct mr_embed_quick *q, uint32_t units, uint32_t *head)
{
    *head = q->first;
    if (q->count == 0)
        return false;
    const struct mr_span *node = mr_embed_node(pool, *head);
    uint64_t seal = mr_embed_read_seal(node);
    bool held = (seal >> 32 & ((1u << (MR_EMBED_CHECK_SHIFT - 32)) - 1)) == MR_EMBED_HELD << (MR_EMBED_SIZE_BITS - 32);
    if (MR_UNLIKELY(node->size != units || !held || !mr_embed_seal_is_right(pool, *head, units, seal)))
        return false;
    q->first = (uint32_t)seal;
    q->count--;
    return true;
}

MR_INLINE void mr_embed_quick_push(const struct memoir_pool *pool, struct mr_embed_quick *q, uint32_t units,
                                   uint32_t head)
{
    uint64_t content = q->first | (uint64_t)MR_EMBED_HELD << MR_EMBED_SIZE_BITS;
    mr_embed_write_seal(mr_embed_node(pool, head), mr_embed_seal(pool, head, units, content));
    q->first = head;
    q->count++;
}

/* Makes a held block of `size` bytes one in use, if there is one; sizes: pool->quick_sizes or fast_sizes. */
MR_INLINE bool mr_embed_quick_take(struct memoir_pool *pool, size_t size, size_t sizes, void **p)
{
    if (size - 1 >= sizes)
        return false;
    uint32_t units = (uint32_t)mr_embed_units(pool, size), head;
    if (MR_UNLIKELY(!mr_embed_quick_pop(pool, &pool->quick[units], units, &head)))
        return false;
    mr_embed_write_seal(mr_embed_node(pool, head), mr_embed_seal(pool, head, units, size));
    mr_embed_count_alloc(pool, size);
    *p = mr_embed_payload(pool, head);
    return true;
}
_Static_assert(MEMOIR_PROTECT_READ_WRITE == 0, "the content of a seal in use is the bytes asked for");

/* Whether p is a block as most are: in use, read-write, with nothing wrong in or around its header.
 * units: pool->fast_units or engine.units. */
MR_INLINE bool mr_embed_quick_find(const struct memoir_pool *pool, const void *p, size_t units, uint32_t *head)
{
    size_t offset = (size_t)((const char *)p - pool->base), at = offset >> pool->shift;
    if (MR_UNLIKELY(at >= units || at << pool->shift != offset))
        return false;
    *head = (uint32_t)at;
    const struct mr_span *node = mr_embed_node(pool, *head);
    uint64_t seal = mr_embed_read_seal(node);
    return mr_embed_state(seal) == MEMOIR_PROTECT_READ_WRITE && mr_embed_seal_is_right(pool, *head, node->size, seal) &&
           mr_embed_neighbours_agree(pool, *head);
}

/* Holds the block found at `head`, if there is room for it. */
MR_INLINE bool mr_embed_quick_give(struct memoir_pool *pool, uint32_t head)
{
    const struct mr_span *node = mr_embed_node(pool, head);
    uint32_t size = node->size;
    struct mr_embed_quick *q = pool->quick + (size < MR_EMBED_QUICKS ? size : 0); /* quick[0] has no room */
    if (q->count >= q->most)
        return false;
    mr_embed_count_free(pool, mr_embed_asked(mr_embed_read_seal(node)));
    mr_embed_quick_push(pool, q, size, head);
    return true;
}

#endif
