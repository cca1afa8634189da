/* track.h: the face of track: who asked for memory, and how much.
 *
 * A request is traced in two steps: mr_track_here walks the stack and says which site it is, mr_track_alloc
 * books it there; the block remembers the site, and mr_track_free books its end. All figures live in
 * the ledger, so whoever reads that sees what was booked up to the last instruction of the process.
 *
 * A thread books into its lane with plain additions (lanes.c). A call made without a thread's struct, or from a
 * signal handler that interrupted a call with the same struct, adds to the site itself, atomically.
 *
 *   site 0: stacks there was no room for, or that could not be interned in a handler
 *
 * Nothing here allocates, waits for the loader, or changes errno; everything may be called in signal handlers. */
#ifndef MR_TRACK_H
#define MR_TRACK_H

#include "base.h"
#include "ledger.h"
#include "recent.h"
#include "unwind.h"

/* One thread's part. In memory of the caller's, zero before mr_track_begin. */
struct mr_track {
    struct mr_ledger_lane *lane;          /* NULL: all were taken; books to the sites themselves */
    const void *last;                     /* block of the last allocation, if nothing was freed since */
    int64_t limit;                        /* the peak is looked at when the lane has more bytes in use (peaks.c) */
    bool busy;                            /* a call is under way: a handler must leave the struct alone */
    uint8_t credit[MR_LANE_ENTRIES];      /* events of other sites an entry of the lane bears before it gives way */
    uint32_t site;                        /* of the stack that `unwind` remembers; 0: not looked up */
    struct mr_unwind unwind;
    struct mr_recent recent;
    struct mr_recent frees; /* the same of stacks that are no sites: mr_track_stack's nodes */
};

/* Once, after mr_writer_open: false when there is no memory for the tables. */
bool mr_track_boot(void);

/* A thread's struct is taken into use, and given up: its figures stay, its lane is the next thread's. */
void mr_track_begin(struct mr_track *t);
void mr_track_end(struct mr_track *t);

/* The site of the stack that begins at `start`. t may be NULL, here and below. */
uint32_t mr_track_here(struct mr_track *t, const struct mr_unwind_start *start);

/* The same when that takes no walk, in three steps. 0, and nothing happened, if it does. For whoever has t to itself. */
bool mr_track_agrees(struct mr_track *t, uint32_t site, uintptr_t pc, uintptr_t sp, uintptr_t bp);

/* Its innermost frame is that of the thread's last stack. */
MR_INLINE bool mr_track_may_be_last(const struct mr_track *t, uintptr_t pc, uintptr_t sp, uintptr_t bp)
{
    const struct mr_unwind *u = &t->unwind;
    return u->epoch == atomic_load_explicit(&mr_unwind_epoch, memory_order_acquire) &&
           mr_unwind_is_frame(u->last, pc, sp, bp);
}

/* And so are the others. */
MR_READS_STACKS MR_INLINE uint32_t mr_track_last(const struct mr_track *t)
{
    const struct mr_unwind *u = &t->unwind;
    return mr_unwind_differing(u->checks, u->last->checks) == 0 ? t->site : 0;
}

/* Else it may have been met lately. */
MR_INLINE uint32_t mr_track_met(struct mr_track *t, uintptr_t pc, uintptr_t sp, uintptr_t bp)
{
    const struct mr_unwind *u = &t->unwind;
    if (MR_UNLIKELY(u->epoch != atomic_load_explicit(&mr_unwind_epoch, memory_order_acquire)))
        return 0;
    uint32_t site = mr_recent_find(&t->recent, u, pc, sp, bp);
    MR_EXPENSIVE(!MR_EVERY(100) || mr_track_agrees(t, site, pc, sp, bp), "a stack that was met lately is the one that is there");
    return site;
}

/* All of that. */
MR_INLINE uint32_t mr_track_known(struct mr_track *t, uintptr_t pc, uintptr_t sp, uintptr_t bp)
{
    uint32_t site = mr_track_may_be_last(t, pc, sp, bp) ? mr_track_last(t) : 0;
    return site ? site : mr_track_met(t, pc, sp, bp);
}

/* The stack that begins at `start`, as a node of FRAMES, without making a site of it; 0 as above. */
uint32_t mr_track_stack(struct mr_track *t, const struct mr_unwind_start *start);

/* The same when that takes no walk, as mr_track_known. */
bool mr_track_stack_agrees(struct mr_track *t, uint32_t node, uintptr_t pc, uintptr_t sp, uintptr_t bp);
MR_READS_STACKS MR_INLINE uint32_t mr_track_known_stack(struct mr_track *t, uintptr_t pc, uintptr_t sp, uintptr_t bp)
{
    const struct mr_unwind *u = &t->unwind;
    uint32_t node;
    if (MR_UNLIKELY(u->epoch != atomic_load_explicit(&mr_unwind_epoch, memory_order_acquire)))
        return 0;
    if (mr_unwind_is_frame(u->last, pc, sp, bp) && mr_unwind_differing(u->checks, u->last->checks) == 0)
        node = u->last->user;
    else
        node = mr_recent_find(&t->frees, u, pc, sp, bp);
    MR_EXPENSIVE(!MR_EVERY(100) || mr_track_stack_agrees(t, node, pc, sp, bp), "a stack that was met lately is the one that is there");
    return node;
}

/* Books a block. What is given at its free is what was given at its allocation. */
void mr_track_alloc(struct mr_track *t, uint32_t site, size_t bytes, const void *block);
void mr_track_free(struct mr_track *t, uint32_t site, size_t bytes, const void *block);

/* The same by the shortest way, for whoever has t to itself and does what is said to be left to do. */
enum mr_track_left {
    MR_TRACK_ALL,          /* nothing happened: it is for the functions above */
    MR_TRACK_NOTHING,
    MR_TRACK_LOOK_DUE,     /* mr_track_look(t, false) */
    MR_TRACK_PEAK_LOOK_DUE /* mr_track_look(t, true) */
};
enum { MR_TRACK_LOOK = 256 }; /* so many events of a lane are between two looks at the clock */
void mr_track_look(struct mr_track *t, bool at_the_peak);

MR_INLINE enum mr_track_left mr_track_try_alloc(struct mr_track *t, uint32_t site, size_t bytes, const void *block)
{
    struct mr_ledger_lane *lane = t->lane;
    struct mr_ledger_delta *d = &lane->deltas[site % MR_LANE_ENTRIES];
    if (MR_UNLIKELY(!lane || MR_GLANCE(d->site) != site))
        return MR_TRACK_ALL;
    MR_ADD(d->allocs, 1);
    MR_ADD(d->alloc_bytes, bytes);
    uint64_t events = MR_ADD(lane->allocs, 1);
    bool high = (int64_t)(MR_ADD(lane->alloc_bytes, bytes) - MR_GLANCE(lane->freed_bytes)) > t->limit;
    t->last = block;
    if (MR_UNLIKELY(high | (events % MR_TRACK_LOOK == 0)))
        return high ? MR_TRACK_PEAK_LOOK_DUE : MR_TRACK_LOOK_DUE;
    return MR_TRACK_NOTHING;
}

MR_INLINE enum mr_track_left mr_track_try_free(struct mr_track *t, uint32_t site, size_t bytes, const void *block)
{
    struct mr_ledger_lane *lane = t->lane;
    struct mr_ledger_delta *d = &lane->deltas[site % MR_LANE_ENTRIES];
    if (MR_UNLIKELY(!lane || MR_GLANCE(d->site) != site))
        return MR_TRACK_ALL;
    MR_ADD(d->frees, 1);
    MR_ADD(d->freed_bytes, bytes);
    if (block == t->last)
        MR_ADD(d->temporary, 1);
    uint64_t events = MR_ADD(lane->frees, 1);
    MR_ADD(lane->freed_bytes, bytes);
    t->last = NULL;
    return MR_UNLIKELY(events % MR_TRACK_LOOK == 0) ? MR_TRACK_LOOK_DUE : MR_TRACK_NOTHING;
}

/* The same for blocks that were sampled with this mean: each stands for those that were not (sample.c). */
void mr_track_alloc_sampled(struct mr_track *t, uint32_t site, size_t bytes, const void *block, uint64_t mean);
void mr_track_free_sampled(struct mr_track *t, uint32_t site, size_t bytes, const void *block, uint64_t mean);

/* This thread holds locks of track's, so whoever asks is a handler that interrupted it: until that is done others may wait
 * for them, and it must not wait for those. */
bool mr_track_is_held(void);

/* Objects were unloaded: those that are gone are marked, stacks are walked afresh. After each dlclose. */
void mr_track_modules_changed(void);

/* The last moment of the timeline, and the peak if the end is the highest; before mr_writer_end. Also for whoever
 * wants the figures up to date at any time. */
void mr_track_settle(void);

/* In a fork child, after mr_writer_forked. `t` is the forking thread's, or NULL. */
void mr_track_forked(struct mr_track *t);

/* ---- sampling (sample.c) ------------------------------------------------------------------------------
 * Every byte asked for is a sample with the same small chance 1/mean, whatever its neighbours (a Poisson
 * process): so the gap to the next sample is exponential, and a block of s bytes is sampled with the chance
 * 1 - exp(-s/mean). */
struct mr_sample { uint64_t state; }; /* any seed but that of another thread */

/* Bytes up to and with the next sampled one, at least 1. mean > 0. */
int64_t mr_sample_next(struct mr_sample *sample, uint64_t mean);

/* How many blocks of this size a sampled one stands for, 1 / (1 - exp(-bytes/mean)); never below 1. */
double mr_sample_weight(uint64_t bytes, uint64_t mean);

/* Called about once per moment of the timeline, by whoever just allocated; NULL: nobody. It may only try locks. */
extern void (*mr_timeline_also)(void);

#endif
