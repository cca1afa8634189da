/* pool.c: cuts spans, merges them by boundary tags, and walks and checks them. Which free span is
 * taken is the fit's choice (fit.h). */
#include "fit.h"

#include <string.h>

void mr_pool_init(struct mr_pool *pool, enum mr_fit fit, void *nodes, size_t stride, uint32_t min_units,
                  uint32_t seed)
{
    MR_REQUIRE(fit == MR_FIT_BUDDY ? mr_is_pow2(min_units) : min_units >= 1 && min_units <= 3,
               "a smallest span is up to three units, a buddy a power of two");
    memset(pool, 0, sizeof *pool);
    pool->nodes = nodes;
    pool->stride = stride;
    pool->min_units = min_units;
    pool->last = MR_POOL_NONE;
    pool->seed = seed;
    pool->stamps = ~0u;
    pool->fit = fit;
    for (unsigned grade = 0; grade < 2; grade++) {
        pool->index[grade].root = MR_POOL_NONE;
        memset(pool->index[grade].heads, 0xff, sizeof pool->index[grade].heads); /* MR_POOL_NONE each */
    }
}

void mr_pool_forget_stamps(struct mr_pool *pool)
{
    MR_REQUIRE(pool->units == 0, "a pool has stamps from its first span on or never");
    pool->stamps = 0;
    pool->plain = pool->fit == MR_FIT_SEGREGATED;
}

static bool by_address(enum mr_fit fit) { return fit == MR_FIT_FIRST || fit == MR_FIT_NEXT || fit == MR_FIT_WORST; }

size_t mr_pool_table_bytes(enum mr_fit fit, uint32_t units, uint32_t most, unsigned grades)
{
    return by_address(fit) ? mr_fit_address_table(units, most, grades) : 0;
}

void mr_pool_set_table(struct mr_pool *pool, void *table, uint32_t most)
{
    if (by_address(pool->fit))
        mr_fit_address_set_table(pool, table, most);
}

static void insert(struct mr_pool *pool, uint32_t head)
{
    struct mr_pool_index *index = mr_fit_index(pool, mr_pool_stamp(pool, head));
    pool->free_spans++;
    mr_fit_count(pool, mr_pool_stamp(pool, head), mr_pool_size(pool, head));
    switch (pool->fit) {
    case MR_FIT_SEGREGATED: mr_fit_segregated_insert(pool, index, head); break;
    case MR_FIT_BUDDY: mr_fit_buddy_insert(pool, index, head); break;
    case MR_FIT_BEST: mr_fit_best_insert(pool, index, head); break;
    default: mr_fit_address_insert(pool, index, head);
    }
}

static void withdraw(struct mr_pool *pool, uint32_t head)
{
    struct mr_pool_index *index = mr_fit_index(pool, mr_pool_stamp(pool, head));
    pool->free_spans--;
    mr_fit_count(pool, mr_pool_stamp(pool, head), -(uint64_t)mr_pool_size(pool, head));
    switch (pool->fit) {
    case MR_FIT_SEGREGATED: mr_fit_segregated_remove(pool, index, head); break;
    case MR_FIT_BUDDY: mr_fit_buddy_remove(pool, index, head); break;
    case MR_FIT_BEST: mr_fit_best_remove(pool, index, head); break;
    default: mr_fit_address_remove(pool, index, head);
    }
}

/* Makes [head, head + size) a free span as it is; its neighbours are not looked at. */
static void put(struct mr_pool *pool, uint32_t head, uint32_t size, uint32_t stamp)
{
    struct mr_span *span = mr_pool_node(pool, head);
    span->size = size | MR_SPAN_FREE;
    if (pool->stamps)
        span->stamp = stamp;
    mr_fit_set_back(pool, head, size);
    insert(pool, head);
}

void mr_pool_grow(struct mr_pool *pool, uint32_t units, uint32_t stamp)
{
    MR_REQUIRE(units >= pool->min_units && units <= MR_POOL_MAX_UNITS - pool->units,
               "a pool grows within its bounds");
    if (pool->fit == MR_FIT_BUDDY) {
        mr_fit_buddy_grow(pool, units, stamp);
        return;
    }
    uint32_t head = pool->units;
    struct mr_span *span = mr_pool_node(pool, head);
    span->size = units;
    span->back = head ? mr_pool_size(pool, pool->last) : 0;
    pool->units += units;
    pool->last = head;
    mr_pool_give(pool, head, stamp);
}

static uint32_t find(const struct mr_pool *pool, const struct mr_pool_index *index,
                     const struct mr_fit_want *want, enum mr_fit_effort effort)
{
    if (pool->fit == MR_FIT_SEGREGATED)
        return mr_fit_segregated_find(pool, index, want, effort);
    return pool->fit == MR_FIT_BEST ? mr_fit_best_find(pool, index, want, effort)
                                    : mr_fit_address_find(pool, index, want, effort);
}

static uint32_t find_anywhere(const struct mr_pool *pool, const struct mr_fit_want *want)
{
    uint32_t head = pool->stamps ? find(pool, &pool->index[1], want, MR_FIT_QUICK) : MR_POOL_NONE;
    if (head == MR_POOL_NONE)
        head = find(pool, &pool->index[0], want, MR_FIT_QUICK);
    if (head == MR_POOL_NONE && pool->stamps)
        head = find(pool, &pool->index[1], want, MR_FIT_THOROUGH);
    if (head == MR_POOL_NONE)
        head = find(pool, &pool->index[0], want, MR_FIT_THOROUGH);
    return head;
}

/* Makes [at, at + units) of the span at `head`, which is in no index and ends at `end`, a taken one.
 * What is left in front and behind becomes free under `stamp`. */
static void carve(struct mr_pool *pool, uint32_t head, uint32_t end, uint32_t at, uint32_t units,
                  uint32_t stamp)
{
    struct mr_span *span = mr_pool_node(pool, at);
    uint32_t rest = end - at - units;
    if (rest < pool->min_units) {
        units += rest;
        rest = 0;
    }
    span->size = units;
    if (at != head)
        put(pool, head, at - head, stamp); /* sets span->back */
    mr_fit_set_back(pool, at, units);
    if (rest != 0)
        put(pool, at + units, rest, stamp);
}

uint32_t mr_pool_take(struct mr_pool *pool, uint32_t units, uint32_t align, uint32_t offset, uint32_t *stamp)
{
    MR_ASSERT(units > 0 && mr_is_pow2(align), "a take asks for some units and a power of two");
    if (units > MR_POOL_MAX_UNITS)
        return MR_POOL_NONE;
    if (pool->plain && align == 1) {
        if (stamp)
            *stamp = 0;
        return mr_fit_segregated_take(pool, (uint32_t)mr_max(units, pool->min_units));
    }
    struct mr_fit_want want = { (uint32_t)mr_max(units, pool->min_units), align, offset };
    if (pool->fit == MR_FIT_BUDDY)
        return mr_fit_buddy_take(pool, &want, stamp);
    uint32_t head = find_anywhere(pool, &want);
    if (head == MR_POOL_NONE)
        return head;
    uint32_t size = mr_pool_size(pool, head), given = mr_pool_stamp(pool, head);
    uint32_t at = align == 1 ? head : mr_fit_place(pool, head, size, &want);
    withdraw(pool, head);
    carve(pool, head, head + size, at, want.units, given);
    pool->cursor = at;
    if (stamp)
        *stamp = given;
    return at;
}

static bool is_free_of_grade(const struct mr_pool *pool, uint32_t head, uint32_t stamp)
{
    return mr_pool_is_free(pool, head) && (mr_pool_stamp(pool, head) != 0) == ((stamp & pool->stamps) != 0);
}

/* Gives a free span another size, a larger one, where its place in the index stays the same. */
static bool enlarge(struct mr_pool *pool, uint32_t head, uint32_t size, uint32_t stamp)
{
    if (pool->fit == MR_FIT_SEGREGATED)
        return mr_fit_segregated_enlarge(pool, head, size);
    if (pool->fit == MR_FIT_BEST)
        return false;
    mr_fit_address_enlarge(pool, mr_fit_index(pool, stamp), head, size);
    return true;
}

/* Adds the `size` units behind the free span at `head` to it, under a stamp of its grade. */
static void append(struct mr_pool *pool, uint32_t head, uint32_t size, uint32_t stamp)
{
    struct mr_span *span = mr_pool_node(pool, head);
    uint32_t whole = mr_pool_size(pool, head) + size;
    stamp = (uint32_t)mr_max(stamp, mr_pool_stamp(pool, head));
    if (enlarge(pool, head, whole, stamp)) {
        mr_fit_count(pool, stamp, size);
        if (pool->stamps)
            span->stamp = stamp;
        mr_fit_set_back(pool, head, whole);
    } else {
        withdraw(pool, head);
        put(pool, head, whole, stamp);
    }
}

uint32_t mr_pool_give(struct mr_pool *pool, uint32_t head, uint32_t stamp)
{
    MR_ASSERT(head < pool->units && !mr_pool_is_free(pool, head), "only a taken span is given back");
    if (pool->plain)
        return mr_fit_segregated_give(pool, head);
    if (pool->fit == MR_FIT_BUDDY)
        return mr_fit_buddy_give(pool, head, stamp);
    const struct mr_span *span = mr_pool_node(pool, head);
    uint32_t size = span->size, next = head + size, before = head - span->back;
    if (next < pool->units && is_free_of_grade(pool, next, stamp)) {
        withdraw(pool, next);
        size += mr_pool_size(pool, next);
        stamp = (uint32_t)mr_max(stamp, mr_pool_stamp(pool, next));
    }
    if (head > 0 && is_free_of_grade(pool, before, stamp)) {
        append(pool, before, size, stamp);
        return before;
    }
    put(pool, head, size, stamp);
    return head;
}

/* Cuts the taken span at `head` down to `units`. A tail too short to stand alone is given only where it
 * merges with what follows. */
static void shrink(struct mr_pool *pool, uint32_t head, uint32_t units, uint32_t tail_stamp)
{
    uint32_t size = mr_pool_size(pool, head), tail = head + units, rest = size - units, next = head + size;
    bool merges = next < pool->units && is_free_of_grade(pool, next, tail_stamp);
    if (rest < pool->min_units && !merges)
        return;
    mr_pool_node(pool, head)->size = units;
    mr_pool_node(pool, tail)->size = rest;
    mr_pool_node(pool, tail)->back = units;
    mr_fit_set_back(pool, tail, rest);
    mr_pool_give(pool, tail, tail_stamp);
}

static uint32_t free_size_at(const struct mr_pool *pool, uint32_t at)
{
    return at < pool->units && mr_pool_is_free(pool, at) ? mr_pool_size(pool, at) : 0;
}

/* Lets the taken span at `head` absorb up to two free spans behind it until it has `units`. */
static bool expand(struct mr_pool *pool, uint32_t head, uint32_t units, uint32_t *absorbed)
{
    uint32_t size = mr_pool_size(pool, head), end = head + size;
    uint32_t first = free_size_at(pool, end), missing = units - size;
    uint32_t second = first != 0 && first < missing ? free_size_at(pool, end + first) : 0;
    if (first + second < missing)
        return false;
    uint32_t stamp = mr_pool_stamp(pool, end);
    withdraw(pool, end);
    *absorbed = stamp;
    if (second != 0) {
        stamp = mr_pool_stamp(pool, end + first);
        withdraw(pool, end + first);
        *absorbed = (uint32_t)mr_max(*absorbed, stamp);
    }
    carve(pool, head, end + first + second, head, units, stamp);
    return true;
}

bool mr_pool_resize(struct mr_pool *pool, uint32_t head, uint32_t units, uint32_t tail_stamp, uint32_t *stamp)
{
    MR_ASSERT(units > 0 && head < pool->units && !mr_pool_is_free(pool, head), "only a taken span is resized");
    if (units > MR_POOL_MAX_UNITS)
        return false;
    if (pool->fit == MR_FIT_BUDDY)
        return mr_fit_buddy_resize(pool, head, units, tail_stamp, stamp);
    uint32_t size = mr_pool_size(pool, head), absorbed = 0;
    units = (uint32_t)mr_max(units, pool->min_units);
    if (units > size && !expand(pool, head, units, &absorbed))
        return false;
    if (units < size)
        shrink(pool, head, units, tail_stamp);
    if (stamp)
        *stamp = absorbed;
    return true;
}

void mr_pool_take_whole(struct mr_pool *pool, uint32_t head)
{
    MR_ASSERT(head < pool->units && mr_pool_is_free(pool, head), "only a free span is taken whole");
    withdraw(pool, head);
    mr_pool_node(pool, head)->size &= ~MR_SPAN_FREE;
}

static uint32_t largest(const struct mr_pool *pool, const struct mr_pool_index *index)
{
    switch (pool->fit) {
    case MR_FIT_SEGREGATED: return mr_fit_segregated_largest(pool, index);
    case MR_FIT_BUDDY: return mr_fit_buddy_largest(index);
    case MR_FIT_BEST: return mr_fit_best_largest(pool, index);
    default: return mr_fit_address_largest(index);
    }
}

uint32_t mr_pool_largest(const struct mr_pool *pool)
{
    return (uint32_t)mr_max(largest(pool, &pool->index[0]), largest(pool, &pool->index[1]));
}

uint32_t mr_pool_find_dirty(const struct mr_pool *pool, uint32_t until)
{
    const struct mr_pool_index *dirty = &pool->index[1];
    switch (pool->fit) {
    case MR_FIT_SEGREGATED: return mr_fit_bins_find_stamp(pool, dirty, until);
    case MR_FIT_BUDDY: return mr_fit_buddy_find_stamp(pool, dirty, until);
    case MR_FIT_BEST: return mr_fit_best_find_stamp(pool, dirty, until);
    default: return mr_fit_address_find_stamp(pool, dirty, until);
    }
}

uint32_t mr_pool_first(const struct mr_pool *pool)
{
    return pool->units ? 0 : MR_POOL_NONE;
}

uint32_t mr_pool_next(const struct mr_pool *pool, uint32_t head)
{
    uint32_t next = head + mr_pool_size(pool, head);
    return next < pool->units ? next : MR_POOL_NONE;
}
