#include "fail.h"

#include "os.h"
#include "zone.h"

enum { NOT_YET, UNDER_WAY, DONE };
enum { UNKNOWN, SPARED, MEANT };

static _Atomic int boot_state;
static struct mr_conf_plan plan;
static _Atomic uint64_t requests;
static _Atomic bool failed_once;
static _Atomic uint8_t *verdicts; /* SITE: by FRAMES, of the frame alone; STACK: by SITES */

/* The entries a verdict is passed on. */
static enum mr_section_kind judged(void)
{
    if (plan.kind == MR_PLAN_SITE)
        return MR_SECTION_FRAMES;
    return plan.kind == MR_PLAN_STACK ? MR_SECTION_SITES : MR_SECTION_COUNT;
}

static void boot(void)
{
    mr_conf_read_plan(mr_conf.fail, &plan);
    if (judged() == MR_SECTION_COUNT)
        return;
    mr_watch_start();
    if (mr_writer_header) {
        size_t bytes = mr_align_up(mr_writer_header->sections[judged()].capacity, mr_os_page);
        void *at = mr_vm_reserve(bytes, mr_os_page);
        verdicts = at && mr_vm_commit(at, bytes) ? at : NULL;
    }
}

/* Who comes while another thread reads the plan is spared. */
static bool is_ready(void)
{
    int expected = NOT_YET;
    if (MR_LIKELY(atomic_load_explicit(&boot_state, memory_order_acquire) == DONE))
        return true;
    if (atomic_compare_exchange_strong(&boot_state, &expected, UNDER_WAY)) {
        boot();
        atomic_store_explicit(&boot_state, DONE, memory_order_release);
    }
    return atomic_load_explicit(&boot_state, memory_order_acquire) == DONE;
}

/* ---- by number ------------------------------------------------------------------------------------------ */

static uint64_t next_number(void) { return atomic_fetch_add_explicit(&requests, 1, memory_order_relaxed) + 1; }

/* Whether the n-th request fails depends on the seed alone, not on the others. */
static bool is_hit(uint64_t n)
{
    uint32_t seed = mr_mix32((uint32_t)mr_conf.fail_seed ^ mr_mix32((uint32_t)(mr_conf.fail_seed >> 32)));
    uint32_t drawn = mr_mix32(seed + mr_mix32((uint32_t)n ^ mr_mix32((uint32_t)(n >> 32))));
    return (uint64_t)drawn * 1000000000 >> 32 < plan.n;
}

/* ---- by call stack ----------------------------------------------------------------------------------------- */

static uint32_t site_of(const struct mr_unwind_start *from)
{
    struct mr_heap *heap = mr_heap_enter();
    uint32_t site = heap ? mr_watch_site(heap, from) : 0;
    if (heap)
        mr_heaps_leave(heap);
    return site;
}

static uint32_t stack_of(uint32_t site)
{
    return ((const struct mr_ledger_site *)mr_writer_entries(MR_SECTION_SITES))[site].stack;
}

static uint64_t hash_of(uint32_t frame)
{
    const struct mr_ledger_frame *frames = mr_writer_entries(MR_SECTION_FRAMES);
    const struct mr_ledger_module *modules = mr_writer_entries(MR_SECTION_MODULES);
    const char *strings = mr_writer_entries(MR_SECTION_STRINGS);
    uint64_t hash = MR_STACKHASH_BEGIN;
    for (; frame; frame = frames[frame].caller) {
        const struct mr_ledger_module *module = &modules[frames[frame].module];
        const char *path = frames[frame].module ? strings + module->path : "";
        hash = mr_stackhash_frame(hash, path, frames[frame].pc - module->bias);
    }
    return hash;
}

static bool is_judged(uint32_t i, bool *meant)
{
    uint8_t verdict = atomic_load_explicit(&verdicts[i], memory_order_relaxed);
    *meant = verdict == MEANT;
    return verdict != UNKNOWN;
}

static bool judge(uint32_t i, bool meant)
{
    atomic_store_explicit(&verdicts[i], meant ? MEANT : SPARED, memory_order_relaxed);
    return meant;
}

/* One call of that stack fails, the first. */
static bool is_the_stack(uint32_t site)
{
    bool meant;
    if (!is_judged(site, &meant))
        meant = judge(site, hash_of(stack_of(site)) == plan.n);
    return meant && !atomic_exchange(&failed_once, true);
}

static bool has_such_a_frame(uint32_t site)
{
    const struct mr_ledger_frame *frames = mr_writer_entries(MR_SECTION_FRAMES);
    uint32_t frame = stack_of(site);
    bool meant = false;
    for (; frame && !meant; frame = frames[frame].caller)
        if (!is_judged(frame, &meant))
            meant = judge(frame, mr_fail_names_fit(plan.pattern, frame));
    return meant;
}

/* Nobody can tell without call stacks. */
static bool is_meant_by_stack(const struct mr_unwind_start *from)
{
    uint32_t site = verdicts ? site_of(from) : 0;
    return site && (plan.kind == MR_PLAN_STACK ? is_the_stack(site) : has_such_a_frame(site));
}

bool mr_fail_decide(const struct mr_unwind_start *from, size_t size)
{
    if (!is_ready())
        return false;
    switch (plan.kind) {
    case MR_PLAN_NTH:
        return next_number() == plan.n;
    case MR_PLAN_EVERY:
        return next_number() % plan.n == 0;
    case MR_PLAN_RATE:
        return is_hit(next_number());
    case MR_PLAN_SIZE:
        return size > plan.n;
    default:
        return is_meant_by_stack(from);
    }
}
