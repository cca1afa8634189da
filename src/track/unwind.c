#include "unwind.h"

#include "ledger.h"
#include "rows.h"
#include "step.h"

/* Never 0, so that a memory that was never used is out of date. */
static _Atomic uint32_t epoch = 1;

struct walk {
    uint32_t steps; /* new frames */
    int32_t met;    /* the remembered frame the new ones stand on, or -1 */
    uintptr_t mark; /* 0: the outermost frame was reached, or a remembered one met */
};

/* ---- the memory ---------------------------------------------------------------------------------- */

MR_INLINE bool is_frame(const struct mr_unwind_frame *f, uintptr_t pc, uintptr_t sp, uintptr_t bp)
{
    return f->sp == sp && f->pc == pc && (f->bp == bp || !f->needs_bp);
}

/* Whether the first n checks read as they did, the innermost first; the number of the first that does not, else 0. */
MR_READS_STACKS MR_INLINE uint32_t differing(const struct mr_unwind_check *checks, uint32_t n)
{
    while (n > 0 && *(const volatile uintptr_t *)checks[n - 1].at == checks[n - 1].value)
        n--;
    return n;
}

/* Of frames 0 to i, met again, the outermost that may still be as they were. -1: none of them. */
static int32_t rest_of(const struct mr_unwind *u, int32_t i, uint32_t differs)
{
    while (i > 0 && u->frames[i - 1].checks >= differs)
        i--;
    return i - 2; /* what step i read is no longer there: frame i - 1 is another */
}

/* ---- walking ---------------------------------------------------------------------------------------- */

/* The rule of most frames: relative to sp or bp. False, with nothing done, when the next frame would lie outside. */
MR_READS_STACKS MR_INLINE bool leave(struct mr_bounds *bounds, uint64_t rule, struct mr_step_state *state, struct mr_unwind_step *step)
{
    bool by_bp = mr_row_kind(rule) == MR_ROW_BP;
    uintptr_t cfa = (by_bp ? state->bp : state->sp) + (uintptr_t)mr_row_offset(rule);
    if (MR_UNLIKELY(cfa <= state->sp || cfa % 8 || !mr_bounds_reach(bounds, cfa)))
        return false;
    step->uses_bp = by_bp;
    step->pc_at = cfa - 8;
    if (mr_row_saves_bp(rule)) {
        uintptr_t base = cfa;
        if (MR_UNLIKELY(mr_row_bp_of_bp(rule))) {
            base = state->bp;
            step->uses_bp = true;
        }
        uintptr_t at = base + (uintptr_t)mr_row_bp_offset(rule);
        if (MR_UNLIKELY(at - state->sp >= cfa - state->sp))
            return false;
        step->bp_at = at;
        state->bp = *(const volatile uintptr_t *)at;
    }
    state->pc = *(const volatile uintptr_t *)(cfa - 8);
    state->sp = cfa;
    return true;
}

/* From `state` outwards until a frame is met that is remembered, of frames 0 to i. */
MR_READS_STACKS static struct walk collect(struct mr_unwind *u, struct mr_step_state state, int32_t i)
{
    struct walk w = { .met = -1 };
    struct mr_rows_table *rows = atomic_load_explicit(&mr_rows_table, memory_order_acquire);
    while (state.pc != 0) {
        while (i >= 0 && u->frames[i].sp < state.sp)
            i--;
        if (i >= 0 && is_frame(&u->frames[i], state.pc, state.sp, state.bp)) {
            uint32_t differs = differing(u->checks, u->frames[i].checks);
            if (differs == 0) {
                w.met = i;
                return w;
            }
            i = rest_of(u, i, differs);
        }
        if (w.steps == MR_UNWIND_DEPTH) {
            w.mark = MR_FRAME_MARK_DEEP;
            return w;
        }
        struct mr_unwind_step *step = &u->steps[w.steps++];
        *step = (struct mr_unwind_step){ .pc = state.pc, .sp = state.sp, .bp = state.bp };
        uint64_t rule = mr_rows_find(rows, state.pc);
        if (MR_LIKELY(mr_row_kind(rule) <= MR_ROW_BP)) {
            if (MR_UNLIKELY(!leave(&u->bounds, rule, &state, step)))
                w.mark = MR_FRAME_MARK_BROKEN;
        } else if (mr_row_kind(rule) == MR_ROW_END)
            return w;
        else
            w.mark = mr_step_other(&u->bounds, rule, &state, step);
        if (w.mark)
            return w;
    }
    return w;
}

static struct walk walk_from(struct mr_unwind *u, const struct mr_unwind_start *start, int32_t i)
{
    struct mr_step_state state = { start->pc, start->sp, start->bp };
    if (MR_UNLIKELY(state.sp % 8 || !mr_bounds_enter(&u->bounds, state.sp - 8))) {
        u->steps[0] = (struct mr_unwind_step){ .pc = start->pc, .sp = start->sp, .bp = start->bp };
        return (struct walk){ .steps = 1, .met = -1, .mark = MR_FRAME_MARK_BROKEN };
    }
    return collect(u, state, i);
}

/* ---- remembering ------------------------------------------------------------------------------------ */

/* Of a stack too deep, how many of the innermost frames are kept: at least half of what there is room for. The cut
 * is made where the stack pointer crosses the roundest address, so it stays where it is while frames come and go further
 * in, and depends on nothing but the stack. (Content-defined chunks; A. Muthitacharoen, B. Chen, D. Mazieres,
 * A low-bandwidth network file system, 2001.) */
static uint32_t cut(const struct mr_unwind *u)
{
    uintptr_t roundest = 0;
    uint32_t kept = MR_UNWIND_DEPTH / 2;
    for (uint32_t i = MR_UNWIND_DEPTH / 2; i < MR_UNWIND_DEPTH - 1; i++) {
        uintptr_t crossed = u->steps[i - 1].sp ^ u->steps[i].sp;
        if (crossed > roundest && mr_log2_floor(crossed) > mr_log2_floor(roundest | 1)) {
            roundest = crossed;
            kept = i;
        }
    }
    return kept;
}

static uint64_t extend_hash(uint64_t hash, uintptr_t pc)
{
    uint64_t mixed = pc * 0x9fb21c651e98df25u;
    return hash * 0xd6e8feb86659fd93u + (mixed ^ mixed >> 32);
}

static void check(struct mr_unwind *u, struct mr_unwind_frame *f, uintptr_t at, uintptr_t value)
{
    u->checks[f->checks] = (struct mr_unwind_check){ at, value };
    f->checks = (f->checks + 1) & 0x7fffffff;
}

/* Frame i is the one `step` left, frame i - 1 where it came to. What its step read is put down so that going back
 * through the checks, each address is known to be right before it is read: the word behind `more`, pc, bp. */
MR_INLINE void put_frame(struct mr_unwind *u, uint32_t i, const struct mr_unwind_step *step, uint64_t hash)
{
    struct mr_unwind_frame *f = &u->frames[i];
    *f = (struct mr_unwind_frame){ .pc = step->pc, .sp = step->sp, .bp = step->bp, .hash = extend_hash(hash, step->pc) };
    f->needs_bp = step->uses_bp;
    if (i == 0)
        return;
    const struct mr_unwind_frame *out = f - 1;
    f->checks = out->checks;
    if (out->needs_bp && step->bp_at)
        check(u, f, step->bp_at, out->bp);
    if (step->pc_at)
        check(u, f, step->pc_at, out->pc - step->signal);
    if (step->more.at)
        check(u, f, step->more.at, step->more.value);
    f->needs_bp |= out->needs_bp && !step->bp_at;
}

static void remember(struct mr_unwind *u, const struct walk *w)
{
    uint32_t depth = (uint32_t)(w->met + 1), known = UINT32_MAX;
    u->epoch = atomic_load_explicit(&epoch, memory_order_relaxed);
    uint64_t hash = depth ? u->frames[depth - 1].hash : u->epoch * 0x9e3779b97f4a7c15u;
    if (w->mark) {
        u->frames[depth++] = (struct mr_unwind_frame){ .pc = w->mark, .hash = hash = extend_hash(hash, w->mark) };
        if (w->mark != MR_FRAME_MARK_DEEP)
            known = 0;
    }
    for (uint32_t i = w->steps; i-- > 0; depth++) {
        put_frame(u, depth, &u->steps[i], hash);
        hash = u->frames[depth].hash;
        if (MR_UNLIKELY(u->steps[i].unchecked) && known == UINT32_MAX)
            known = depth;
    }
    u->known = known;
    u->cut = w->mark == MR_FRAME_MARK_DEEP;
    u->depth = depth;
}

/* ---- the face ---------------------------------------------------------------------------------------- */

static struct walk walk_whole(struct mr_unwind *u, const struct mr_unwind_start *start)
{
    struct walk w = walk_from(u, start, -1);
    if (w.mark == MR_FRAME_MARK_DEEP)
        w.steps = cut(u);
    return w;
}

/* The last stack, walked again without it. */
static bool is_right(struct mr_unwind *u, const struct mr_unwind_start *start)
{
    struct walk w = walk_whole(u, start);
    uint32_t depth = w.steps + (w.mark != 0);
    bool same = depth == u->depth && (!w.mark || u->frames[0].pc == w.mark);
    for (uint32_t i = 0; same && i < w.steps; i++)
        same = u->steps[i].pc == u->frames[depth - 1 - i].pc;
    return same;
}

MR_NOINLINE static void walk_anew(struct mr_unwind *u, const struct mr_unwind_start *start, struct mr_unwound *out)
{
    bool valid = u->epoch == atomic_load_explicit(&epoch, memory_order_acquire) && !u->cut;
    int32_t last = valid ? (int32_t)mr_min(u->depth, u->known) - 1 : -1;
    u->depth = 0; /* a handler may jump out of here: then nothing is remembered */
    struct walk w = walk_from(u, start, last);
    if (w.mark == MR_FRAME_MARK_DEEP || (uint32_t)(w.met + 1) + w.steps > MR_UNWIND_DEPTH)
        w = walk_whole(u, start);
    remember(u, &w);
    out->same = (uint32_t)(w.met + 1);
    out->unchanged = false;
}

MR_INLINE bool is_last(const struct mr_unwind *u, const struct mr_unwind_start *start)
{
    if (u->epoch != atomic_load_explicit(&epoch, memory_order_acquire) || u->depth == 0 || u->known < u->depth)
        return false;
    const struct mr_unwind_frame *top = &u->frames[u->depth - 1];
    return is_frame(top, start->pc, start->sp, start->bp) && differing(u->checks, top->checks) == 0;
}

void mr_unwind_walk(struct mr_unwind *u, const struct mr_unwind_start *start, struct mr_unwound *out)
{
    if (MR_LIKELY(is_last(u, start))) {
        out->unchanged = true;
        out->same = u->depth;
    } else
        walk_anew(u, start, out);
    out->frames = u->frames;
    out->depth = u->depth;
    out->hash = u->frames[u->depth - 1].hash;
    MR_EXPENSIVE(!MR_EVERY(1000) || is_right(u, start), "a stack that was remembered in part is the stack that is there");
}

void mr_unwind_flush(void)
{
    mr_rows_flush();
    atomic_fetch_add(&epoch, 1);
}

void mr_unwind_after_fork(void) { mr_rows_after_fork(); }
