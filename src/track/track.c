#include "track.h"

#include <string.h>

#include "os.h"
#include "sites.h"
#include "stacks.h"

/* For threads that have no struct, and handlers that may not use it. */
static struct mr_lock walk_lock = MR_LOCK_INIT(MR_RANK_WALK); /* only tried */
static struct mr_unwind walker;

bool mr_track_boot(void)
{
    mr_peaks_boot();
    mr_timeline_boot();
    return mr_stacks_boot();
}

void mr_track_begin(struct mr_track *t) { t->lane = mr_lanes_take(); }

void mr_track_end(struct mr_track *t)
{
    struct mr_ledger_lane *lane = t->lane;
    t->lane = NULL;
    if (lane)
        mr_lanes_give(lane);
}

typedef uint32_t finder(struct mr_unwound *stack, bool may_wait);

static MR_NOINLINE uint32_t walk_without_struct(const struct mr_unwind_start *start, finder *find)
{
    struct mr_unwound stack;
    if (!mr_lock_acquire_within(&walk_lock, 0)) {
        __atomic_fetch_add(&mr_writer_header->lost_sites, 1, __ATOMIC_RELAXED);
        return 0;
    }
    mr_unwind_walk(&walker, start, &stack);
    uint32_t found = find(&stack, false);
    mr_lock_release(&walk_lock);
    return found;
}

/* A handler that comes meanwhile leaves the struct alone. */
static void enter(struct mr_track *t)
{
    t->busy = true;
    atomic_signal_fence(memory_order_seq_cst);
}

static void leave(struct mr_track *t)
{
    atomic_signal_fence(memory_order_seq_cst);
    t->busy = false;
}

static uint32_t site_of_walk(struct mr_track *t, const struct mr_unwind_start *start)
{
    struct mr_unwound stack;
    t->site = 0;
    mr_unwind_walk(&t->unwind, start, &stack);
    t->site = mr_stacks_site(&stack, true);
    if (!stack.unchanged)
        mr_recent_keep(&t->recent, &t->unwind, &stack, t->site);
    return t->site;
}

uint32_t mr_track_here(struct mr_track *t, const struct mr_unwind_start *start)
{
    if (MR_UNLIKELY(!t || t->busy))
        return walk_without_struct(start, mr_stacks_site);
    enter(t);
    uint32_t site = site_of_walk(t, start);
    leave(t);
    return site;
}

bool mr_track_agrees(struct mr_track *t, uint32_t site, uintptr_t pc, uintptr_t sp, uintptr_t bp)
{
    return site == 0 || site_of_walk(t, &(struct mr_unwind_start){ pc, sp, bp }) == site;
}

static uint32_t node_of_walk(struct mr_track *t, const struct mr_unwind_start *start)
{
    struct mr_unwound stack;
    t->site = 0;
    mr_unwind_walk(&t->unwind, start, &stack);
    uint32_t node = mr_stacks_node(&stack, true);
    if (!stack.unchanged)
        mr_recent_keep(&t->frees, &t->unwind, &stack, node);
    return node;
}

uint32_t mr_track_stack(struct mr_track *t, const struct mr_unwind_start *start)
{
    if (MR_UNLIKELY(!t || t->busy))
        return walk_without_struct(start, mr_stacks_node);
    enter(t);
    uint32_t node = node_of_walk(t, start);
    leave(t);
    return node;
}

bool mr_track_stack_agrees(struct mr_track *t, uint32_t node, uintptr_t pc, uintptr_t sp, uintptr_t bp)
{
    return node == 0 || node_of_walk(t, &(struct mr_unwind_start){ pc, sp, bp }) == node;
}

/* A handler that unloads objects while it interrupts us loses the marks until the next change. */
void mr_track_modules_changed(void)
{
    mr_unwind_flush();
    if (!mr_stacks_lock())
        return;
    mr_modules_check();
    mr_stacks_forget();
    mr_stacks_unlock();
}

bool mr_track_is_held(void) { return mr_stacks_is_held() || mr_lanes_is_held() || mr_writer_is_busy(); }

void mr_track_settle(void)
{
    mr_peaks_settle();
    mr_timeline_settle();
}

void mr_track_forked(struct mr_track *t)
{
    mr_lock_after_fork(&walk_lock, mr_lock_is_mine(&walk_lock));
    mr_unwind_after_fork();
    mr_stacks_forked();
    mr_peaks_forked();
    mr_timeline_forked();
    mr_lanes_forked(t ? t->lane : NULL);
}
