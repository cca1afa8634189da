/* stacks.h: from stacks to sites. Internal to track/. */
#ifndef MR_TRACK_STACKS_H
#define MR_TRACK_STACKS_H

#include "track.h"

/* ---- stacks.c */
bool mr_stacks_boot(void);

/* The site of a stack, or 0. One that was never met is interned, unless that would be waiting in a handler. */
uint32_t mr_stacks_site(struct mr_unwound *stack, bool may_wait);

uint32_t mr_stacks_node(struct mr_unwound *stack, bool may_wait); /* the same for its node */

bool mr_stacks_lock(void); /* false: it is this thread's already, a handler interrupted it */
void mr_stacks_unlock(void);
bool mr_stacks_is_held(void); /* by this thread */
void mr_stacks_forget(void); /* the hashes have a new salt */
void mr_stacks_forked(void);

/* ---- frames.c: the tree of callers. Under the lock of stacks.c. */
bool mr_frames_boot(void);

/* The node for `pc` called from node `caller` (0: outermost), made if need be; 0: no room. */
uint32_t mr_frames_child(uint32_t caller, uint64_t pc);

/* ---- modules.c: what is loaded. Under the lock of stacks.c. */
uint32_t mr_modules_of(uintptr_t pc); /* MODULES; 0: in none */
void mr_modules_check(void);          /* marks those that are gone */

#endif
