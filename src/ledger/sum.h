/* sum.h: what a site's figures are: its own and those still in the lanes.
 *
 *   figure = site's + the sum over all lanes' entries with this site        (format.h)
 *
 * Used on the living ledger, by the process itself, and by readers on their copy. */
#ifndef MR_LEDGER_SUM_H
#define MR_LEDGER_SUM_H

#include <stdbool.h>

#include "format.h"

struct mr_sum {
    uint64_t allocs, frees, alloc_bytes, freed_bytes, temporary;
};

/* False when an entry moved meanwhile (or for ever: its thread was killed while it moved one). The sum may then
 * tell of one entry twice, or not at all. */
bool mr_sum_site(struct mr_sum *sum, const struct mr_ledger_site *site, uint32_t id,
                 const struct mr_ledger_lane *lanes, uint64_t lane_count);

/* For lanes whose thread is gone for good, killed or lost in a fork: a figure it was moving is told once from here on,
 * and no entry moves any more. Writes to the lane; `site_count` bounds what it says. */
void mr_sum_repair(struct mr_ledger_lane *lane, const struct mr_ledger_site *sites, uint64_t site_count);

/* All of the lanes' own totals; their `temporary` is not told. */
struct mr_sum mr_sum_lanes(const struct mr_ledger_lane *lanes, uint64_t lane_count);

/* What is in use: never below zero, though frees may be seen whose allocations were not. */
static inline uint64_t mr_sum_bytes(const struct mr_sum *sum)
{
    return sum->alloc_bytes > sum->freed_bytes ? sum->alloc_bytes - sum->freed_bytes : 0;
}

static inline uint64_t mr_sum_blocks(const struct mr_sum *sum)
{
    return sum->allocs > sum->frees ? sum->allocs - sum->frees : 0;
}

#endif
