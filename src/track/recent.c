#include "recent.h"

#include "ledger.h"

static uint32_t set_of(uintptr_t pc, uintptr_t sp)
{
    return (uint32_t)((pc ^ sp << 7) * 0x9e3779b97f4a7c15u >> 56);
}
_Static_assert(MR_RECENT_SETS == 1 << (64 - 56), "as many sets as set_of has results");

/* ---- finding ------------------------------------------------------------------------------------------ */

/* A look ahead, before the checks further in are known to read as they did: so only inside the stack as it is known. */
MR_READS_STACKS MR_INLINE bool tells(const struct mr_unwind *u, const struct mr_recent_stack *s)
{
    const struct mr_unwind_check *c = &s->checks[s->telling];
    const struct mr_bounds_stack *stack = &u->bounds.stacks[0];
    return s->sp - stack->lo < stack->hi - stack->lo && c->at - s->sp < stack->hi - s->sp &&
           *(const volatile uintptr_t *)c->at == c->value;
}

MR_READS_STACKS MR_INLINE bool holds(const struct mr_unwind *u, const struct mr_recent_stack *s)
{
    const struct mr_unwind_frame *join = u->frames + s->join;
    if (s->join > u->known || join->hash != s->join_hash || join->sp != s->join_sp ||
        (join->needs_bp && join->bp != s->join_bp))
        return false;
    for (const struct mr_unwind_check *c = s->checks, *end = c + s->count; c < end; c++)
        if (*(const volatile uintptr_t *)c->at != c->value)
            return false;
    return mr_unwind_differing(u->checks, join->checks) == 0;
}

MR_READS_STACKS uint32_t mr_recent_find(const struct mr_recent *r, const struct mr_unwind *u, uintptr_t pc, uintptr_t sp, uintptr_t bp)
{
    const struct mr_recent_stack *s = r->stacks[set_of(pc, sp)];
    for (const struct mr_recent_stack *end = s + MR_RECENT_WAYS; s < end; s++)
        if (s->pc == pc && s->sp == sp && (s->bp == bp || !s->needs_bp) && tells(u, s) && holds(u, s))
            return s->site;
    return 0;
}

/* ---- keeping ------------------------------------------------------------------------------------------- */

/* The frames that were there before are likely to stay. */
static uint32_t join_of(const struct mr_unwind *u, uint32_t same)
{
    enum { GUESS = 4 };
    uint32_t join = same ? same : u->depth - mr_min(u->depth, GUESS);
    while (u->frames[u->depth].checks - u->frames[join].checks > MR_RECENT_CHECKS)
        join++;
    return join;
}

/* The place of the same stack with another join, else the one whose turn it is. */
static struct mr_recent_stack *place_for(struct mr_recent *r, const struct mr_unwind_frame *f, uint32_t site)
{
    uint32_t set = set_of(f->pc, f->sp);
    for (uint32_t i = 0; i < MR_RECENT_WAYS; i++) {
        struct mr_recent_stack *s = &r->stacks[set][i];
        if (s->site == site && s->pc == f->pc && s->sp == f->sp)
            return s;
    }
    return &r->stacks[set][r->turn[set]++ % MR_RECENT_WAYS];
}

/* Two stacks that begin at the same place are told apart by the first check that wants another value there. */
static void tell_apart(struct mr_recent_stack *a, struct mr_recent_stack *b)
{
    if (a == b || a->pc != b->pc || a->sp != b->sp)
        return;
    for (uint8_t i = 0; i < mr_min(a->count, b->count) && a->checks[i].at == b->checks[i].at; i++)
        if (a->checks[i].value != b->checks[i].value) {
            a->telling = b->telling = i;
            return;
        }
}

/* Half of a compiler's stacks are never met again: to keep each would cost more than it saves. */
static bool is_new(struct mr_recent *r, const struct mr_unwind_frame *f, uint32_t site)
{
    uint32_t tag = site ^ (uint32_t)(f->sp >> 3) * 0x9e3779b1u, *once = &r->once[tag % MR_RECENT_ONCE];
    bool met = *once == tag;
    *once = tag;
    return !met;
}

static bool is_whole(const struct mr_unwind *u, const struct mr_unwound *stack)
{
    return u->last == u->frames + u->depth && stack->frames[0].pc >= MR_FRAME_MARK_COUNT && stack->same < u->depth;
}

void mr_recent_keep(struct mr_recent *r, const struct mr_unwind *u, const struct mr_unwound *stack, uint32_t site)
{
    const struct mr_unwind_frame *f = u->frames + u->depth;
    if (site == 0 || !is_whole(u, stack) || is_new(r, f, site))
        return;
    uint32_t join = join_of(u, stack->same), count = f->checks - u->frames[join].checks;
    if (count == 0)
        return;
    struct mr_recent_stack *s = place_for(r, f, site);
    MR_POKE(s->sp, 0); /* a handler may jump out of this */
    atomic_signal_fence(memory_order_seq_cst);
    s->pc = f->pc;
    s->bp = f->bp;
    s->needs_bp = f->needs_bp;
    s->site = site;
    s->join = (uint16_t)join;
    s->join_hash = u->frames[join].hash;
    s->join_sp = u->frames[join].sp;
    s->join_bp = u->frames[join].bp;
    s->count = (uint8_t)count;
    s->telling = 0;
    for (uint32_t i = 0; i < count; i++)
        s->checks[i] = u->checks[f->checks - i];
    atomic_signal_fence(memory_order_seq_cst);
    MR_POKE(s->sp, f->sp);
    for (uint32_t i = 0; i < MR_RECENT_WAYS; i++)
        tell_apart(s, &r->stacks[set_of(f->pc, f->sp)][i]);
}
