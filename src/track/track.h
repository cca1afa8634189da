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
#include "unwind.h"

/* One thread's part. In memory of the caller's, zero before mr_track_begin. */
struct mr_track {
    struct mr_ledger_lane *lane;          /* NULL: all were taken; books to the sites themselves */
    const void *last;                     /* block of the last allocation, if nothing was freed since */
    int64_t limit;                        /* the peak is looked at when the lane has more bytes in use (peaks.c) */
    bool busy;                            /* a call is under way: a handler must leave the struct alone */
    uint8_t credit[MR_LANE_ENTRIES];      /* events of other sites an entry of the lane bears before it gives way */
    struct mr_unwind unwind;
};

/* Once, after mr_writer_open: false when there is no memory for the tables. */
bool mr_track_boot(void);

/* A thread's struct is taken into use, and given up: its figures stay, its lane is the next thread's. */
void mr_track_begin(struct mr_track *t);
void mr_track_end(struct mr_track *t);

/* The site of the stack that begins at `start`. t may be NULL, here and below. */
uint32_t mr_track_here(struct mr_track *t, const struct mr_unwind_start *start);

/* The stack that begins at `start`, as a node of FRAMES, without making a site of it; 0 as above. */
uint32_t mr_track_stack(struct mr_track *t, const struct mr_unwind_start *start);

/* Books a block. What is given at its free is what was given at its allocation. */
void mr_track_alloc(struct mr_track *t, uint32_t site, size_t bytes, const void *block);
void mr_track_free(struct mr_track *t, uint32_t site, size_t bytes, const void *block);

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

#endif
