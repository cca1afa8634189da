/* survey.c: looking at a whole pool: its blocks, its figures, whether it is sound. */
#include "quick.h"

static struct memoir_pool_block describe(const struct memoir_pool *pool, uint32_t head)
{
    const struct mr_span *node = mr_pool_node(&pool->engine, head);
    size_t usable = mr_embed_usable(pool, mr_pool_size(&pool->engine, head));
    struct memoir_pool_block b = { .block = mr_embed_payload(pool, head), .size = usable, .usable = usable };
    if (mr_embed_is_gap(pool, head))
        return b;
    b.in_use = true;
    b.size = mr_embed_asked(mr_embed_read_seal(node));
    const struct mr_embed_trailer *t = pool->trailer ? mr_embed_trailer_of(pool, head) : NULL;
    if (t && t->check == mr_embed_trailer_check(pool, head, t)) {
        b.file = t->file;
        b.line = t->line;
    }
    return b;
}

static bool survey_fosters(const struct mr_embed_fosters *f, memoir_pool_visit *visit, void *ctx)
{
    for (size_t i = 0; i < f->capacity; i++) {
        const struct mr_embed_foster *foster = &f->table[i];
        struct memoir_pool_block b = { .block = foster->block, .size = foster->size, .usable = foster->size,
                                       .in_use = true, .fallback = true, .file = foster->file, .line = foster->line };
        if (foster->block && !visit(ctx, &b))
            return false;
    }
    return true;
}

bool mr_embed_survey(const struct memoir_pool *pool, bool leaks_only, memoir_pool_visit *visit, void *ctx)
{
    uint32_t at;
    for (uint32_t head = mr_pool_first(&pool->engine); head != MR_POOL_NONE; head = mr_pool_next(&pool->engine, head)) {
        if (mr_embed_header_fault(pool, head, &at))
            break; /* what lies behind a broken header cannot be found */
        struct memoir_pool_block b = describe(pool, head);
        if ((b.in_use || !leaks_only) && !visit(ctx, &b))
            return false;
    }
    return survey_fosters(&pool->fosters, visit, ctx);
}

MR_EXPORT bool memoir_pool_walk(struct memoir_pool *pool, memoir_pool_visit *visit, void *ctx)
{
    if (pool->guarded && !mr_embed_enter_slow(pool, false))
        return false;
    mr_embed_quick_settle(pool);
    bool whole = mr_embed_survey(pool, false, visit, ctx);
    mr_embed_leave(pool);
    return whole;
}

/* ---- figures ----------------------------------------------------------------------------------------------------- */

static uint64_t freed_by(const struct mr_embed_tally *t) { return t->allocated - (t->peak - (uint64_t)t->below); }

static size_t largest_free(const struct memoir_pool *pool)
{
    uint32_t units = mr_pool_largest(&pool->engine);
    return units ? mr_embed_usable(pool, units) : 0;
}

void mr_embed_stats(const struct memoir_pool *pool, struct memoir_pool_stats *s)
{
    const struct mr_embed_tally *t = &pool->tally, *since = &pool->since;
    s->in_use = mr_embed_in_use(pool);
    s->blocks = mr_embed_blocks(pool);
    s->allocs = t->allocs - since->allocs;
    s->frees = t->frees - since->frees;
    s->allocated = t->allocated - since->allocated;
    s->freed = freed_by(t) - freed_by(since);
    s->failures = pool->failures;
    s->peak = t->peak;
    s->capacity = pool->capacity;
    s->fallback_blocks = pool->fosters.count;
    s->fallback_bytes = pool->fosters.bytes;
    s->limit = pool->limit;
    s->free_bytes = pool->engine.free_units << pool->shift;
    s->gaps = pool->engine.free_spans;
    s->largest_free = largest_free(pool);
    uint64_t largest = (uint64_t)mr_pool_largest(&pool->engine) << pool->shift;
    s->fragmentation = s->free_bytes ? (unsigned)(100 * (s->free_bytes - largest) / s->free_bytes) : 0;
}

MR_EXPORT void memoir_pool_stats(struct memoir_pool *pool, struct memoir_pool_stats *stats)
{
    *stats = (struct memoir_pool_stats){ 0 };
    if (pool->guarded && !mr_embed_enter_slow(pool, false))
        return;
    mr_embed_quick_settle(pool);
    mr_embed_stats(pool, stats);
    mr_embed_leave(pool);
}

MR_EXPORT void memoir_pool_reset_stats(struct memoir_pool *pool)
{
    if (!mr_embed_enter(pool))
        return;
    pool->tally.peak = mr_embed_in_use(pool);
    pool->tally.below = 0;
    pool->since = pool->tally;
    pool->failures = 0;
    mr_embed_leave(pool);
}

/* ---- soundness ------------------------------------------------------------------------------------------------------ */

uint32_t mr_embed_trailer_check(const struct memoir_pool *pool, uint32_t head, const struct mr_embed_trailer *t)
{
    uint64_t h = (((uintptr_t)t->file * 31 + t->line) ^ pool->secret) * 0x9e3779b97f4a7c15u;
    return (uint32_t)((h ^ h >> 32 ^ (uint64_t)head << 20) * 0xd6e8feb86659fd93u >> 32);
}

struct census {
    uint64_t blocks, bytes;
};

static const char *check_block(const struct memoir_pool *pool, uint32_t head, struct census *c)
{
    uint64_t seal = mr_embed_read_seal(mr_pool_node(&pool->engine, head));
    c->blocks++;
    c->bytes += mr_embed_asked(seal);
    if (mr_embed_asked(seal) > mr_embed_usable(pool, mr_pool_size(&pool->engine, head)))
        return "a block is shorter than what was asked for";
    const struct mr_embed_trailer *t = pool->trailer ? mr_embed_trailer_of(pool, head) : NULL;
    if (t && t->check != mr_embed_trailer_check(pool, head, t))
        return "something was written behind the end of a block";
    return NULL;
}

/* Header by header, so that the first that is wrong can be named. */
static const char *check_headers(const struct memoir_pool *pool, struct census *c, uint32_t *at)
{
    for (uint32_t head = mr_pool_first(&pool->engine); head != MR_POOL_NONE; head = mr_pool_next(&pool->engine, head)) {
        const char *why = mr_embed_header_fault(pool, head, at);
        if (why)
            return *at == head ? "the header of a block or gap was overwritten"
                               : "the header behind a block or gap was overwritten";
        *at = head;
        if (!mr_embed_is_gap(pool, head) && (why = check_block(pool, head, c)))
            return why;
    }
    *at = MR_POOL_NONE;
    return NULL;
}

static const char *check(struct memoir_pool *pool, uint32_t *at)
{
    struct census c = { 0, 0 };
    mr_embed_quick_settle(pool);
    const char *why = check_headers(pool, &c, at);
    if (!why)
        why = mr_pool_check(&pool->engine);
    if (!why && (c.blocks != mr_embed_blocks(pool) - pool->fosters.count ||
                 c.bytes != mr_embed_in_use(pool) - pool->fosters.bytes))
        why = "the statistics are not the sums over the blocks";
    return why;
}

const char *mr_embed_check(struct memoir_pool *pool)
{
    uint32_t at;
    return check(pool, &at);
}

MR_EXPORT const char *memoir_pool_check(struct memoir_pool *pool, const void **where)
{
    uint32_t at = MR_POOL_NONE;
    if (pool->guarded && !mr_embed_enter_slow(pool, false))
        return "the pool cannot be read now";
    const char *why = check(pool, &at);
    mr_embed_leave(pool);
    if (where)
        *where = why && at != MR_POOL_NONE ? mr_embed_payload(pool, at) : NULL;
    return why;
}
