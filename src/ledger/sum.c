#include "sum.h"

#include "base.h"

/* The sum of all lanes' `seq` of one slot: none goes back, so an unchanged sum means that none changed. */
static uint64_t read_seqs(const struct mr_ledger_lane *lanes, uint64_t count, uint32_t slot, bool *moving)
{
    uint64_t seqs = 0;
    for (uint64_t i = 0; i < count; i++) {
        uint32_t seq = __atomic_load_n(&lanes[i].deltas[slot].seq, __ATOMIC_ACQUIRE);
        *moving |= seq & 1;
        seqs += seq;
    }
    return seqs;
}

/* Acquire: what is read afterwards, the second look at `seq` too, was written no earlier. */
static uint64_t look(const uint64_t *figure) { return __atomic_load_n(figure, __ATOMIC_ACQUIRE); }

/* Frees first: what was freed before the look was allocated before it. */
static void add_delta(struct mr_sum *sum, const struct mr_ledger_delta *d)
{
    sum->frees += look(&d->frees);
    sum->freed_bytes += look(&d->freed_bytes);
    sum->temporary += look(&d->temporary);
    sum->allocs += look(&d->allocs);
    sum->alloc_bytes += look(&d->alloc_bytes);
}

static void add_once(struct mr_sum *sum, const struct mr_ledger_site *site, uint32_t id,
                     const struct mr_ledger_lane *lanes, uint64_t lane_count)
{
    *sum = (struct mr_sum){ .frees = look(&site->frees), .freed_bytes = look(&site->freed_bytes),
                            .temporary = look(&site->temporary) };
    sum->allocs = look(&site->allocs);
    sum->alloc_bytes = look(&site->alloc_bytes);
    for (uint64_t i = 0; i < lane_count; i++) {
        const struct mr_ledger_delta *d = &lanes[i].deltas[id % MR_LANE_ENTRIES];
        if (MR_PEEK(d->site) == id)
            add_delta(sum, d);
    }
}

bool mr_sum_site(struct mr_sum *sum, const struct mr_ledger_site *site, uint32_t id,
                 const struct mr_ledger_lane *lanes, uint64_t lane_count)
{
    enum { TRIES = 8 };
    for (int i = 0; i < TRIES; i++) {
        bool moving = false;
        uint64_t before = read_seqs(lanes, lane_count, id % MR_LANE_ENTRIES, &moving);
        add_once(sum, site, id, lanes, lane_count);
        if (read_seqs(lanes, lane_count, id % MR_LANE_ENTRIES, &moving) == before && !moving)
            return true;
    }
    return false;
}

_Static_assert(offsetof(struct mr_ledger_delta, temporary) - offsetof(struct mr_ledger_delta, allocs) ==
               (MR_FIGURE_TEMPORARY - MR_FIGURE_ALLOCS) * sizeof(uint64_t), "figures stand in order");
_Static_assert(offsetof(struct mr_ledger_site, temporary) - offsetof(struct mr_ledger_site, allocs) ==
               (MR_FIGURE_TEMPORARY - MR_FIGURE_ALLOCS) * sizeof(uint64_t), "figures stand in order");

void mr_sum_repair(struct mr_ledger_lane *lane, const struct mr_ledger_site *sites, uint64_t site_count)
{
    for (uint32_t i = 0; i < MR_LANE_ENTRIES; i++) {
        struct mr_ledger_delta *d = &lane->deltas[i];
        unsigned figure = lane->moving_figure - MR_FIGURE_ALLOCS;
        if (d->seq % 2 == 0)
            continue;
        bool moving = lane->moving_entry == i && figure < MR_FIGURE_COUNT - MR_FIGURE_ALLOCS;
        moving = moving && d->site < site_count;
        if (moving && (&sites[d->site].allocs)[figure] != lane->moving_from)
            (&d->allocs)[figure] = 0;
        d->seq++;
    }
}

struct mr_sum mr_sum_lanes(const struct mr_ledger_lane *lanes, uint64_t lane_count)
{
    struct mr_sum sum = { 0 };
    for (uint64_t i = 0; i < lane_count; i++) {
        sum.allocs += MR_PEEK(lanes[i].allocs);
        sum.frees += MR_PEEK(lanes[i].frees);
        sum.alloc_bytes += MR_PEEK(lanes[i].alloc_bytes);
        sum.freed_bytes += MR_PEEK(lanes[i].freed_bytes);
    }
    return sum;
}
