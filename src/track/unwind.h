/* unwind.h: who called? The return addresses of the calling thread's stack, at a few nanoseconds a frame.
 *
 * A frame is the state a function has while it waits for a call to return: (pc, sp, bp), pc the return
 * address. What one frame says of the next is a row of rules.h. Each thread remembers its last stack; a
 * walk ends at the first frame it remembers:
 *
 *   frame(i - 1) = step(frame(i), memory)       frame 1 is the outermost
 *   checks [1, frames[i].checks] = every word of memory that steps 2..i depend on: address and value
 *
 * so frames 1..i hold again if frame i is met again and its checks read the same. They are compared from the
 * innermost outwards, up to the first that differs: then each address is one the walk itself would
 * have read, and a stack that is gone is never touched.
 *
 * Nothing here allocates, waits, or takes a lock; a signal handler may interrupt a walk and do another with
 * another struct mr_unwind. */
#ifndef MR_TRACK_UNWIND_H
#define MR_TRACK_UNWIND_H

#include <stdatomic.h>

#include "base.h"
#include "bounds.h"

/* Stack memory as it is, red zones of AddressSanitizer included. */
#define MR_READS_STACKS __attribute__((no_sanitize_address, no_sanitize_thread))

/* Where a walk begins: the caller of an allocation function. */
struct mr_unwind_start {
    uintptr_t pc, sp, bp;
};

/* In a function the program calls (or tail-calls): its caller. The function gets a frame pointer by this. */
#define MR_UNWIND_HERE()                                                       \
    ({                                                                         \
        const uintptr_t *frame_ = __builtin_frame_address(0);                  \
        (struct mr_unwind_start){ frame_[1], (uintptr_t)(frame_ + 2), frame_[0] }; \
    })

#define MR_UNWIND_DEPTH 1024

struct mr_unwind_frame {
    uintptr_t pc;          /* as in the ledger: a return address, an interrupted one + 1, or a mark */
    uintptr_t sp, bp;
    uint64_t hash;         /* of the outermost to this one */
    uint32_t checks : 31;  /* the last of its checks; at most 3 for each step */
    uint32_t needs_bp : 1; /* frames further out depend on bp */
    uint32_t user;         /* the caller's: 0 in a frame that is new, kept while it is remembered */
};

struct mr_unwind_check {
    uintptr_t at, value;
};

/* One step of the walk under way, innermost first. */
struct mr_unwind_step {
    uintptr_t pc, sp, bp;
    uintptr_t bp_at;   /* where the next frame's bp was read; 0: bp went on unchanged */
    uint32_t uses_bp;  /* 0 or 1 */
    uint32_t unusual;  /* 0: the next frame's pc was read right below its sp, and this is all. Else, MR_STEP_*: */
    uintptr_t pc_at;
    struct mr_unwind_check more; /* another word the step depends on; at 0: none */
};
enum {
    MR_STEP_UNUSUAL = 1,
    MR_STEP_SIGNAL = 2,    /* the next frame was interrupted: its pc is one more than what was read */
    MR_STEP_UNCHECKED = 4, /* the step depends on more than the words named */
};

/* One thread's memory of its last stack: zero at first. Large and sparse: a walk of 20 frames touches three OS
 * pages of it. */
struct mr_unwind {
    const struct mr_unwind_frame *last; /* the innermost if the whole stack may be met again, else frames */
    uint32_t epoch, depth;
    uint32_t known;              /* so many of the outermost may be met again: further in, something was not checked */
    struct mr_bounds bounds;
    struct mr_unwind_check checks[3 * MR_UNWIND_DEPTH + 1]; /* checks[0] never reads as it did, and ends every look */
    struct mr_unwind_frame frames[MR_UNWIND_DEPTH + 2];     /* frames[0] is none: its sp is above all */
    struct mr_unwind_step steps[MR_UNWIND_DEPTH];
};

struct mr_unwound {
    struct mr_unwind_frame *frames; /* [0, depth), outermost first; valid until the thread's next walk */
    uint64_t hash;                  /* of all frames, salted with the epoch; never 0 */
    uint32_t depth;                 /* a mark (format.h) counts as a frame, the outermost */
    uint32_t same;                  /* so many of the outermost are as they were, their `user` included */
    bool unchanged;                 /* it is exactly the last one */
};

/* Rules and hashes are of this epoch; a memory of another is none. Never 0, so that one that was never used is out of date. */
extern MR_HIDDEN _Atomic uint32_t mr_unwind_epoch;

MR_INLINE bool mr_unwind_is_frame(const struct mr_unwind_frame *f, uintptr_t pc, uintptr_t sp, uintptr_t bp)
{
    return f->sp == sp && f->pc == pc && (f->bp == bp || !f->needs_bp);
}

MR_READS_STACKS MR_INLINE bool mr_unwind_reads(const struct mr_unwind_check *c)
{
    return MR_LIKELY(*(const volatile uintptr_t *)c->at == c->value);
}

/* The first of checks n, n - 1, ... that reads otherwise; 0: all read as they did. */
MR_READS_STACKS MR_INLINE uint32_t mr_unwind_differing(const struct mr_unwind_check *checks, uint32_t n)
{
    const struct mr_unwind_check *c = checks + n;
    for (;; c -= 4) { /* unrolled by hand: compilers move the pointer after each */
        if (!mr_unwind_reads(c))
            return (uint32_t)(c - checks);
        if (!mr_unwind_reads(c - 1))
            return (uint32_t)(c - checks) - 1;
        if (!mr_unwind_reads(c - 2))
            return (uint32_t)(c - checks) - 2;
        if (!mr_unwind_reads(c - 3))
            return (uint32_t)(c - checks) - 3;
    }
}

void mr_unwind_walk(struct mr_unwind *u, const struct mr_unwind_start *start, struct mr_unwound *out);

/* The number kept with the whole stack: 0 if it is new. */
MR_INLINE uint32_t mr_unwind_user(const struct mr_unwound *stack) { return stack->frames[stack->depth - 1].user; }
MR_INLINE void mr_unwind_keep(struct mr_unwound *stack, uint32_t user) { stack->frames[stack->depth - 1].user = user; }

/* An object was unloaded: what is known of its addresses is dropped, every thread forgets its last stack, hashes are
 * salted anew. To be called before the unloading thread can load another in its place. */
void mr_unwind_flush(void);

/* In a fork child: whoever kept the rows tidy is gone. */
void mr_unwind_after_fork(void);

#endif
