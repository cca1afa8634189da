/* recent.h: the sites of stacks met lately. Of track.h.
 *
 * Most requests come from a stack whose outer part is that of the last one, and whose few inner frames were met before:
 * four of five differ from the last stack, and of these 96 to 100 of 100 (compilers: half) are among the last thousand.
 * For such a stack there is no need to walk, to remember and to look it up again:
 *
 *   stack = its frames further in than `join`, which `checks` lead to  +  frames 1..join of the memory (unwind.h)
 *
 *   it is met again  <=  (pc, sp, bp) are its innermost frame's, its own checks read the same, the memory's frame `join` is
 *                        the one it was (hash, sp, bp), and that one's checks read the same
 *
 * Checks are compared from the innermost outwards, so each address is one a walk would have read. */
#ifndef MR_TRACK_RECENT_H
#define MR_TRACK_RECENT_H

#include "unwind.h"

enum { MR_RECENT_CHECKS = 12, MR_RECENT_SETS = 256, MR_RECENT_WAYS = 4 };

struct mr_recent_stack {
    uintptr_t pc, sp, bp;
    uint32_t site;         /* 0: none is here */
    uint16_t join;
    uint8_t count : 7, needs_bp : 1;
    uint8_t telling;       /* the check by which it differs from another stack of the same pc and sp */
    uint64_t join_hash;
    uintptr_t join_sp, join_bp;
    struct mr_unwind_check checks[MR_RECENT_CHECKS]; /* [0, count), innermost first */
};
_Static_assert(sizeof(struct mr_recent_stack) <= 256, "four cache lines");

/* One thread's; zero at first. A stack is kept when it is walked the second time. */
enum { MR_RECENT_ONCE = 1024 };
struct mr_recent {
    uint32_t once[MR_RECENT_ONCE]; /* by pc, sp and site: what was walked last */
    uint8_t turn[MR_RECENT_SETS]; /* the place that is given away next */
    MR_ALIGNED(MR_CACHE_LINE) struct mr_recent_stack stacks[MR_RECENT_SETS][MR_RECENT_WAYS];
};

/* The site of the stack that begins there, or 0: it must be walked. */
uint32_t mr_recent_find(const struct mr_recent *r, const struct mr_unwind *u, uintptr_t pc, uintptr_t sp, uintptr_t bp);

/* The stack that was walked just now is that of a site. */
void mr_recent_keep(struct mr_recent *r, const struct mr_unwind *u, const struct mr_unwound *stack, uint32_t site);

#endif
