/* lanes.c: which thread has which lane. Lane 0 is everybody's. */
#include "sites.h"

#include "os.h"

_Static_assert(MR_LANES == 64, "a word has a bit for each lane");

static struct mr_lock lanes_lock = MR_LOCK_INIT(MR_RANK_LANES);
static uint64_t taken = 1; /* bit i: lane i; under the lock */
static _Atomic unsigned used = 1;

static struct mr_ledger_lane *lane_at(unsigned i)
{
    return (struct mr_ledger_lane *)mr_writer_entries(MR_SECTION_LANES) + i;
}

static bool make_room_for(unsigned i)
{
    uint64_t count = mr_writer_count(MR_SECTION_LANES);
    if (i < count)
        return true;
    if (mr_writer_reserve(MR_SECTION_LANES, 1) < 0)
        return false;
    mr_writer_publish(MR_SECTION_LANES, 1);
    return true;
}

/* The lowest free one: so there are never more in the ledger than threads at one time. */
static struct mr_ledger_lane *take_locked(void)
{
    if (taken == UINT64_MAX)
        return NULL;
    unsigned i = mr_lowest_bit(~taken);
    if (!make_room_for(i))
        return NULL;
    taken |= (uint64_t)1 << i;
    used = (unsigned)__builtin_popcountl(taken);
    return lane_at(i);
}

struct mr_ledger_lane *mr_lanes_take(void)
{
    if (mr_lock_is_mine(&lanes_lock))
        return NULL;
    mr_lock_acquire(&lanes_lock);
    struct mr_ledger_lane *lane = take_locked();
    mr_lock_release(&lanes_lock);
    return lane;
}

void mr_lanes_give(struct mr_ledger_lane *lane)
{
    uint64_t bit = (uint64_t)1 << (lane - lane_at(0));
    mr_lock_acquire(&lanes_lock);
    taken &= ~bit;
    used = (unsigned)__builtin_popcountl(taken);
    mr_lock_release(&lanes_lock);
}

bool mr_lanes_is_held(void) { return mr_lock_is_mine(&lanes_lock); }

unsigned mr_lanes_used(void) { return used; }

/* The threads of all lanes but one are gone. */
void mr_lanes_forked(const struct mr_ledger_lane *kept)
{
    const struct mr_ledger_site *sites = mr_writer_entries(MR_SECTION_SITES);
    for (unsigned i = 0; i < mr_writer_count(MR_SECTION_LANES); i++)
        if (lane_at(i) != kept)
            mr_sum_repair(lane_at(i), sites, mr_writer_count(MR_SECTION_SITES));
    mr_lock_after_fork(&lanes_lock, mr_lock_is_mine(&lanes_lock));
    taken = 1 | (kept ? (uint64_t)1 << (kept - lane_at(0)) : 0);
    used = (unsigned)__builtin_popcountl(taken);
}
