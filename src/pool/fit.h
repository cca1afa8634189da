/* fit.h: what pool.c asks of a fit. Private to pool/.
 *
 * pool.c cuts and merges; a fit keeps the free spans of one grade in a struct mr_pool_index and
 * chooses among them. A span is removed from its index before its size changes and inserted after.
 * Only buddy also cuts and merges by itself, since where it may is its whole rule. */
#ifndef MR_POOL_FIT_H
#define MR_POOL_FIT_H

#include "pool.h"

/* What a take asks for: `units` at a head i with (i + offset) % align == 0. */
struct mr_fit_want {
    uint32_t units;
    uint32_t align;
    uint32_t offset;
};

/* How many spans that may turn out not to fit are looked at. Quick goes first for both grades, so that
 * a long search of the one never stands before an easy find in the other. */
enum mr_fit_effort { MR_FIT_QUICK = 8, MR_FIT_THOROUGH = 256 };

/* Bins: lists and their bits, for the fits that choose by size (fit_bins.c). */
void mr_fit_bins_insert(struct mr_pool *pool, struct mr_pool_index *index, unsigned bin, uint32_t head);
void mr_fit_bins_remove(struct mr_pool *pool, struct mr_pool_index *index, unsigned bin, uint32_t head);
uint32_t mr_fit_bins_find_stamp(const struct mr_pool *pool, const struct mr_pool_index *index, uint32_t until);
const char *mr_fit_bins_check(const struct mr_pool *pool, unsigned grade, uint32_t *spans);

/* The first bin from `bin` on that is not empty, or MR_BINS. */
MR_INLINE unsigned mr_fit_bins_first(const struct mr_pool_index *index, unsigned bin)
{
    unsigned row = bin >> MR_BIN_SUB;
    if (row >= MR_BIN_ROWS)
        return MR_BINS;
    unsigned cols = index->cols[row] & (0xffu << (bin & (MR_BIN_COLS - 1)));
    if (cols == 0) {
        uint32_t rows = (uint32_t)(index->rows & ((uint64_t)~0u << (row + 1)));
        if (rows == 0)
            return MR_BINS;
        row = mr_lowest_bit(rows);
        cols = index->cols[row];
    }
    return (row << MR_BIN_SUB) + mr_lowest_bit(cols);
}

void mr_fit_address_insert(struct mr_pool *pool, struct mr_pool_index *index, uint32_t head);
void mr_fit_address_remove(struct mr_pool *pool, struct mr_pool_index *index, uint32_t head);
/* Gives a span of the index another size, a larger one. */
void mr_fit_address_enlarge(struct mr_pool *pool, struct mr_pool_index *index, uint32_t head, uint32_t size);
uint32_t mr_fit_address_find(const struct mr_pool *pool, const struct mr_pool_index *index,
                             const struct mr_fit_want *want, enum mr_fit_effort effort);
uint32_t mr_fit_address_find_stamp(const struct mr_pool *pool, const struct mr_pool_index *index, uint32_t until);
uint32_t mr_fit_address_largest(const struct mr_pool_index *index);
size_t mr_fit_address_table(uint32_t units, uint32_t most, unsigned grades);
void mr_fit_address_set_table(struct mr_pool *pool, char *table, uint32_t most);

void mr_fit_best_insert(struct mr_pool *pool, struct mr_pool_index *index, uint32_t head);
void mr_fit_best_remove(struct mr_pool *pool, struct mr_pool_index *index, uint32_t head);
uint32_t mr_fit_best_find(const struct mr_pool *pool, const struct mr_pool_index *index,
                          const struct mr_fit_want *want, enum mr_fit_effort effort);
uint32_t mr_fit_best_find_stamp(const struct mr_pool *pool, const struct mr_pool_index *index, uint32_t until);
uint32_t mr_fit_best_largest(const struct mr_pool *pool, const struct mr_pool_index *index);

void mr_fit_segregated_insert(struct mr_pool *pool, struct mr_pool_index *index, uint32_t head);
void mr_fit_segregated_remove(struct mr_pool *pool, struct mr_pool_index *index, uint32_t head);
/* As mr_fit_address_enlarge, or returns false where that would move it to another list. */
bool mr_fit_segregated_enlarge(struct mr_pool *pool, uint32_t head, uint32_t size);
uint32_t mr_fit_segregated_find(const struct mr_pool *pool, const struct mr_pool_index *index,
                                const struct mr_fit_want *want, enum mr_fit_effort effort);
uint32_t mr_fit_segregated_largest(const struct mr_pool *pool, const struct mr_pool_index *index);

/* mr_pool_take without alignment and mr_pool_give of pools without stamps. */
uint32_t mr_fit_segregated_take(struct mr_pool *pool, uint32_t units);
uint32_t mr_fit_segregated_give(struct mr_pool *pool, uint32_t head);

void mr_fit_buddy_insert(struct mr_pool *pool, struct mr_pool_index *index, uint32_t head);
void mr_fit_buddy_remove(struct mr_pool *pool, struct mr_pool_index *index, uint32_t head);
uint32_t mr_fit_buddy_find_stamp(const struct mr_pool *pool, const struct mr_pool_index *index, uint32_t until);
uint32_t mr_fit_buddy_largest(const struct mr_pool_index *index);
/* As their namesakes of pool.h. */
void mr_fit_buddy_grow(struct mr_pool *pool, uint32_t units, uint32_t stamp);
uint32_t mr_fit_buddy_take(struct mr_pool *pool, const struct mr_fit_want *want, uint32_t *stamp);
uint32_t mr_fit_buddy_give(struct mr_pool *pool, uint32_t head, uint32_t stamp);
bool mr_fit_buddy_resize(struct mr_pool *pool, uint32_t head, uint32_t units, uint32_t tail_stamp,
                         uint32_t *stamp);

/* The tests of I4 for one grade; *spans receives how many the index holds. */
const char *mr_fit_address_check(const struct mr_pool *pool, unsigned grade, uint32_t *spans);
const char *mr_fit_best_check(const struct mr_pool *pool, unsigned grade, uint32_t *spans);
const char *mr_fit_segregated_check(const struct mr_pool *pool, unsigned grade, uint32_t *spans);
const char *mr_fit_buddy_check(const struct mr_pool *pool, unsigned grade, uint32_t *spans);
/* Whether a free span is in its index. Once I4 holds. */
bool mr_fit_address_holds(const struct mr_pool *pool, uint32_t head);
bool mr_fit_best_holds(const struct mr_pool *pool, uint32_t head);
bool mr_fit_segregated_holds(const struct mr_pool *pool, uint32_t head);
bool mr_fit_buddy_holds(const struct mr_pool *pool, uint32_t head);

/* Adds to the sums of free units; `units` may be negative, modulo 2^64. */
MR_INLINE void mr_fit_count(struct mr_pool *pool, uint32_t stamp, uint64_t units)
{
    pool->free_units += units;
    pool->dirty_units += (stamp & pool->stamps) != 0 ? units : 0;
}

MR_INLINE struct mr_pool_index *mr_fit_index(struct mr_pool *pool, uint32_t stamp)
{
    return &pool->index[(stamp & pool->stamps) != 0];
}

/* The lowest index in the free span [head, head + size) where the wanted span may begin: aligned, and
 * with nothing or a span of its own in front. MR_POOL_NONE when it does not fit. */
MR_INLINE uint32_t mr_fit_place(const struct mr_pool *pool, uint32_t head, uint32_t size,
                                const struct mr_fit_want *want)
{
    uint32_t gap = -(head + want->offset) & (want->align - 1);
    uint64_t front = gap != 0 && gap < pool->min_units ? (uint64_t)gap + want->align : gap;
    return front + want->units <= size ? head + (uint32_t)front : MR_POOL_NONE;
}

/* Units that hold the wanted span wherever they begin: the largest `front` of mr_fit_place is
 * align - 1 when min_units is 1, else at most align + min_units - 1. */
MR_INLINE uint64_t mr_fit_sure_size(const struct mr_pool *pool, const struct mr_fit_want *want)
{
    uint64_t front = (uint64_t)want->align + pool->min_units - (pool->min_units == 1 ? 2 : 1);
    return want->units + (want->align == 1 ? 0 : front);
}

/* Tells whoever stands behind [head, head + size) how long its predecessor is. */
MR_INLINE void mr_fit_set_back(struct mr_pool *pool, uint32_t head, uint32_t size)
{
    uint32_t next = head + size;
    if (next < pool->units)
        mr_pool_node(pool, next)->back = size;
    else
        pool->last = head;
}

/* Doubly linked lists of free spans: left is the next, right the one before. */
MR_INLINE void mr_fit_list_push(struct mr_pool *pool, uint32_t *first, uint32_t head)
{
    struct mr_span *span = mr_pool_node(pool, head);
    span->left = *first;
    span->right = MR_POOL_NONE;
    if (*first != MR_POOL_NONE)
        mr_pool_node(pool, *first)->right = head;
    *first = head;
}

MR_INLINE void mr_fit_list_unlink(struct mr_pool *pool, uint32_t *first, uint32_t head)
{
    const struct mr_span *span = mr_pool_node(pool, head);
    uint32_t next = span->left, before = span->right;
    if (next != MR_POOL_NONE)
        mr_pool_node(pool, next)->right = before;
    if (before != MR_POOL_NONE)
        mr_pool_node(pool, before)->left = next;
    else
        *first = next;
}

/* mr_fit_bins_insert and _remove, in place. */
MR_INLINE void mr_fit_bins_put(struct mr_pool *pool, struct mr_pool_index *index, unsigned bin, uint32_t head)
{
    unsigned row = bin >> MR_BIN_SUB;
    mr_fit_list_push(pool, &index->heads[bin], head);
    index->cols[row] |= (uint8_t)(1u << (bin & (MR_BIN_COLS - 1)));
    index->rows |= 1u << row;
}

MR_INLINE void mr_fit_bins_take(struct mr_pool *pool, struct mr_pool_index *index, unsigned bin, uint32_t head)
{
    unsigned row = bin >> MR_BIN_SUB;
    mr_fit_list_unlink(pool, &index->heads[bin], head);
    if (index->heads[bin] != MR_POOL_NONE)
        return;
    index->cols[row] &= (uint8_t)~(1u << (bin & (MR_BIN_COLS - 1)));
    if (index->cols[row] == 0)
        index->rows &= ~(1u << row);
}

/* Some span of the list with stamp <= until, or MR_POOL_NONE. */
MR_INLINE uint32_t mr_fit_list_find_stamp(const struct mr_pool *pool, uint32_t head, uint32_t until)
{
    while (head != MR_POOL_NONE && mr_pool_node(pool, head)->stamp > until)
        head = mr_pool_node(pool, head)->left;
    return head;
}

/* Whether the list's links lead to this span and on. Only valid heads may be in them. */
MR_INLINE bool mr_fit_list_holds(const struct mr_pool *pool, uint32_t first, uint32_t head)
{
    const struct mr_span *span = mr_pool_node(pool, head);
    if (span->right == MR_POOL_NONE)
        return first == head;
    return span->right < pool->units && mr_pool_node(pool, span->right)->left == head;
}

/* For the checks: may this link be followed, and does a free span of that grade lie there? */
MR_INLINE bool mr_fit_is_free_span(const struct mr_pool *pool, unsigned grade, uint32_t head)
{
    return head < pool->units && pool->units - head >= pool->min_units && mr_pool_is_free(pool, head) &&
           (mr_pool_stamp(pool, head) != 0) == grade;
}

/* One list of the check: every member a free span of the grade whose left neighbour in the list is the
 * member before. Adds the members to *spans, which bounds the walk. */
const char *mr_fit_list_check(const struct mr_pool *pool, unsigned grade, uint32_t first, uint32_t *spans);

#endif
