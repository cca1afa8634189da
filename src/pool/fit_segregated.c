/* fit_segregated.c: good fit by two levels of size bins (TLSF: Masmano et al., 2004).
 *
 * Row 0 has a bin for each size below MR_BIN_COLS; each further row covers one doubling in
 * MR_BIN_COLS steps, so sizes below 2 * MR_BIN_COLS have a bin each and the others share one with
 * sizes at most 1/8 larger. Bins are numbered row * MR_BIN_COLS + col. */
#include "fit.h"

MR_INLINE unsigned bin_of(uint32_t size)
{
    if (size < MR_BIN_COLS)
        return size;
    unsigned shift = 31u - (unsigned)__builtin_clz(size) - MR_BIN_SUB;
    return (shift << MR_BIN_SUB) + (size >> shift); /* size >> shift is MR_BIN_COLS + col */
}
_Static_assert(((30 - MR_BIN_SUB) << MR_BIN_SUB) + (MR_POOL_MAX_UNITS >> (30 - MR_BIN_SUB)) < MR_BINS,
               "the largest pool has a bin");

void mr_fit_segregated_insert(struct mr_pool *pool, struct mr_pool_index *index, uint32_t head)
{
    mr_fit_bins_insert(pool, index, bin_of(mr_pool_size(pool, head)), head);
}

void mr_fit_segregated_remove(struct mr_pool *pool, struct mr_pool_index *index, uint32_t head)
{
    mr_fit_bins_remove(pool, index, bin_of(mr_pool_size(pool, head)), head);
}

bool mr_fit_segregated_enlarge(struct mr_pool *pool, uint32_t head, uint32_t size)
{
    if (bin_of(mr_pool_size(pool, head)) != bin_of(size))
        return false;
    mr_pool_node(pool, head)->size = size | MR_SPAN_FREE;
    return true;
}

/* Tries up to `limit` spans of the bins from `bin` to before `end`. */
static uint32_t probe(const struct mr_pool *pool, const struct mr_pool_index *index,
                      const struct mr_fit_want *want, unsigned bin, unsigned end, unsigned limit)
{
    for (bin = mr_fit_bins_first(index, bin); bin < end; bin = mr_fit_bins_first(index, bin + 1)) {
        for (uint32_t at = index->heads[bin]; at != MR_POOL_NONE; at = mr_pool_node(pool, at)->left) {
            if (limit-- == 0)
                return MR_POOL_NONE;
            if (mr_fit_place(pool, at, mr_pool_size(pool, at), want) != MR_POOL_NONE)
                return at;
        }
    }
    return MR_POOL_NONE;
}

/* The same without alignment, where only the bin of the size itself holds both kinds: the hot path. */
static uint32_t probe_bin(const struct mr_pool *pool, uint32_t at, uint32_t units, unsigned limit)
{
    for (; at != MR_POOL_NONE && limit > 0; limit--) {
        const struct mr_span *span = mr_pool_node(pool, at);
        if ((span->size & ~MR_SPAN_FREE) >= units)
            return at;
        at = span->left;
    }
    return MR_POOL_NONE;
}

uint32_t mr_fit_segregated_find(const struct mr_pool *pool, const struct mr_pool_index *index,
                                const struct mr_fit_want *want, enum mr_fit_effort effort)
{
    if (index->rows == 0)
        return MR_POOL_NONE;
    uint64_t sure = mr_fit_sure_size(pool, want);
    /* Every span from this bin on is long enough: it is the bin behind that of sure - 1. */
    unsigned bin = bin_of(want->units), end = sure > MR_POOL_MAX_UNITS ? MR_BINS : bin_of((uint32_t)sure - 1) + 1;
    uint32_t at = MR_POOL_NONE;
    if (want->align > 1)
        at = probe(pool, index, want, bin, end, effort);
    else if (end != bin)
        at = probe_bin(pool, index->heads[bin], want->units, effort);
    if (at != MR_POOL_NONE || effort == MR_FIT_THOROUGH)
        return at;
    bin = mr_fit_bins_first(index, end);
    return bin < MR_BINS ? index->heads[bin] : MR_POOL_NONE;
}

/* ---- pools without stamps ---------------------------------------------------------------------------------
 * What pool.c does for every fit, for this one with all that cannot be left out: there are no grades, no alignment
 * is asked for, and what follows a span that is taken whole knows its size already. */

/* The sure spans, then the first few of the bin that also has some that are too short: as mr_fit_segregated_find. */
MR_INLINE uint32_t find_plain(const struct mr_pool *pool, const struct mr_pool_index *index, uint32_t units)
{
    unsigned bin = bin_of(units), end = bin_of(units - 1) + 1;
    uint32_t at = end != bin ? probe_bin(pool, index->heads[bin], units, MR_FIT_QUICK) : MR_POOL_NONE;
    if (at != MR_POOL_NONE)
        return at;
    bin = mr_fit_bins_first(index, end);
    return MR_LIKELY(bin < MR_BINS) ? index->heads[bin] : probe_bin(pool, index->heads[bin_of(units)], units, MR_FIT_THOROUGH);
}

uint32_t mr_fit_segregated_take(struct mr_pool *pool, uint32_t units)
{
    struct mr_pool_index *index = &pool->index[0];
    uint32_t head = find_plain(pool, index, units);
    if (MR_UNLIKELY(head == MR_POOL_NONE))
        return head;
    struct mr_span *span = mr_pool_node(pool, head);
    uint32_t size = span->size & ~MR_SPAN_FREE, rest = size - units;
    mr_fit_bins_take(pool, index, bin_of(size), head);
    if (rest < pool->min_units) {
        span->size = size;
        pool->free_spans--;
        pool->free_units -= size;
        return head;
    }
    span->size = units;
    struct mr_span *tail = mr_pool_node(pool, head + units);
    tail->size = rest | MR_SPAN_FREE;
    tail->back = units;
    mr_fit_set_back(pool, head + units, rest);
    mr_fit_bins_put(pool, index, bin_of(rest), head + units);
    pool->free_units -= units;
    return head;
}

uint32_t mr_fit_segregated_give(struct mr_pool *pool, uint32_t head)
{
    struct mr_pool_index *index = &pool->index[0];
    struct mr_span *span = mr_pool_node(pool, head);
    uint32_t size = span->size, next = head + size;
    pool->free_units += size;
    pool->free_spans++;
    if (next < pool->units && mr_pool_is_free(pool, next)) {
        uint32_t more = mr_pool_size(pool, next);
        mr_fit_bins_take(pool, index, bin_of(more), next);
        mr_pool_node(pool, next)->size = 0; /* no head any more, and not to be taken for one */
        pool->free_spans--;
        size += more;
    }
    if (head > 0 && mr_pool_is_free(pool, head - span->back)) {
        head -= span->back;
        span = mr_pool_node(pool, head);
        uint32_t before = span->size & ~MR_SPAN_FREE;
        pool->free_spans--;
        size += before;
        if (bin_of(before) == bin_of(size)) {
            span->size = size | MR_SPAN_FREE;
            mr_fit_set_back(pool, head, size);
            return head;
        }
        mr_fit_bins_take(pool, index, bin_of(before), head);
    }
    span->size = size | MR_SPAN_FREE;
    mr_fit_set_back(pool, head, size);
    mr_fit_bins_put(pool, index, bin_of(size), head);
    return head;
}

/* ---- the rest ------------------------------------------------------------------------------------------ */

uint32_t mr_fit_segregated_largest(const struct mr_pool *pool, const struct mr_pool_index *index)
{
    if (index->rows == 0)
        return 0;
    unsigned row = (unsigned)mr_log2_floor(index->rows);
    uint32_t at = index->heads[(row << MR_BIN_SUB) + mr_log2_floor(index->cols[row])], largest = 0;
    for (; at != MR_POOL_NONE; at = mr_pool_node(pool, at)->left)
        largest = (uint32_t)mr_max(largest, mr_pool_size(pool, at));
    return largest;
}

bool mr_fit_segregated_holds(const struct mr_pool *pool, uint32_t head)
{
    const struct mr_pool_index *index = &pool->index[mr_pool_stamp(pool, head) != 0];
    return mr_fit_list_holds(pool, index->heads[bin_of(mr_pool_size(pool, head))], head);
}

const char *mr_fit_segregated_check(const struct mr_pool *pool, unsigned grade, uint32_t *spans)
{
    const char *why = mr_fit_bins_check(pool, grade, spans);
    for (unsigned bin = 0; bin < MR_BINS && !why; bin++)
        for (uint32_t at = pool->index[grade].heads[bin]; !why && at != MR_POOL_NONE; at = mr_pool_node(pool, at)->left)
            if (bin_of(mr_pool_size(pool, at)) != bin)
                why = "a span is in the bin of another size";
    return why;
}
