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

/* Sets how much is held, whenever the pool has become larger. */
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

/* The first of a list of blocks of so many units, off it. MR_POOL_NONE: there is none, or (count != 0) its header was
 * overwritten. */
MR_INLINE uint32_t mr_embed_quick_pop(const struct memoir_pool *pool, struct mr_embed_quick *q, uint32_t units)
{
    uint32_t head = q->first;
    if (q->count == 0)
        return MR_POOL_NONE;
    const struct mr_span *node = mr_embed_node(pool, head);
    uint64_t seal = mr_embed_read_seal(node), content = (uint32_t)seal | (uint64_t)MR_EMBED_HELD << MR_EMBED_SIZE_BITS;
    if (MR_UNLIKELY(node->size != units || mr_embed_seal(pool, head, units, content) != seal))
        return MR_POOL_NONE;
    q->first = (uint32_t)seal;
    q->count--;
    return head;
}

MR_INLINE void mr_embed_quick_push(const struct memoir_pool *pool, struct mr_embed_quick *q, uint32_t units,
                                   uint32_t head)
{
    uint64_t content = q->first | (uint64_t)MR_EMBED_HELD << MR_EMBED_SIZE_BITS;
    mr_embed_write_seal(mr_embed_node(pool, head), mr_embed_seal(pool, head, units, content));
    q->first = head;
    q->count++;
}

/* A block of `size` bytes that was held, in use again, or NULL. */
MR_INLINE void *mr_embed_quick_take(struct memoir_pool *pool, size_t size)
{
    if (size - 1 >= pool->quick_sizes)
        return NULL;
    uint32_t units = (uint32_t)mr_embed_units(pool, size), head = mr_embed_quick_pop(pool, &pool->quick[units], units);
    if (MR_UNLIKELY(head == MR_POOL_NONE))
        return NULL;
    mr_embed_write_seal(mr_embed_node(pool, head), mr_embed_seal(pool, head, units, size));
    mr_embed_count_alloc(pool, size);
    return mr_embed_payload(pool, head);
}
_Static_assert(MEMOIR_PROTECT_READ_WRITE == 0, "the content of a seal in use is the bytes asked for");

/* Holds the block found at `head` if there is room for it, and it is as every block is. */
MR_INLINE bool mr_embed_quick_give(struct memoir_pool *pool, uint32_t head)
{
    const struct mr_span *node = mr_embed_node(pool, head);
    uint64_t content = mr_embed_content(mr_embed_read_seal(node));
    uint32_t units = node->size;
    if (units >= MR_EMBED_QUICKS || content >> MR_EMBED_SIZE_BITS != MEMOIR_PROTECT_READ_WRITE)
        return false;
    struct mr_embed_quick *q = &pool->quick[units];
    if (q->count >= q->most)
        return false;
    mr_embed_count_free(pool, content);
    mr_embed_quick_push(pool, q, units, head);
    return true;
}

#endif
