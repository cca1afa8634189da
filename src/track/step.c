#include "step.h"

#include <ucontext.h>

#include "exact.h"
#include "ledger.h"
#include "object.h"

/* Memory the walk may not have come past yet: looked at before it is read. */
MR_READS_STACKS static bool load(struct mr_bounds *bounds, uintptr_t at, uintptr_t *word)
{
    if (at % sizeof *word || at < bounds->stacks[0].lo || !mr_bounds_reach(bounds, at + sizeof *word))
        return false;
    *word = *(const volatile uintptr_t *)at;
    return true;
}

static uintptr_t by_place(struct mr_bounds *bounds, uint64_t rule, struct mr_step_state *state, struct mr_unwind_step *step)
{
    uintptr_t sp = state->sp;
    bool by_bp = mr_row_kind(rule) == MR_ROW_AT_BP;
    step->uses_bp = by_bp;
    step->more.at = (by_bp ? state->bp : sp) + (uintptr_t)mr_row_word(rule);
    if (!load(bounds, step->more.at, &step->more.value))
        return MR_FRAME_MARK_BROKEN;
    uintptr_t cfa = step->more.value + (uintptr_t)mr_row_then(rule);
    if (cfa <= sp || !load(bounds, cfa - 8, &state->pc))
        return MR_FRAME_MARK_BROKEN;
    step->pc_at = cfa - 8;
    state->sp = cfa;
    if (!mr_row_saves_bp(rule))
        return 0;
    step->uses_bp |= mr_row_bp_of_bp(rule);
    step->bp_at = (mr_row_bp_of_bp(rule) ? state->bp : cfa) + (uintptr_t)mr_row_bp_offset(rule);
    return step->bp_at >= sp && load(bounds, step->bp_at, &state->bp) ? 0 : MR_FRAME_MARK_BROKEN;
}

#if defined(__x86_64__)

/* The kernel left a struct rt_sigframe: the handler's return address, popped by now, and the ucontext. */
static uintptr_t by_signal_frame(struct mr_bounds *bounds, struct mr_step_state *state, struct mr_unwind_step *step)
{
    uintptr_t registers = state->sp + offsetof(ucontext_t, uc_mcontext.gregs);
    step->unusual |= MR_STEP_SIGNAL;
    step->pc_at = registers + REG_RIP * 8;
    step->bp_at = registers + REG_RBP * 8;
    step->more.at = registers + REG_RSP * 8;
    if (!load(bounds, step->pc_at, &state->pc) || !load(bounds, step->bp_at, &state->bp) ||
        !load(bounds, step->more.at, &step->more.value))
        return MR_FRAME_MARK_BROKEN;
    state->pc++;
    state->sp = step->more.value;
    return mr_bounds_enter(bounds, state->sp - 8) ? 0 : MR_FRAME_MARK_BROKEN;
}

#else

static uintptr_t by_signal_frame(struct mr_bounds *bounds, struct mr_step_state *state, struct mr_unwind_step *step)
{
    (void)bounds, (void)state, (void)step;
    return MR_FRAME_MARK_NO_RULE;
}

#endif

static uintptr_t by_all_registers(struct mr_bounds *bounds, struct mr_step_state *state, struct mr_unwind_step *step)
{
    struct mr_exact_frame frame = { state->pc, state->sp, state->bp };
    step->unusual |= MR_STEP_UNCHECKED;
    if (!mr_exact_step(bounds, &frame))
        return MR_FRAME_MARK_NO_RULE;
    *state = (struct mr_step_state){ frame.pc, frame.sp, frame.bp };
    return mr_bounds_enter(bounds, state->sp - 8) ? 0 : MR_FRAME_MARK_BROKEN;
}

static bool explained(uintptr_t pc)
{
    struct mr_object object;
    struct mr_cfi_rules rules;
    return mr_object_find(pc - 1, &object) && mr_object_rules(&object, pc - 1, &rules);
}

/* Code that says nothing may have left bp alone: then bp is the frame of somebody further out, and the return
 * address wanted lies below it. So nothing there may look like one. */
static bool is_innermost(struct mr_bounds *bounds, uintptr_t sp, uintptr_t bp)
{
    enum { LIMIT = 128 * 8 };
    uintptr_t word;
    if (bp - sp > LIMIT)
        return false;
    for (; sp < bp; sp += 8)
        if (!load(bounds, sp, &word) || (word && explained(word)))
            return false;
    return true;
}

/* No rule: by the frame pointer, if it looks like one. */
static uintptr_t by_frame_pointer(struct mr_bounds *bounds, struct mr_step_state *state, struct mr_unwind_step *step)
{
    enum { LARGEST = 1 << 20 };
    uintptr_t sp = state->sp, bp = state->bp;
    struct mr_step_state next = { .sp = bp + 16 };
    step->uses_bp = 1;
    step->pc_at = bp + 8;
    step->bp_at = bp;
    if (bp < sp || bp - sp > LARGEST || !load(bounds, bp, &next.bp) || !load(bounds, bp + 8, &next.pc))
        return MR_FRAME_MARK_NO_RULE;
    if (mr_object_known() && (!explained(next.pc) || !is_innermost(bounds, sp, bp)))
        return MR_FRAME_MARK_NO_RULE;
    *state = next;
    return 0;
}

uintptr_t mr_step_other(struct mr_bounds *bounds, uint64_t rule, struct mr_step_state *state, struct mr_unwind_step *step)
{
    step->unusual = MR_STEP_UNUSUAL;
    step->uses_bp = 0;
    step->bp_at = step->pc_at = step->more.at = 0;
    switch (mr_row_kind(rule)) {
    case MR_ROW_AT_SP:
    case MR_ROW_AT_BP: return by_place(bounds, rule, state, step);
    case MR_ROW_SIGNAL: return by_signal_frame(bounds, state, step);
    case MR_ROW_EXACT: return by_all_registers(bounds, state, step);
    default: return by_frame_pointer(bounds, state, step);
    }
}
