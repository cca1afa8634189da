/* purge.c: when the memory of free spans goes back to the system.
 *
 * By age: what has been free for the purge delay, looked at when the pool is used and at most every
 * SWEEP_EVERY_MS. And by amount: */
#include "purge.h"

#include "conf.h"
#include "ledger.h"

/* How much freed memory may be kept. Memory that was given back and then asked for again within the
 * purge delay raises the limit; each delay that passes lowers it. So a burst that is freed goes
 * back at once, without anybody calling. When SWING_LEAST was wanted back within a delay, the live set swings:
 * then only age counts, for as long as each delay sees half of what is kept used again. */
#define DIRTY_LEAST ((size_t)2 << 20)
#define SWING_LEAST ((size_t)4 << 20)

/* Stamps are ticks of 64 ms, from 1: 32 bits last eight years. */
enum { TICK_SHIFT = 6, SWEEP_EVERY_MS = 100, SWEEP_BATCH = 32 };

static uint64_t start_ms;
static _Atomic uint64_t next_sweep_ms;
static uint64_t limit_lowered_ms;        /* under the space lock, like all below */
static size_t dirty_limit = DIRTY_LEAST;
static size_t given_early;               /* bytes purged for being over the limit, and not wanted back yet */

static size_t wanted_back;               /* of them, within this delay */
static size_t used_again;                /* bytes taken from what was kept, within this delay */
static bool swings;

_Atomic uint32_t mr_purge_early_count;

void mr_purge_start(uint64_t now) { start_ms = now; }

uint32_t mr_purge_tick(uint64_t ms)
{
    return (uint32_t)((ms - start_ms) >> TICK_SHIFT) + 1;
}

struct victim {
    struct mr_region *region;
    uint32_t head;
};

/* Takes up to SWEEP_BATCH dirty spans out of the pools, so their memory can be given back without
 * the lock. */
static unsigned collect_victims(struct victim *victims, uint32_t until)
{
    unsigned n = 0;
    for (uint32_t r = 0; r < mr_region_count; r++) {
        struct mr_region *region = &mr_regions[r];
        uint32_t head;
        while (n < SWEEP_BATCH && (head = mr_pool_find_dirty(&region->pool, until)) != MR_POOL_NONE) {
            mr_pool_take_whole(&region->pool, head);
            victims[n++] = (struct victim){ region, head };
        }
    }
    return n;
}

static size_t purge_until(uint32_t until)
{
    struct victim victims[SWEEP_BATCH];
    bool given[SWEEP_BATCH];
    size_t total = 0;
    mr_lock_acquire(&mr_space_lock);
    for (;;) {
        unsigned n = collect_victims(victims, until);
        if (n == 0)
            break;
        mr_lock_release(&mr_space_lock);
        size_t bytes = 0;
        for (unsigned i = 0; i < n; i++) {
            struct victim *v = &victims[i];
            size_t size = (size_t)mr_pool_size(&v->region->pool, v->head) << MR_SLICE_SHIFT;
            given[i] = mr_vm_purge((char *)v->region->base + ((size_t)v->head << MR_SLICE_SHIFT), size);
            bytes += given[i] ? size : 0;
        }
        atomic_fetch_add_explicit(&mr_counters.purged_bytes, bytes, memory_order_relaxed);
        total += bytes;
        mr_lock_acquire(&mr_space_lock);
        /* What the system keeps is stamped beyond `until`, or this loop would meet it again. */
        for (unsigned i = 0; i < n; i++)
            mr_pool_give(&victims[i].region->pool, victims[i].head, given[i] ? 0 : until + 1);
        if (n < SWEEP_BATCH)
            break;
    }
    mr_lock_release(&mr_space_lock);
    return total;
}

size_t mr_space_purge(bool all)
{
    uint64_t now = mr_clock_ms();
    if (all)
        return purge_until(mr_purge_tick(now) + 1);
    uint64_t age = now - start_ms;
    return age < mr_conf.purge_delay ? 0 : purge_until(mr_purge_tick(now - mr_conf.purge_delay));
}

static size_t dirty_bytes(void)
{
    size_t units = 0;
    for (uint32_t r = 0; r < mr_region_count; r++)
        units += mr_regions[r].pool.dirty_units;
    return units << MR_SLICE_SHIFT;
}

static void end_delay(uint64_t now)
{
    limit_lowered_ms = now;
    dirty_limit = mr_max(dirty_limit / 2, DIRTY_LEAST);
    swings = swings && used_again > dirty_bytes() / 2;
    given_early = wanted_back = used_again = 0;
}

void mr_purge_sweep(uint64_t now)
{
    uint64_t due = atomic_load_explicit(&next_sweep_ms, memory_order_relaxed);
    if (MR_LIKELY(now < due))
        return;
    if (!atomic_compare_exchange_strong(&next_sweep_ms, &due, now + SWEEP_EVERY_MS))
        return;
    mr_space_purge(false);
    mr_lock_acquire(&mr_space_lock);
    if (now >= limit_lowered_ms + mr_conf.purge_delay)
        end_delay(now);
    mr_lock_release(&mr_space_lock);
}

bool mr_purge_is_due(void) { return !swings && dirty_bytes() > dirty_limit; }

void mr_purge_early(uint64_t now)
{
    size_t bytes = purge_until(mr_purge_tick(now) + 1);
    mr_lock_acquire(&mr_space_lock);
    given_early += bytes;
    atomic_fetch_add_explicit(&mr_purge_early_count, 1, memory_order_relaxed);
    mr_lock_release(&mr_space_lock);
}

void mr_purge_regret(size_t bytes)
{
    if (given_early == 0)
        return;
    size_t back = mr_min(given_early, bytes);
    given_early -= back;
    wanted_back += back;
    dirty_limit += 2 * back;
    swings = swings || wanted_back >= SWING_LEAST;
}

void mr_purge_reuse(size_t bytes) { used_again += bytes; }
