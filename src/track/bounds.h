/* bounds.h: which memory around a stack pointer may be read.
 *
 * A stack is known as far as it was looked at: [lo, hi), whole OS pages, each found readable when it was added. A
 * thread may have several (coroutines, signal stacks); stacks[0] is the one in use. A stack may be unmapped
 * later, so a page here is safe to read only from a live stack pointer outwards. */
#ifndef MR_TRACK_BOUNDS_H
#define MR_TRACK_BOUNDS_H

#include "base.h"

struct mr_bounds {
    struct mr_bounds_stack {
        uintptr_t lo, hi;
    } stacks[4];
};

/* Makes the stack `at` lies in the one in use. False when that address cannot be read. */
bool mr_bounds_enter_rest(struct mr_bounds *b, uintptr_t at);
MR_INLINE bool mr_bounds_enter(struct mr_bounds *b, uintptr_t at)
{
    const struct mr_bounds_stack *s = &b->stacks[0];
    return MR_LIKELY(at - s->lo < s->hi - s->lo) || mr_bounds_enter_rest(b, at);
}

/* Extends the stack in use so that end <= hi. False when there is something unreadable between. */
bool mr_bounds_reach_rest(struct mr_bounds *b, uintptr_t end);
MR_INLINE bool mr_bounds_reach(struct mr_bounds *b, uintptr_t end)
{
    return MR_LIKELY(end <= b->stacks[0].hi) || mr_bounds_reach_rest(b, end);
}

#endif
