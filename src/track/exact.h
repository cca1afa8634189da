/* exact.h: the slow way: all registers, from here, rule by rule. For frames whose address depends on a register
 * that walks do not follow: the dynamic linker's resolver keeps its frame address in rbx. */
#ifndef MR_TRACK_EXACT_H
#define MR_TRACK_EXACT_H

#include "bounds.h"

struct mr_exact_frame {
    uintptr_t pc, sp, bp; /* pc as in struct mr_unwind_frame */
};

/* Replaces a frame of the calling thread by its caller's. False when it is not met or cannot be left. */
bool mr_exact_step(struct mr_bounds *bounds, struct mr_exact_frame *frame);

#endif
