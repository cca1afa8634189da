#include "unwind.h"

#include "ledger.h"
#include "rules.h"
#include "step.h"

_Atomic uint32_t mr_unwind_epoch = 1;

struct walk {
    uint32_t met;   /* so many remembered frames are the outermost of this stack, too */
    uint32_t steps; /* new ones further in */
    uint32_t mark;  /* 0: the outermost frame was reached, or a remembered one met */
};

/* ---- the memory ---------------------------------------------------------------------------------- */

/* Frame f was met, but a check differs: the innermost further out that may still be as it was. */
static const struct mr_unwind_frame *rest_of(const struct mr_unwind *u, const struct mr_unwind_frame *f,
                                             uint32_t differs)
{
    while (f > u->frames && f[-1].checks >= differs)
        f--;
    return f - u->frames > 2 ? f - 2 : u->frames; /* the step from f leads elsewhere now, so f - 1 is another */
}

/* ---- walking ---------------------------------------------------------------------------------------- */

/* Where the rule of a usual frame leads; bp_at 0: not saved. False when that lies elsewhere. What is not checked
 * here is so by is_usual in rules.c. */
MR_INLINE bool find_next(struct mr_bounds *bounds, uint64_t rule, const struct mr_step_state *now, uintptr_t *cfa,
                         uintptr_t *bp_at)
{
    *bp_at = 0;
    *cfa = now->sp + (uintptr_t)mr_row_offset(rule);
    if (mr_row_kind(rule) == MR_ROW_BP) {
        *cfa = now->bp + (uintptr_t)mr_row_offset(rule);
        __asm__("" : "+r"(*cfa)); /* a branch: a conditional move would make sp wait for the kind */
        if (MR_UNLIKELY(*cfa <= now->sp || *cfa % 8))
            return false;
    }
    if (MR_UNLIKELY(!mr_bounds_reach(bounds, *cfa)))
        return false;
    if (mr_row_saves_bp(rule))
        *bp_at = *cfa + (uintptr_t)mr_row_bp_offset(rule);
    return mr_row_kind(rule) == MR_ROW_SP || !*bp_at || *bp_at >= now->sp;
}

MR_NOINLINE static uint32_t leave_otherwise(struct mr_unwind *u, uint64_t rule, struct mr_unwind_step *step,
                                            struct mr_step_state *next)
{
    *next = (struct mr_step_state){ step->pc, step->sp, step->bp };
    return (uint32_t)mr_step_other(&u->bounds, rule, next, step);
}

/* From the start outwards until a frame is met that is remembered, f or one further out. */
MR_READS_STACKS static struct walk collect(struct mr_unwind *u, struct mr_step_state now, const struct mr_unwind_frame *f)
{
    struct walk w = { 0 };
    const struct mr_rules_table *rows = atomic_load_explicit(&mr_rules_table, memory_order_acquire);
    while (now.pc != 0) {
        while (f->sp < now.sp)
            f--;
        if (mr_unwind_is_frame(f, now.pc, now.sp, now.bp)) {
            uint32_t differs = mr_unwind_differing(u->checks, f->checks);
            if (differs == 0) {
                w.met = (uint32_t)(f - u->frames);
                break;
            }
            f = rest_of(u, f, differs);
        }
        if (MR_UNLIKELY(w.steps == MR_UNWIND_DEPTH)) {
            w.mark = MR_FRAME_MARK_DEEP;
            break;
        }
        struct mr_unwind_step *step = &u->steps[w.steps++];
        step->pc = now.pc;
        step->sp = now.sp;
        step->bp = now.bp;
        uint64_t rule = mr_rules_find(rows, now.pc);
        step->unusual = 0;
        step->uses_bp = mr_row_kind(rule) == MR_ROW_BP;
        if (MR_LIKELY(mr_row_kind(rule) <= MR_ROW_BP)) {
            uintptr_t cfa;
            if (MR_UNLIKELY(!find_next(&u->bounds, rule, &now, &cfa, &step->bp_at))) {
                w.mark = MR_FRAME_MARK_BROKEN;
                break;
            }
            if (step->bp_at)
                now.bp = *(const volatile uintptr_t *)step->bp_at;
            now.pc = *(const volatile uintptr_t *)(cfa - 8);
            now.sp = cfa;
        } else {
            struct mr_step_state next;
            if (mr_row_kind(rule) == MR_ROW_END || (w.mark = leave_otherwise(u, rule, step, &next)))
                break;
            now = (struct mr_step_state){ next.pc, next.sp, next.bp };
        }
    }
    return w;
}

static struct walk walk_from(struct mr_unwind *u, const struct mr_unwind_start *start, const struct mr_unwind_frame *f)
{
    if (MR_UNLIKELY(start->sp % 8 || !mr_bounds_enter(&u->bounds, start->sp - 8))) {
        u->steps[0] = (struct mr_unwind_step){ .pc = start->pc, .sp = start->sp, .bp = start->bp };
        return (struct walk){ .steps = 1, .mark = MR_FRAME_MARK_BROKEN };
    }
    return collect(u, (struct mr_step_state){ start->pc, start->sp, start->bp }, f);
}

/* ---- remembering ------------------------------------------------------------------------------------ */

/* Of a stack too deep, how many of the innermost frames are kept: at least half of what there is room for. The cut
 * is made where the stack pointer crosses the roundest address, so it stays where it is while frames come and go further
 * in, and depends on nothing but the stack. (Content-defined chunks: A. Muthitacharoen, B. Chen, D. Mazieres,
 * A low-bandwidth network file system, 2001.) */
static uint32_t cut(const struct mr_unwind *u)
{
    unsigned roundest = 0;
    uint32_t kept = MR_UNWIND_DEPTH / 2;
    for (uint32_t i = MR_UNWIND_DEPTH / 2; i < MR_UNWIND_DEPTH - 1; i++) {
        unsigned round = mr_log2_floor(u->steps[i - 1].sp ^ u->steps[i].sp);
        if (round > roundest) {
            roundest = round;
            kept = i;
        }
    }
    return kept;
}

MR_INLINE uint64_t extend_hash(uint64_t hash, uintptr_t pc)
{
    uint64_t mixed = pc * 0x9fb21c651e98df25u;
    return hash * 0xd6e8feb86659fd93u + (mixed ^ mixed >> 32);
}

MR_INLINE uint32_t add_check(struct mr_unwind *u, uint32_t last, uintptr_t at, uintptr_t value)
{
    u->checks[last + 1] = (struct mr_unwind_check){ at, value };
    return last + 1;
}

/* What the step to frame `out` depends on, so that going back through the checks, each address is known to be right
 * before it is read: the word behind `more`, pc, bp. */
MR_INLINE uint32_t add_checks(struct mr_unwind *u, uint32_t last, const struct mr_unwind_step *step,
                              const struct mr_unwind_frame *out, bool needs_bp)
{
    if (needs_bp && step->bp_at)
        last = add_check(u, last, step->bp_at, out->bp);
    if (MR_LIKELY(!step->unusual))
        return add_check(u, last, out->sp - 8, out->pc);
    if (step->pc_at)
        last = add_check(u, last, step->pc_at, out->pc - ((step->unusual & MR_STEP_SIGNAL) != 0));
    return step->more.at ? add_check(u, last, step->more.at, step->more.value) : last;
}

/* New frames on `out`; `based`: the outermost of them is called by it. */
static void put_frames(struct mr_unwind *u, struct mr_unwind_frame *out, uint32_t steps, bool based)
{
    uint32_t checks = out->checks, needs_bp = out->needs_bp; /* kept at hand: the next round waits for them */
    uint64_t hash = out->hash;
    for (const struct mr_unwind_step *step = u->steps + steps; step-- > u->steps; out++) {
        if (MR_LIKELY(based))
            checks = add_checks(u, checks, step, out, needs_bp);
        based = true;
        needs_bp = step->uses_bp | (step->bp_at ? 0 : needs_bp);
        hash = extend_hash(hash, step->pc);
        out[1] = (struct mr_unwind_frame){ step->pc, step->sp, step->bp, hash, checks, needs_bp, 0 };
    }
}

/* A stack with a mark is walked to the mark each time, but if it is deep and all that is kept of it is the same. */
static uint32_t known_of(const struct mr_unwind *u, const struct walk *w)
{
    if (w->mark)
        return 0;
    for (uint32_t i = w->steps; i-- > 0;)
        if (MR_UNLIKELY(u->steps[i].unusual & MR_STEP_UNCHECKED))
            return w->met + w->steps - 1 - i;
    return w->met + w->steps;
}

static void forget(struct mr_unwind *u)
{
    u->depth = u->known = 0;
    u->last = u->frames;
    u->epoch = atomic_load_explicit(&mr_unwind_epoch, memory_order_acquire);
    u->checks[0] = (struct mr_unwind_check){ (uintptr_t)&u->checks[0].at, 0 };
    u->frames[0] = (struct mr_unwind_frame){ .sp = UINTPTR_MAX, .hash = u->epoch * 0x9e3779b97f4a7c15u };
}

static void remember(struct mr_unwind *u, const struct walk *w)
{
    struct mr_unwind_frame *out = u->frames + w->met;
    if (w->mark) {
        out[1] = (struct mr_unwind_frame){ .pc = w->mark, .sp = UINTPTR_MAX, .hash = extend_hash(out->hash, w->mark) };
        out++;
    }
    put_frames(u, out, w->steps, w->met > 0);
    u->known = known_of(u, w);
    u->depth = (uint32_t)(out - u->frames) + w->steps;
    u->last = u->known == u->depth || w->mark == MR_FRAME_MARK_DEEP ? u->frames + u->depth : u->frames;
}

/* ---- the face ---------------------------------------------------------------------------------------- */

static struct walk walk_whole(struct mr_unwind *u, const struct mr_unwind_start *start)
{
    struct walk w = walk_from(u, start, u->frames);
    if (w.mark == MR_FRAME_MARK_DEEP)
        w.steps = cut(u);
    return w;
}

/* The last stack, walked again without it. */
static bool is_right(struct mr_unwind *u, const struct mr_unwind_start *start)
{
    struct walk w = walk_whole(u, start);
    uint32_t depth = w.steps + (w.mark != 0);
    bool same = depth == u->depth && (!w.mark || u->frames[1].pc == w.mark);
    for (uint32_t i = 0; same && i < w.steps; i++)
        same = u->steps[i].pc == u->frames[depth - i].pc;
    return same;
}

/* A handler may jump out of this: then nothing is remembered. */
MR_NOINLINE static uint32_t walk_anew(struct mr_unwind *u, const struct mr_unwind_start *start)
{
    bool valid = u->epoch == atomic_load_explicit(&mr_unwind_epoch, memory_order_acquire);
    uint32_t known = valid ? u->known : 0;
    forget(u);
    struct walk w = walk_from(u, start, u->frames + known);
    if (w.mark == MR_FRAME_MARK_DEEP || w.met + w.steps > MR_UNWIND_DEPTH)
        w = walk_whole(u, start);
    remember(u, &w);
    return w.met;
}

void mr_unwind_walk(struct mr_unwind *u, const struct mr_unwind_start *start, struct mr_unwound *out)
{
    out->unchanged = u->epoch == atomic_load_explicit(&mr_unwind_epoch, memory_order_acquire) &&
                     mr_unwind_is_frame(u->last, start->pc, start->sp, start->bp) && mr_unwind_differing(u->checks, u->last->checks) == 0;
    out->same = MR_LIKELY(out->unchanged) ? u->depth : walk_anew(u, start);
    out->frames = u->frames + 1;
    out->depth = u->depth;
    out->hash = u->frames[u->depth].hash;
    MR_EXPENSIVE(!MR_EVERY(1000) || is_right(u, start), "a stack that was remembered in part is the stack that is there");
}

void mr_unwind_flush(void)
{
    mr_rules_flush();
    atomic_fetch_add(&mr_unwind_epoch, 1);
}

void mr_unwind_after_fork(void) { mr_rules_after_fork(); }
