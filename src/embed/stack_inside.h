/* stack_inside.h: what the files of memoir/stack.h share.
 *
 *   base        base+16                                  top                  end            limit
 *   |  nothing  | header | block ... | header | block ... |  free, committed   |  reserved    |
 *                8 bytes  ^ at 16 n
 *
 * Invariants (I1: always; I2, I3: memoir_stack_check):
 *   I1  base + 16 <= top <= end <= limit; base = top = 8 modulo 16
 *   I2  a block lies where its successor's header says: last(k) = block(k + 1) - 8 back(k + 1), and the lowest is
 *       base + 8, which stands for "none"; the header of block k + 1 lies above block k
 *   I3  with magic words: those of each block are what they were
 *
 * A stack whose every call needs more than its inline half does is "careful": its state is `real`, and the
 * pointers that the inline halves see all lead NOWHERE: no room, no last block, no mark below the top. */
#ifndef MR_EMBED_STACK_INSIDE_H
#define MR_EMBED_STACK_INSIDE_H

#include <pthread.h>

#include "base.h"

#include "memoir/stack.h"

enum { MR_STACK_NONE = 8, MR_STACK_BOTTOM = 16 }; /* from base on */
#define MR_STACK_NOWHERE ((char *)8)

struct mr_stack {
    struct memoir_stack face;
    struct memoir_stack real;
    struct memoir_stack_options options;
    uint64_t failures;
    char *limit;
    void *memory; /* reserved from the system, NULL over a caller's buffer */
    size_t bytes;
    pthread_mutex_t mutex;
};
_Static_assert(sizeof(struct mr_stack) + MR_STACK_BOTTOM + 8 <= MEMOIR_STACK_OVERHEAD, 
               "what the header promises of a caller's buffer");

struct mr_stack_fault {
    enum memoir_stack_error kind;
    const void *pointer;
    const char *words; /* NULL: no fault */
};
#define MR_STACK_FAULT(kind, pointer, words) ((struct mr_stack_fault){ (kind), (pointer), (words) })

MR_INLINE struct mr_stack *mr_stack_whole(struct memoir_stack *stack) { return (struct mr_stack *)stack; }
MR_INLINE bool mr_stack_has(const struct mr_stack *s, unsigned flags) { return (s->options.flags & flags) != 0; }
MR_INLINE struct memoir_stack *mr_stack_state(struct mr_stack *s)
{
    return s->face.base == MR_STACK_NOWHERE ? &s->real : &s->face;
}

/* Tells the handler, with no lock held. stack may be NULL. */
void mr_stack_tell(const struct memoir_stack_options *options, struct memoir_stack *stack, struct mr_stack_fault f);

#endif
