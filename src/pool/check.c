/* check.c: the invariants of pool.h, in their order. Everything read is bounded first, since this runs
 * on pools that may be broken. */
#include "fit.h"

/* I1 */
static const char *check_tiles(const struct mr_pool *pool)
{
    uint32_t at = 0, last = MR_POOL_NONE;
    while (at < pool->units) {
        uint32_t size = mr_pool_size(pool, at);
        if (size < pool->min_units || size > pool->units - at)
            return "a span is shorter than the smallest or ends outside the pool";
        if (pool->fit == MR_FIT_BUDDY && (!mr_is_pow2(size) || at % size != 0))
            return "a buddy's size is no power of two or does not divide its head";
        last = at;
        at += size;
    }
    return pool->last == last ? NULL : "`last` is not the head of the last span";
}

/* I2 */
static const char *check_backs(const struct mr_pool *pool)
{
    uint32_t back = 0;
    for (uint32_t at = mr_pool_first(pool); at != MR_POOL_NONE; at = mr_pool_next(pool, at)) {
        if (mr_pool_node(pool, at)->back != back)
            return "a back is not the size of the span before";
        back = mr_pool_size(pool, at);
    }
    return NULL;
}

static bool mergeable(const struct mr_pool *pool, uint32_t a, uint32_t b)
{
    return mr_pool_is_free(pool, a) && mr_pool_is_free(pool, b) &&
           (mr_pool_stamp(pool, a) != 0) == (mr_pool_stamp(pool, b) != 0);
}

/* I3. Two buddies of equal size are neighbours, so only neighbours need be looked at. */
static const char *check_merged(const struct mr_pool *pool)
{
    uint32_t before = mr_pool_first(pool);
    if (before == MR_POOL_NONE)
        return NULL;
    for (uint32_t at; (at = mr_pool_next(pool, before)) != MR_POOL_NONE; before = at) {
        uint32_t size = mr_pool_size(pool, before);
        bool partners = pool->fit != MR_FIT_BUDDY || (size == mr_pool_size(pool, at) && (before ^ size) == at);
        if (partners && mergeable(pool, before, at))
            return "two free neighbours of equal grade are not merged";
    }
    return NULL;
}

/* I4 */
static const char *check_index(const struct mr_pool *pool, unsigned grade, uint32_t *spans)
{
    switch (pool->fit) {
    case MR_FIT_SEGREGATED: return mr_fit_segregated_check(pool, grade, spans);
    case MR_FIT_BUDDY: return mr_fit_buddy_check(pool, grade, spans);
    case MR_FIT_BEST: return mr_fit_best_check(pool, grade, spans);
    default: return mr_fit_address_check(pool, grade, spans);
    }
}

bool mr_pool_holds(const struct mr_pool *pool, uint32_t head)
{
    switch (pool->fit) {
    case MR_FIT_SEGREGATED: return mr_fit_segregated_holds(pool, head);
    case MR_FIT_BUDDY: return mr_fit_buddy_holds(pool, head);
    case MR_FIT_BEST: return mr_fit_best_holds(pool, head);
    default: return mr_fit_address_holds(pool, head);
    }
}

/* I5. Each free span is in its index and the index has no more: so it holds exactly those. */
static const char *check_sums(const struct mr_pool *pool, const uint32_t indexed[2])
{
    uint32_t spans[2] = { 0, 0 };
    uint64_t units[2] = { 0, 0 };
    for (uint32_t at = mr_pool_first(pool); at != MR_POOL_NONE; at = mr_pool_next(pool, at)) {
        if (!mr_pool_is_free(pool, at))
            continue;
        if (!mr_pool_holds(pool, at))
            return "a free span is not in the index of its grade";
        spans[mr_pool_stamp(pool, at) != 0]++;
        units[mr_pool_stamp(pool, at) != 0] += mr_pool_size(pool, at);
    }
    if (spans[0] != indexed[0] || spans[1] != indexed[1])
        return "an index holds more than the free spans";
    bool sums = units[0] + units[1] == pool->free_units && units[1] == pool->dirty_units &&
                spans[0] + spans[1] == pool->free_spans;
    return sums ? NULL : "the sums of free spans and units are wrong";
}

const char *mr_pool_check(const struct mr_pool *pool)
{
    uint32_t indexed[2];
    const char *why = check_tiles(pool);
    if (!why)
        why = check_backs(pool);
    if (!why)
        why = check_merged(pool);
    for (unsigned grade = 0; grade < 2 && !why; grade++)
        why = check_index(pool, grade, &indexed[grade]);
    return why ? why : check_sums(pool, indexed);
}
