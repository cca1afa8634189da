/* spans.h: the space on its own: no heap is set up, mr_space_init is the first call. */
#ifndef MR_TEST_SPANS_H
#define MR_TEST_SPANS_H

#include "facts.h"

static inline void start(void) { cr_assert(mr_space_init()); }

static inline char *take(uint32_t slices, bool *zero)
{
    struct mr_slab *head = mr_space_take(slices, 1, zero);
    return head ? mr_lookup_start(head) : NULL;
}

static inline void give(void *p) { mr_space_give(mr_lookup_slice(p), false); }

static inline size_t dirty(void) { return mr_regions[0].pool.dirty_units * MR_SLICE; }

#define EXPECT_SPACE_SOUND() cr_expect_null(mr_space_check())

#endif
