/* step.h: from one frame to the next one out. What unwind.c does not do in its loop. */
#ifndef MR_TRACK_STEP_H
#define MR_TRACK_STEP_H

#include "rules.h"
#include "unwind.h"

struct mr_step_state {
    uintptr_t pc, sp, bp;
};

/* Leaves the frame by a rule that is not MR_ROW_SP, MR_ROW_BP or MR_ROW_END: fills in all of `step` but pc, sp and
 * bp. Returns 0, or the mark the stack ends with. */
uintptr_t mr_step_other(struct mr_bounds *bounds, uint64_t rule, struct mr_step_state *state, struct mr_unwind_step *step);

#endif
