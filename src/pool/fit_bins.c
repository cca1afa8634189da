/* fit_bins.c: lists of free spans by bin, and two levels of bits that say which are empty. What a bin holds is the
 * fit's business: segregated puts an eighth of a doubling in one, best a size. */
#include "fit.h"

_Static_assert(MR_BIN_COLS == 8 && MR_BIN_ROWS <= 32, "a row is one byte of bits, the rows are one word");

void mr_fit_bins_insert(struct mr_pool *pool, struct mr_pool_index *index, unsigned bin, uint32_t head)
{
    mr_fit_bins_put(pool, index, bin, head);
}

void mr_fit_bins_remove(struct mr_pool *pool, struct mr_pool_index *index, unsigned bin, uint32_t head)
{
    mr_fit_bins_take(pool, index, bin, head);
}

uint32_t mr_fit_bins_find_stamp(const struct mr_pool *pool, const struct mr_pool_index *index, uint32_t until)
{
    for (unsigned bin = mr_fit_bins_first(index, 0); bin < MR_BINS; bin = mr_fit_bins_first(index, bin + 1)) {
        uint32_t at = mr_fit_list_find_stamp(pool, index->heads[bin], until);
        if (at != MR_POOL_NONE)
            return at;
    }
    return MR_POOL_NONE;
}

static const char *check_bin(const struct mr_pool *pool, unsigned grade, unsigned bin, uint32_t *spans)
{
    const struct mr_pool_index *index = &pool->index[grade];
    bool bit = index->cols[bin >> MR_BIN_SUB] >> (bin & (MR_BIN_COLS - 1)) & 1;
    if (bit != (index->heads[bin] != MR_POOL_NONE))
        return "the bit of a bin does not say whether it is empty";
    return mr_fit_list_check(pool, grade, index->heads[bin], spans);
}

const char *mr_fit_bins_check(const struct mr_pool *pool, unsigned grade, uint32_t *spans)
{
    const char *why = NULL;
    *spans = 0;
    for (unsigned row = 0; row < 32 && !why; row++)
        if ((pool->index[grade].rows >> row & 1) != (row < MR_BIN_ROWS && pool->index[grade].cols[row] != 0))
            why = "the bit of a row of bins does not say whether it is empty";
    for (unsigned bin = 0; bin < MR_BINS && !why; bin++)
        why = check_bin(pool, grade, bin, spans);
    return why;
}
