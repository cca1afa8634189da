/* purge.h: giving the memory of free spans back to the system. Part of the space. */
#ifndef MR_HEAP_PURGE_H
#define MR_HEAP_PURGE_H

#include "space.h"

/* The clock's start; once. */
void mr_purge_start(uint64_t now);

/* The stamp a span that is freed at this moment carries; never 0. */
uint32_t mr_purge_tick(uint64_t now);

/* Called after every operation on the pool, without the lock: traffic drives the decay. */
void mr_purge_sweep(uint64_t now);

/* Under the lock, after a give: whether more is kept than may be. mr_purge_early, without the lock, then
 * gives it back at once. */
bool mr_purge_is_due(void);
void mr_purge_early(uint64_t now);

/* Early purges so far: heaps that see it change give back what they keep at hand. */
extern MR_HIDDEN _Atomic uint32_t mr_purge_early_count;

/* Under the lock: a take of so many bytes could not be met from what was kept. */
void mr_purge_regret(size_t bytes);

/* Under the lock: a take of so many bytes was met from what was kept. */
void mr_purge_reuse(size_t bytes);

#endif
