/* fit_address.c: first, next and worst fit over a table by address.
 *
 * A tournament (Knuth, TAOCP 3, 5.4.1) over the pool's units, with sixteen to a match so that a node is one cache
 * line, and beside the pool, so that a search touches no block it does not take:
 *
 *   leaf k          units 64 k to 64 k + 63; bits: where free spans begin; max: the largest of them, 0: none
 *   up[1][g]        max over the leaves 16 g to 16 g + 15
 *   up[n + 1][i]    max over up[n][16 i] to up[n][16 i + 15]; up[top] has one entry
 *
 * The pool's spans say how long they are; the table only where they begin, so it is as long as the address space
 * needs it (12.3 bytes per 1024 units of 16 bytes: 1.3 %), whatever lies there. Searches and changes cost
 * O(log16 units) and the free spans of one leaf, at most 64. A treap of the spans by address, which was here before,
 * met a miss of the caches for each of its 20 to 40 levels. */
#include "fit.h"

#include <string.h>

enum { LEAF_BITS = 6, FAN_BITS = 4, FAN = 1 << FAN_BITS };

struct group {
    uint32_t max[FAN];
    uint64_t bits[FAN];
};

/* A match is looked at four entries at a time (GNU C makes vectors of any processor's); all are below 2^31. */
typedef int32_t four __attribute__((vector_size(16)));
struct quarters {
    four at[FAN / 4];
};
_Static_assert(sizeof(struct quarters) == FAN * sizeof(uint32_t), "a match is four quarters");

/* ---- where things are -------------------------------------------------------------------------------- */

MR_INLINE struct group *group_of(const struct mr_pool_index *index, uint32_t leaf)
{
    return (struct group *)(index->groups + (size_t)(leaf >> FAN_BITS) * index->group_stride);
}

MR_INLINE const uint32_t *matches(const struct mr_pool_index *index, unsigned level, uint32_t i)
{
    return level == 0 ? group_of(index, i)->max : &index->up[level][i & ~(uint32_t)(FAN - 1)];
}

/* Entries of level `level` for so many units, rounded up to whole matches but for the top. */
static size_t entries(uint32_t units, unsigned level)
{
    size_t leaves = ((size_t)units + 63) >> LEAF_BITS, n = (leaves + ((size_t)1 << FAN_BITS * level) - 1) >> FAN_BITS * level;
    return mr_max(n, 1);
}

static unsigned top_level(uint32_t units)
{
    unsigned level = 1;
    while (entries(units, level) > 1)
        level++;
    return level;
}

static size_t upper_bytes(uint32_t units)
{
    size_t n = 0;
    for (unsigned level = 1; level <= top_level(units); level++)
        n += mr_align_up(entries(units, level), FAN);
    return n * sizeof(uint32_t);
}

size_t mr_fit_address_table(uint32_t units, uint32_t most, unsigned grades)
{
    return grades * (upper_bytes(most) + entries(units, 1) * sizeof(struct group));
}

void mr_fit_address_set_table(struct mr_pool *pool, char *table, uint32_t most)
{
    unsigned grades = pool->stamps ? 2 : 1;
    for (unsigned grade = 0; grade < grades; grade++) {
        struct mr_pool_index *index = &pool->index[grade];
        uint32_t *up = (uint32_t *)(void *)(table + grade * upper_bytes(most));
        index->top = top_level(most);
        for (unsigned level = 1; level <= index->top; level++) {
            index->up[level] = up;
            up += mr_align_up(entries(most, level), FAN);
        }
        index->groups = table + grades * upper_bytes(most) + grade * sizeof(struct group);
        index->group_stride = grades * sizeof(struct group);
    }
}
_Static_assert(MR_POOL_MAX_UNITS >> LEAF_BITS >> FAN_BITS * (MR_POOL_LEVELS - 1) <= 1, "the largest pool has a top level");

/* ---- keeping the maxima ---------------------------------------------------------------------------------- */

MR_INLINE struct quarters quarters_of(const uint32_t *match)
{
    struct quarters q;
    memcpy(&q, match, sizeof q);
    return q;
}

MR_INLINE four larger(four a, four b)
{
    four which = a > b;
    return (a & which) | (b & ~which);
}

MR_INLINE uint32_t max_of(const uint32_t *match)
{
    struct quarters q = quarters_of(match);
    four max = larger(larger(q.at[0], q.at[1]), larger(q.at[2], q.at[3]));
    max = larger(max, __builtin_shuffle(max, (four){ 2, 3, 2, 3 }));
    max = larger(max, __builtin_shuffle(max, (four){ 1, 1, 1, 1 }));
    return (uint32_t)max[0];
}

/* A leaf's max has become larger. */
static void raise(struct mr_pool_index *index, uint32_t leaf, uint32_t max)
{
    group_of(index, leaf)->max[leaf & (FAN - 1)] = max;
    for (unsigned level = 1; level <= index->top; level++) {
        uint32_t *entry = &index->up[level][leaf >> FAN_BITS * level];
        if (*entry >= max)
            return;
        *entry = max;
    }
}

/* A leaf's max has become smaller: what was the largest of a match only through it has to be found anew. */
static void lower(struct mr_pool_index *index, uint32_t leaf, uint32_t was, uint32_t max)
{
    uint32_t i = leaf;
    group_of(index, leaf)->max[leaf & (FAN - 1)] = max;
    for (unsigned level = 1; level <= index->top; level++) {
        uint32_t *entry = &index->up[level][i >> FAN_BITS];
        if (*entry != was)
            return;
        max = max_of(matches(index, level - 1, i));
        if (max == was)
            return;
        *entry = max;
        i >>= FAN_BITS;
    }
}

static uint32_t leaf_max(const struct mr_pool *pool, uint32_t leaf, uint64_t bits)
{
    uint32_t max = 0;
    for (; bits != 0; bits &= bits - 1)
        max = (uint32_t)mr_max(max, mr_pool_size(pool, (leaf << LEAF_BITS) + mr_lowest_bit(bits)));
    return max;
}

void mr_fit_address_insert(struct mr_pool *pool, struct mr_pool_index *index, uint32_t head)
{
    uint32_t leaf = head >> LEAF_BITS, size = mr_pool_size(pool, head);
    struct group *group = group_of(index, leaf);
    group->bits[leaf & (FAN - 1)] |= (uint64_t)1 << (head & 63);
    if (group->max[leaf & (FAN - 1)] < size)
        raise(index, leaf, size);
}

void mr_fit_address_remove(struct mr_pool *pool, struct mr_pool_index *index, uint32_t head)
{
    uint32_t leaf = head >> LEAF_BITS, size = mr_pool_size(pool, head);
    struct group *group = group_of(index, leaf);
    uint64_t *bits = &group->bits[leaf & (FAN - 1)];
    *bits &= ~((uint64_t)1 << (head & 63));
    if (group->max[leaf & (FAN - 1)] != size)
        return;
    uint32_t max = leaf_max(pool, leaf, *bits);
    if (max != size)
        lower(index, leaf, size, max);
}

void mr_fit_address_enlarge(struct mr_pool *pool, struct mr_pool_index *index, uint32_t head, uint32_t size)
{
    uint32_t leaf = head >> LEAF_BITS;
    mr_pool_node(pool, head)->size = size | MR_SPAN_FREE;
    if (group_of(index, leaf)->max[leaf & (FAN - 1)] < size)
        raise(index, leaf, size);
}

/* ---- searching ---------------------------------------------------------------------------------------------- */

/* The first entry of a match from `from` on that is at least `units`, or FAN. */
MR_INLINE unsigned first_of(const uint32_t *match, unsigned from, uint32_t units)
{
    struct quarters q = quarters_of(match);
    int32_t least = (int32_t)units - 1;
    four than = { least, least, least, least }, bits = { 1, 2, 4, 8 };
    four hits = ((q.at[0] > than) & bits) | ((q.at[1] > than) & bits << 4) | ((q.at[2] > than) & bits << 8) |
                ((q.at[3] > than) & bits << 12);
    hits |= __builtin_shuffle(hits, (four){ 2, 3, 2, 3 });
    hits |= __builtin_shuffle(hits, (four){ 1, 1, 1, 1 });
    unsigned mask = (unsigned)hits[0] & ~0u << from;
    return mask ? (unsigned)__builtin_ctz(mask) : FAN;
}

/* The lowest span of a leaf among `bits` with at least `units`, or MR_POOL_NONE. */
static uint32_t scan_leaf(const struct mr_pool *pool, uint32_t leaf, uint64_t bits, uint32_t units)
{
    for (; bits != 0; bits &= bits - 1) {
        uint32_t head = (leaf << LEAF_BITS) + mr_lowest_bit(bits);
        if (mr_pool_size(pool, head) >= units)
            return head;
    }
    return MR_POOL_NONE;
}

/* The lowest span below entry i of a level that says there is one. */
static uint32_t descend(const struct mr_pool *pool, const struct mr_pool_index *index, unsigned level, uint32_t i,
                        uint32_t units)
{
    while (level-- > 0) {
        i <<= FAN_BITS;
        i += first_of(matches(index, level, i), 0, units);
    }
    return scan_leaf(pool, i, group_of(index, i)->bits[i & (FAN - 1)], units);
}

/* The lowest span in the leaves behind `leaf`. */
static uint32_t find_behind(const struct mr_pool *pool, const struct mr_pool_index *index, uint32_t leaf, uint32_t units)
{
    uint32_t i = leaf;
    for (unsigned level = 0; level < index->top; level++) {
        unsigned at = first_of(matches(index, level, i), (i & (FAN - 1)) + 1, units);
        if (at < FAN)
            return descend(pool, index, level, (i & ~(uint32_t)(FAN - 1)) + at, units);
        i >>= FAN_BITS;
    }
    return MR_POOL_NONE;
}

/* The lowest span at or behind `from` with at least `units`. */
static uint32_t find_from(const struct mr_pool *pool, const struct mr_pool_index *index, uint32_t from, uint32_t units)
{
    if (from == 0)
        return descend(pool, index, index->top, 0, units);
    if (from >= pool->units)
        return MR_POOL_NONE;
    uint32_t leaf = from >> LEAF_BITS;
    const struct group *group = group_of(index, leaf);
    uint32_t at = MR_POOL_NONE;
    if (group->max[leaf & (FAN - 1)] >= units)
        at = scan_leaf(pool, leaf, group->bits[leaf & (FAN - 1)] & ~(uint64_t)0 << (from & 63), units);
    return at != MR_POOL_NONE ? at : find_behind(pool, index, leaf, units);
}

uint32_t mr_fit_address_largest(const struct mr_pool_index *index)
{
    return index->top ? index->up[index->top][0] : 0;
}

static uint32_t origin(const struct mr_pool *pool)
{
    return pool->fit == MR_FIT_NEXT ? pool->cursor : 0;
}

/* The span the fit picks for a request without alignment; units <= the largest. */
static uint32_t pick(const struct mr_pool *pool, const struct mr_pool_index *index, uint32_t units)
{
    if (pool->fit == MR_FIT_WORST)
        units = mr_fit_address_largest(index);
    uint32_t hit = find_from(pool, index, origin(pool), units);
    return hit == MR_POOL_NONE ? find_from(pool, index, 0, units) : hit;
}

static bool can_hold(const struct mr_pool *pool, uint32_t head, const struct mr_fit_want *want)
{
    return mr_fit_place(pool, head, mr_pool_size(pool, head), want) != MR_POOL_NONE;
}

/* Tries up to `limit` spans of at least want->units in the order of the fit, wrapping round for next. */
static uint32_t probe(const struct mr_pool *pool, const struct mr_pool_index *index, const struct mr_fit_want *want,
                      unsigned limit)
{
    uint32_t from = origin(pool);
    bool wrap = pool->fit == MR_FIT_NEXT;
    while (limit-- > 0) {
        uint32_t at = find_from(pool, index, from, want->units);
        if (at == MR_POOL_NONE && wrap) {
            wrap = false;
            at = find_from(pool, index, 0, want->units);
        }
        if (at == MR_POOL_NONE || can_hold(pool, at, want))
            return at;
        from = at + 1;
    }
    return MR_POOL_NONE;
}

static uint32_t find_aligned(const struct mr_pool *pool, const struct mr_pool_index *index,
                             const struct mr_fit_want *want, enum mr_fit_effort effort)
{
    if (pool->fit == MR_FIT_WORST) {
        uint32_t at = pick(pool, index, want->units);
        if (can_hold(pool, at, want))
            return at;
    }
    uint32_t at = probe(pool, index, want, effort);
    if (at != MR_POOL_NONE || effort == MR_FIT_THOROUGH)
        return at;
    uint64_t sure = mr_fit_sure_size(pool, want);
    return sure <= mr_fit_address_largest(index) ? pick(pool, index, (uint32_t)sure) : MR_POOL_NONE;
}

uint32_t mr_fit_address_find(const struct mr_pool *pool, const struct mr_pool_index *index,
                             const struct mr_fit_want *want, enum mr_fit_effort effort)
{
    if (mr_fit_address_largest(index) < want->units)
        return MR_POOL_NONE;
    return want->align > 1 ? find_aligned(pool, index, want, effort) : pick(pool, index, want->units);
}

uint32_t mr_fit_address_find_stamp(const struct mr_pool *pool, const struct mr_pool_index *index, uint32_t until)
{
    uint32_t at = mr_fit_address_largest(index) ? find_from(pool, index, 0, 1) : MR_POOL_NONE;
    while (at != MR_POOL_NONE && mr_pool_stamp(pool, at) > until)
        at = find_from(pool, index, at + 1, 1);
    return at;
}

/* ---- the check ------------------------------------------------------------------------------------------------ */

bool mr_fit_address_holds(const struct mr_pool *pool, uint32_t head)
{
    const struct mr_pool_index *index = &pool->index[mr_pool_stamp(pool, head) != 0];
    uint32_t leaf = head >> LEAF_BITS;
    return group_of(index, leaf)->bits[leaf & (FAN - 1)] >> (head & 63) & 1;
}

static const char *check_leaf(const struct mr_pool *pool, unsigned grade, uint32_t leaf, uint32_t *spans)
{
    const struct group *group = group_of(&pool->index[grade], leaf);
    for (uint64_t bits = group->bits[leaf & (FAN - 1)]; bits != 0; bits &= bits - 1) {
        if (!mr_fit_is_free_span(pool, grade, (leaf << LEAF_BITS) + mr_lowest_bit(bits)))
            return "the table holds what is no free span of its grade";
        ++*spans;
    }
    return leaf_max(pool, leaf, group->bits[leaf & (FAN - 1)]) == group->max[leaf & (FAN - 1)]
               ? NULL
               : "the max of a leaf is not its largest span";
}

const char *mr_fit_address_check(const struct mr_pool *pool, unsigned grade, uint32_t *spans)
{
    const struct mr_pool_index *index = &pool->index[grade];
    const char *why = NULL;
    *spans = 0;
    if (pool->units == 0 || (grade == 1 && !pool->stamps))
        return NULL;
    uint32_t last = (pool->units - 1) >> LEAF_BITS;
    for (uint32_t leaf = 0; leaf <= last && !why; leaf++)
        why = check_leaf(pool, grade, leaf, spans);
    for (unsigned level = 1; level <= index->top && !why; level++)
        for (uint32_t i = 0; i <= last >> FAN_BITS * level; i++)
            if (index->up[level][i] != max_of(matches(index, level - 1, i << FAN_BITS)))
                why = "a max in the table is not the largest below";
    return why;
}
