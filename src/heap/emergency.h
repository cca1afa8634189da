/* emergency.h: blocks for requests that arrive where the heap cannot be touched: in a signal handler
 * that interrupted the heap's own locked sections, or while the heap is being set up.
 *
 * Each is a mapping of its own, in a small table without a lock. Rare by nature; correct rather
 * than fast. */
#ifndef MR_HEAP_EMERGENCY_H
#define MR_HEAP_EMERGENCY_H

#include "heap.h"

/* A zeroed block aligned to `align`. NULL: no memory, or the table is full. Async-signal-safe. */
void *mr_emergency_take(size_t size, size_t align);

/* MR_NOT_OURS when p is none of these. */
enum mr_freed mr_emergency_free(void *p);

/* Usable bytes; 0 when p is none of these. */
size_t mr_emergency_usable(const void *p);

/* Adds what was taken and given to the rows of large blocks. */
void mr_emergency_look(struct mr_heap_stats *stats);

/* Calls `each` for the blocks in use. */
bool mr_emergency_walk(mr_heap_each *each, void *ctx);

#endif
