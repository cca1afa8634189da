/* find.c: which pointers are blocks. */
#include "embed.h"

/* A free neighbour is in the engine's index (so it is no block in use whose mark was overwritten), and what stands behind it, which is told the new
 * length when it merges, is as it left it. */
static bool is_sound_if_free(const struct memoir_pool *pool, uint32_t head)
{
    uint32_t size = mr_embed_node(pool, head)->size, units = size & ~MR_SPAN_FREE, all = pool->engine.units;
    if ((size & MR_SPAN_FREE) == 0)
        return true;
    if (units < pool->engine.min_units || units > all - head || !mr_pool_holds(&pool->engine, head))
        return false;
    return head + units == all || mr_embed_node(pool, head + units)->back == units;
}

bool mr_embed_mergeable(const struct memoir_pool *pool, uint32_t head)
{
    const struct mr_span *node = mr_embed_node(pool, head);
    return mr_embed_neighbours_agree(pool, head) && is_sound_if_free(pool, head - node->back) &&
           (head + node->size == pool->engine.units || is_sound_if_free(pool, head + node->size));
}

uint32_t mr_embed_find(const struct memoir_pool *pool, const void *p)
{
    size_t offset = (size_t)((const char *)p - pool->base), head = offset >> pool->shift;
    if (MR_UNLIKELY(head >= pool->engine.units || head << pool->shift != offset))
        return MR_POOL_NONE;
    uint32_t i = (uint32_t)head;
    if (MR_UNLIKELY(pool->protected_blocks != 0) && !mr_vm_readable(mr_embed_node(pool, i)))
        return MR_POOL_NONE; /* the middle of a block that may not be read */
    bool right = mr_embed_is_sealed(pool, i) && mr_embed_mergeable(pool, i) &&
                 mr_embed_state(mr_embed_read_seal(mr_embed_node(pool, i))) < MR_EMBED_HELD;
    return MR_LIKELY(right) ? i : MR_POOL_NONE;
}

MR_EXPORT size_t memoir_pool_usable_size(struct memoir_pool *pool, const void *p)
{
    if (!p || !mr_embed_enter(pool))
        return 0;
    uint32_t head = mr_embed_find(pool, p);
    const struct mr_embed_foster *foster = head == MR_POOL_NONE ? mr_embed_fosters_find(&pool->fosters, p) : NULL;
    if (head == MR_POOL_NONE && !foster) {
        mr_embed_accuse(pool, p, "usable_size");
        return 0;
    }
    size_t usable = foster ? foster->size : mr_embed_usable(pool, mr_pool_size(&pool->engine, head));
    mr_embed_leave(pool);
    return usable;
}

MR_EXPORT bool memoir_pool_owns(struct memoir_pool *pool, const void *p)
{
    if (!p || !mr_embed_enter(pool))
        return false;
    bool owns = mr_embed_find(pool, p) != MR_POOL_NONE || mr_embed_fosters_find(&pool->fosters, p);
    mr_embed_leave(pool);
    return owns;
}
