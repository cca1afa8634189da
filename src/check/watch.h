/* watch.h: the allocation functions while somebody watches (MEMOIR_TRACE, MEMOIR_CHECK).
 *
 * The entry layer's slow paths come here when mr_heap_watch is anything but MR_WATCH_NOTHING; each function
 * does what its namesake of heap.h does, for a request that came `from` there. */
#ifndef MR_CHECK_WATCH_H
#define MR_CHECK_WATCH_H

#include "heap.h"
#include "os.h"
#include "track.h"

/* The caller of the function it stands in. */
#define MR_WATCH_CALLER (&(struct mr_unwind_start[]){ MR_UNWIND_HERE() }[0])

void *mr_watch_malloc(const struct mr_unwind_start *from, size_t size);
void *mr_watch_calloc(const struct mr_unwind_start *from, size_t size);
void *mr_watch_aligned(const struct mr_unwind_start *from, size_t align, size_t size);
void *mr_watch_realloc(const struct mr_unwind_start *from, void *p, size_t size, enum mr_freed *freed);
enum mr_freed mr_watch_free(const struct mr_unwind_start *from, void *p);
size_t mr_watch_usable(const void *p, enum mr_freed *known);

/* The stack of a caller, as a node of FRAMES; 0 where call stacks are not recorded. */
uint32_t mr_watch_stack(const struct mr_unwind_start *from);

/* Memory of ours that holds addresses of blocks and is no root; at most 66 ranges. */
size_t mr_watch_tables(struct mr_range *ranges, size_t cap);

/* In a fork child, after the ledger has become its own, or (recorded false) cannot. */
void mr_watch_forked(bool recorded);

/* Opens the ledger, also for a program that never allocates. Returns why its file cannot be had, or NULL. */
const char *mr_watch_start(void);

#endif
