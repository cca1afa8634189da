/* guard.h: blocks beside inaccessible pages (MEMOIR_GUARD): which are, and what a fault there says. */
#ifndef MR_CHECK_GUARD_H
#define MR_CHECK_GUARD_H

#include "heap.h"
#include "track.h"

/* Requests of the calling thread until the next such block. */
extern MR_HIDDEN MR_TLS int64_t mr_guard_until;

/* Nothing else is watched: neither call stacks, nor what a program does to its blocks, nor which requests fail. */
extern MR_HIDDEN bool mr_guard_alone;

void *mr_guard_take_now(const struct mr_unwind_start *from, size_t size, size_t align, bool *zero);

/* The block, booked, if it is this request's turn and there is room; else NULL. */
MR_INLINE void *mr_guard_take(const struct mr_unwind_start *from, size_t size, size_t align, bool *zero)
{
    return MR_LIKELY(--mr_guard_until > 0) ? NULL : mr_guard_take_now(from, size, align, zero);
}

/* For the entry layer, before it comes to the watcher: a small block that is at hand, where guarded blocks are all that is
 * watched and this request is none; else NULL, and nothing happened. */
MR_INLINE void *mr_guard_try_malloc(size_t size)
{
    struct mr_heap *heap = mr_heap_self;
    if (MR_LIKELY(!mr_guard_alone) || mr_guard_until <= 1 || size > MR_SLAB_MAX || !mr_heap_is_real(heap))
        return NULL;
    void *p = mr_heap_pop(heap->behind[mr_sizeclass_of(size)]);
    mr_guard_until -= p != NULL;
    return p;
}

/* What watch.h's namesakes do, for a pointer that lies among them (mr_guarded_holds). */
enum mr_freed mr_guard_free(const struct mr_unwind_start *from, void *p);
void *mr_guard_realloc(const struct mr_unwind_start *from, void *p, size_t size, enum mr_freed *freed);

/* What there is to say of a pointer that is given back and lies among them, though no block in use starts there. False:
 * it does not lie there. */
bool mr_guard_bad_pointer(const char *call, const void *p, const struct mr_unwind_start *from);

#endif
