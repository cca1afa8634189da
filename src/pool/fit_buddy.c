/* fit_buddy.c: binary buddies (Knowlton, 1965).
 *
 * Every span has 2^k units and begins at a multiple of its size; its buddy is at head ^ size. The
 * free spans of order k are the list heads[k], and bit k of `rows` says that there are some. A buddy
 * below pool->units always is the head of a span: spans nest, so the one that covers its first unit
 * begins there. back is kept true for walking, merging does not read it. */
#include "fit.h"

#define ORDERS 31 /* 2^30 = MR_POOL_MAX_UNITS */

/* Free spans a growing resize looks at. One grade alone has at most one of each order there; only
 * where grades mix could there be more, and then growing is refused. */
#define RESIZE_STEPS 64

static unsigned order_of(uint32_t size)
{
    return (unsigned)mr_log2_floor(size);
}

void mr_fit_buddy_insert(struct mr_pool *pool, struct mr_pool_index *index, uint32_t head)
{
    unsigned order = order_of(mr_pool_size(pool, head));
    mr_fit_list_push(pool, &index->heads[order], head);
    index->rows |= 1u << order;
}

void mr_fit_buddy_remove(struct mr_pool *pool, struct mr_pool_index *index, uint32_t head)
{
    unsigned order = order_of(mr_pool_size(pool, head));
    mr_fit_list_unlink(pool, &index->heads[order], head);
    if (index->heads[order] == MR_POOL_NONE)
        index->rows &= ~(1u << order);
}

static void insert(struct mr_pool *pool, uint32_t head, uint32_t size, uint32_t stamp)
{
    struct mr_span *span = mr_pool_node(pool, head);
    span->size = size | MR_SPAN_FREE;
    if (pool->stamps)
        span->stamp = stamp;
    mr_fit_buddy_insert(pool, mr_fit_index(pool, stamp), head);
    pool->free_spans++;
    mr_fit_count(pool, stamp, size);
}

static void withdraw(struct mr_pool *pool, uint32_t head)
{
    uint32_t stamp = mr_pool_stamp(pool, head);
    mr_fit_buddy_remove(pool, mr_fit_index(pool, stamp), head);
    pool->free_spans--;
    mr_fit_count(pool, stamp, -(uint64_t)mr_pool_size(pool, head));
}

/* Halves the span [head, head + size), in no index, until its part around `at` has `units`; the other
 * halves become free. */
static void cut_down(struct mr_pool *pool, uint32_t head, uint32_t size, uint32_t at, uint32_t units,
                     uint32_t stamp)
{
    while (size > units) {
        size /= 2;
        uint32_t high = head + size;
        mr_pool_node(pool, high)->back = size;
        mr_fit_set_back(pool, high, size);
        insert(pool, at < high ? high : head, size, stamp);
        if (at >= high)
            head = high;
    }
    mr_pool_node(pool, head)->size = size;
}

/* Frees [head, head + size), in no index, and merges it with its buddies as long as it can. */
static uint32_t merge(struct mr_pool *pool, uint32_t head, uint32_t size, uint32_t stamp)
{
    for (;;) {
        uint32_t buddy = head ^ size;
        if (buddy >= pool->units || mr_pool_node(pool, buddy)->size != (size | MR_SPAN_FREE) ||
            (mr_pool_stamp(pool, buddy) != 0) != ((stamp & pool->stamps) != 0))
            break;
        withdraw(pool, buddy);
        stamp = (uint32_t)mr_max(stamp, mr_pool_stamp(pool, buddy));
        head &= ~size;
        size *= 2;
    }
    insert(pool, head, size, stamp);
    mr_fit_set_back(pool, head, size);
    return head;
}

/* Grows by the largest aligned spans that the new units hold, from the front. A unit too few for a
 * smallest span is left out. */
void mr_fit_buddy_grow(struct mr_pool *pool, uint32_t units, uint32_t stamp)
{
    units &= ~(pool->min_units - 1);
    while (units > 0) {
        uint32_t head = pool->units, size = 1u << order_of(units), lowest = head & -head;
        if (head != 0 && lowest < size)
            size = lowest;
        mr_pool_node(pool, head)->back = head ? mr_pool_size(pool, pool->last) : 0;
        pool->units += size;
        pool->last = head;
        merge(pool, head, size, stamp);
        units -= size;
    }
}

static uint32_t round_up(const struct mr_pool *pool, uint32_t units)
{
    return 1u << mr_log2_ceil(mr_max(units, pool->min_units));
}

/* The lowest index of the free span where the wanted one (a power of two of units) may begin. */
static uint32_t place(const struct mr_pool *pool, uint32_t head, const struct mr_fit_want *want)
{
    uint64_t gap = -(head + want->offset) & (want->align - 1);
    bool whole = gap % want->units == 0; /* buddies begin at multiples of their size */
    return whole && gap + want->units <= mr_pool_size(pool, head) ? head + (uint32_t)gap : MR_POOL_NONE;
}

/* Among the spans of the lowest orders first, up to `effort` of each order looked at. From the order
 * of align on, one is as good as the other. */
static uint32_t find(const struct mr_pool *pool, const struct mr_pool_index *index,
                     const struct mr_fit_want *want, enum mr_fit_effort effort)
{
    uint64_t orders = index->rows & ~(((uint64_t)1 << order_of(want->units)) - 1);
    for (; orders != 0; orders &= orders - 1) {
        unsigned left = effort;
        uint32_t at = index->heads[mr_lowest_bit(orders)];
        for (; at != MR_POOL_NONE && left > 0; at = mr_pool_node(pool, at)->left, left--)
            if (place(pool, at, want) != MR_POOL_NONE)
                return at;
    }
    return MR_POOL_NONE;
}

static uint32_t find_anywhere(const struct mr_pool *pool, const struct mr_fit_want *want)
{
    static const enum mr_fit_effort efforts[] = { MR_FIT_QUICK, MR_FIT_THOROUGH };
    for (unsigned i = 0; i < MR_COUNT(efforts); i++)
        for (unsigned grade = 2; grade-- > 0;) {
            uint32_t at = find(pool, &pool->index[grade], want, efforts[i]);
            if (at != MR_POOL_NONE)
                return at;
        }
    return MR_POOL_NONE;
}

uint32_t mr_fit_buddy_take(struct mr_pool *pool, const struct mr_fit_want *asked, uint32_t *stamp)
{
    struct mr_fit_want want = *asked;
    want.units = round_up(pool, asked->units);
    uint32_t head = find_anywhere(pool, &want);
    if (head == MR_POOL_NONE)
        return head;
    uint32_t at = place(pool, head, &want), given = mr_pool_stamp(pool, head);
    withdraw(pool, head);
    cut_down(pool, head, mr_pool_size(pool, head), at, want.units, given);
    if (stamp)
        *stamp = given;
    return at;
}

uint32_t mr_fit_buddy_give(struct mr_pool *pool, uint32_t head, uint32_t stamp)
{
    return merge(pool, head, mr_pool_size(pool, head), stamp);
}

/* Whether all from `at` to before `end` is free. */
static bool is_free_until(const struct mr_pool *pool, uint32_t at, uint32_t end)
{
    for (unsigned steps = 0; at < end; steps++) {
        if (steps == RESIZE_STEPS || !mr_pool_is_free(pool, at))
            return false;
        at += mr_pool_size(pool, at);
    }
    return true;
}

static bool grow_in_place(struct mr_pool *pool, uint32_t head, uint32_t units, uint32_t *absorbed)
{
    uint32_t size = mr_pool_size(pool, head);
    if (head % units != 0 || units > pool->units - head || !is_free_until(pool, head + size, head + units))
        return false;
    for (uint32_t at = head + size; at < head + units; at += mr_pool_size(pool, at)) {
        withdraw(pool, at);
        *absorbed = (uint32_t)mr_max(*absorbed, mr_pool_stamp(pool, at));
    }
    mr_pool_node(pool, head)->size = units;
    mr_fit_set_back(pool, head, units);
    return true;
}

bool mr_fit_buddy_resize(struct mr_pool *pool, uint32_t head, uint32_t units, uint32_t tail_stamp,
                         uint32_t *stamp)
{
    uint32_t size = mr_pool_size(pool, head), absorbed = 0;
    units = round_up(pool, units);
    if (units > size && !grow_in_place(pool, head, units, &absorbed))
        return false;
    /* The halves cut off have a taken buddy, so there is nothing to merge them with. */
    if (units < size)
        cut_down(pool, head, size, head, units, tail_stamp);
    if (stamp)
        *stamp = absorbed;
    return true;
}

uint32_t mr_fit_buddy_find_stamp(const struct mr_pool *pool, const struct mr_pool_index *index, uint32_t until)
{
    for (uint32_t orders = index->rows; orders != 0; orders &= orders - 1) {
        uint32_t at = mr_fit_list_find_stamp(pool, index->heads[mr_lowest_bit(orders)], until);
        if (at != MR_POOL_NONE)
            return at;
    }
    return MR_POOL_NONE;
}

uint32_t mr_fit_buddy_largest(const struct mr_pool_index *index)
{
    return index->rows ? 1u << mr_log2_floor(index->rows) : 0;
}

bool mr_fit_buddy_holds(const struct mr_pool *pool, uint32_t head)
{
    const struct mr_pool_index *index = &pool->index[mr_pool_stamp(pool, head) != 0];
    return mr_fit_list_holds(pool, index->heads[order_of(mr_pool_size(pool, head))], head);
}

const char *mr_fit_buddy_check(const struct mr_pool *pool, unsigned grade, uint32_t *spans)
{
    const struct mr_pool_index *index = &pool->index[grade];
    const char *why = NULL;
    *spans = 0;
    if (index->rows >> ORDERS)
        return "the bit of an order that cannot be is set";
    for (unsigned order = 0; order < ORDERS && !why; order++) {
        if ((index->rows >> order & 1) != (index->heads[order] != MR_POOL_NONE))
            return "the bit of an order does not say whether it is empty";
        why = mr_fit_list_check(pool, grade, index->heads[order], spans);
        for (uint32_t at = index->heads[order]; !why && at != MR_POOL_NONE; at = mr_pool_node(pool, at)->left)
            if (mr_pool_size(pool, at) != 1u << order)
                why = "a span is in the list of another order";
    }
    return why;
}
