/* sites.h: what the files of track share about figures. Internal to track/. */
#ifndef MR_TRACK_SITES_H
#define MR_TRACK_SITES_H

#include "track.h"

/* The figures of one site, and of all, as they are now. */
struct mr_sum mr_sites_sum(uint32_t site);
struct mr_sum mr_sites_total(void);

/* ---- lanes.c */
struct mr_ledger_lane *mr_lanes_take(void); /* NULL: all are taken */
void mr_lanes_give(struct mr_ledger_lane *lane);
bool mr_lanes_is_held(void);                /* the lock, by this thread */
unsigned mr_lanes_used(void);               /* at least 1 */
void mr_lanes_forked(const struct mr_ledger_lane *kept);

/* ---- peaks.c: bytes in use may be at a new height; sets the caller's limit. */
void mr_peaks_boot(void);
void mr_peaks_look(struct mr_track *t);
void mr_peaks_settle(void);
void mr_peaks_forked(void);

/* ---- timeline.c: looks at the clock, and writes a moment if one is due (or, settling, in any case). */
void mr_timeline_boot(void);
void mr_timeline_look(void);
void mr_timeline_settle(void);
void mr_timeline_forked(void);

#endif
