/* fences.h: the inaccessible slices at the ends of spans (MEMOIR_HARDEN).
 *
 * A span that is given back keeps its guard: the next span there is most often as long, and threads that end would else
 * make two system calls for each of theirs. What else is taken there opens the guards it covers, with one call.
 *
 *   guards = sum of the bits in the fences of all regions <= as many as there are mappings for */
#ifndef MR_HEAP_FENCES_H
#define MR_HEAP_FENCES_H

#include "space.h"

/* Before the first region. */
void mr_fences_init(bool on);

/* The bits of a new region. False: no memory. */
bool mr_fences_reserve(struct mr_region *region);

/* Makes the last slice of a span that was taken inaccessible, if there are mappings left for that (`zero`: it costs
 * nothing now), and all others accessible; or the last one too. False: the system refuses; a span nobody uses is then set
 * aside, and called back when there is no other memory. */
bool mr_fences_close(struct mr_slab *head, bool zero);
bool mr_fences_open(struct mr_slab *head);
void mr_fences_set_aside(struct mr_slab *head);
void mr_fences_call_back(void);

#endif
