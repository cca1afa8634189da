/* quick.c: how much is held, and giving it up. */
#include "quick.h"

/* An eighth of the pool is shared by all sizes alike: few large blocks are held, many small ones. */
enum { SHARE = 8 * MR_EMBED_QUICKS, MOST = 255 };

void mr_embed_quick_plan(struct memoir_pool *pool)
{
    const unsigned whole = MEMOIR_POOL_TAGS | MEMOIR_POOL_FILL; /* these have more to do at each call */
    uint32_t share = pool->engine.units / SHARE;
    if (pool->options.fit != MEMOIR_FIT_SEGREGATED || pool->options.flags & whole)
        return;
    pool->quick_sizes = ((MR_EMBED_QUICKS - 1ul) << pool->shift) - MR_EMBED_HEADER;
    pool->fast_sizes = pool->guarded ? 0 : pool->quick_sizes;
    pool->fast_units = pool->guarded || pool->protected_blocks ? 0 : pool->engine.units;
    for (uint32_t units = pool->engine.min_units; units < MR_EMBED_QUICKS; units++)
        pool->quick[units].most = (uint16_t)mr_min(share / units, MOST);
}

static bool settle(struct memoir_pool *pool, uint32_t units)
{
    struct mr_embed_quick held = pool->quick[units], *waiting = &pool->quick[units];
    bool any = false;
    waiting->count = 0;
    for (uint32_t head; mr_embed_quick_pop(pool, &held, units, &head);)
        if (mr_embed_mergeable(pool, head)) {
            mr_embed_write_seal(mr_embed_node(pool, head),
                                mr_embed_seal(pool, head, units, (uint64_t)MR_EMBED_FREED << MR_EMBED_SIZE_BITS));
            mr_pool_give(&pool->engine, head, 0);
            any = true;
        } else {
            mr_embed_quick_push(pool, waiting, units, head);
        }
    return any;
}

bool mr_embed_quick_settle(struct memoir_pool *pool)
{
    bool any = false;
    for (uint32_t units = 0; units < MR_EMBED_QUICKS; units++)
        any |= pool->quick[units].count != 0 && settle(pool, units);
    return any;
}

bool mr_embed_quick_settle_behind(struct memoir_pool *pool, uint32_t head)
{
    uint32_t next = head + mr_pool_size(&pool->engine, head);
    return next < pool->engine.units && mr_embed_is_sealed(pool, next) &&
           mr_embed_state(mr_embed_read_seal(mr_embed_node(pool, next))) == MR_EMBED_HELD && mr_embed_quick_settle(pool);
}

uint32_t mr_embed_quick_forsake(struct memoir_pool *pool, size_t size)
{
    if (size - 1 >= pool->quick_sizes)
        return MR_POOL_NONE;
    uint32_t units = (uint32_t)mr_embed_units(pool, size), head;
    struct mr_embed_quick list = pool->quick[units];
    if (list.count == 0 || mr_embed_quick_pop(pool, &list, units, &head))
        return MR_POOL_NONE;
    pool->quick[units].count = 0;
    return head;
}
