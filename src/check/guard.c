/* guard.c: which blocks lie beside inaccessible pages, and what is said when the program meets one.
 *
 * heap/guarded.c keeps the blocks. What is left of their OS pages is filled with a pattern and looked at when they are
 * freed: what misses the inaccessible page, because a block's end must be a multiple of 16, is seen then. A fault says
 * at which instruction; then, unless MEMOIR_ON_ERROR stops the program, the page is made accessible and it goes on. */
#include <string.h>

#include "conf.h"
#include "zone.h"

enum { PATTERN = 0xe7 };

/* ---- setting up ------------------------------------------------------------------------------------------- */

enum { NOT_YET, UNDER_WAY, DONE };
static _Atomic int boot_state;
static bool is_on;
bool mr_guard_alone;

static bool on_fault(const struct mr_fault *fault);

static void boot(void)
{
    is_on = mr_conf.guard && mr_guarded_boot(mr_conf.guard_budget) && mr_fault_watch(on_fault);
    mr_guard_alone = is_on && mr_heap_watch == MR_WATCH_SOME && mr_conf.trace == MR_TRACE_OFF && !*mr_conf.fail;
    atomic_store_explicit(&boot_state, DONE, memory_order_release);
}

/* Who comes while another thread sets it up goes without. */
static bool is_ready(void)
{
    int expected = NOT_YET;
    if (atomic_compare_exchange_strong(&boot_state, &expected, UNDER_WAY))
        boot();
    return atomic_load_explicit(&boot_state, memory_order_acquire) == DONE && is_on;
}

/* ---- taking ------------------------------------------------------------------------------------------------- */

MR_TLS int64_t mr_guard_until;
static MR_TLS struct mr_sample gaps;

static void choose_next(void)
{
    if (gaps.state == 0)
        gaps.state = (uintptr_t)&gaps ^ (uint64_t)mr_world_tid() << 32 ^ mr_clock_ns();
    mr_guard_until = mr_conf.guard == 1 ? 1 : mr_sample_next(&gaps, mr_conf.guard);
}

/* A site knows its stack, and costs no second walk. */
static uint32_t stack_of(const struct mr_unwind_start *from, uint32_t site)
{
    const struct mr_ledger_site *sites = site ? mr_writer_entries(MR_SECTION_SITES) : NULL;
    return sites ? sites[site].stack : mr_watch_stack(from);
}

static struct mr_guarded_event event(const struct mr_unwind_start *from, uint32_t site)
{
    return (struct mr_guarded_event){ mr_clock_ms(), mr_world_tid(), stack_of(from, site) };
}

static void fill(const struct mr_guarded *block)
{
    memset((void *)block->from, PATTERN, block->start - block->from);
    memset((void *)(block->start + block->size), PATTERN, block->to - block->start - block->size);
}

static bool is_at_start(void)
{
    return mr_conf.guard_side == MR_GUARD_SIDE_START ||
           (mr_conf.guard_side == MR_GUARD_SIDE_EITHER && gaps.state >> 60 & 1);
}

static void *take(const struct mr_unwind_start *from, size_t size, size_t align, bool *zero, uint32_t site)
{
    struct mr_guarded block;
    struct mr_guarded_wish wish = { size, align, is_at_start(), event(from, site) };
    void *p = mr_guarded_take(&wish, zero, &block);
    if (p)
        fill(&block);
    return p;
}

/* Where every block is booked these are too; where a few are they are not, and count for nothing there. */
static void *take_booked(const struct mr_unwind_start *from, size_t size, size_t align, bool *zero)
{
    struct mr_heap *heap = mr_heap_enter();
    uint32_t site = heap ? mr_watch_site(heap, from) : 0;
    void *p = take(from, size, align, zero, site);
    if (p) {
        mr_tag_set(p, site, size);
        mr_watch_book(heap, site, size, p);
    }
    if (heap)
        mr_heaps_leave(heap);
    return p;
}

void *mr_guard_take_now(const struct mr_unwind_start *from, size_t size, size_t align, bool *zero)
{
    bool first = mr_guard_until < 0;
    if (!is_ready()) {
        mr_guard_until = boot_state == DONE ? INT64_MAX : 0;
        return NULL;
    }
    choose_next();
    if (first && mr_conf.guard > 1)
        return NULL;
    return mr_heap_watch == MR_WATCH_ALL ? take_booked(from, size, align, zero) : take(from, size, align, zero, 0);
}

/* ---- what is said ------------------------------------------------------------------------------------------------ */

struct words {
    char text[320];
};

static const char *plural(uint64_t n) { return n == 1 ? "" : "s"; }

static void put_event(struct mr_fmt *f, const char *what, const struct mr_guarded_event *event, uint64_t now)
{
    mr_fmt_print(f, ", %s %lu ms ago by thread %d", what, now - event->ms, event->thread);
}

/* Who took it and who freed it. */
static const char *history(const struct mr_guarded *block, struct words *words)
{
    struct mr_fmt f = mr_fmt_to_buffer(words->text, sizeof words->text);
    uint64_t now = mr_clock_ms();
    put_event(&f, "allocated", &block->taken, now);
    if (block->freed.thread)
        put_event(&f, "freed", &block->freed, now);
    return mr_fmt_end_string(&f);
}

static struct mr_finding finding_about(const struct mr_guarded *block, const struct mr_unwind_start *from)
{
    return (struct mr_finding){
        .from = from,
        .address = block->start,
        .size = block->size,
        .allocation_stack = block->taken.stack,
        .free_stack = block->freed.stack,
    };
}

/* "3 bytes behind its end". */
static void put_place(struct mr_fmt *f, const struct mr_guarded *block, uintptr_t at)
{
    uintptr_t end = block->start + block->size;
    size_t bytes = at < block->start ? block->start - at : at < end ? at - block->start : at - end;
    const char *where = at < block->start ? "before its start" : at < end ? "into it" : "behind its end";
    if (bytes == 0)
        mr_fmt_print(f, at < end ? "at its start" : "right behind its end");
    else
        mr_fmt_print(f, "%lu byte%s %s", bytes, plural(bytes), where);
}

/* ---- giving back -------------------------------------------------------------------------------------------------- */

static bool is_whole(uintptr_t at) { return *(const unsigned char *)at == PATTERN; }

/* A range of one byte throughout is equal to itself moved by one. */
static bool is_filled(uintptr_t from, uintptr_t to)
{
    return from == to || (is_whole(from) && memcmp((const void *)from, (const void *)(from + 1), to - from - 1) == 0);
}

/* The byte nearest to the block that is not as it was. */
static bool find_broken(const struct mr_guarded *block, uintptr_t *broken)
{
    uintptr_t end = block->start + block->size;
    if (is_filled(block->from, block->start) && is_filled(end, block->to))
        return false;
    for (*broken = end; *broken < block->to; ++*broken)
        if (!is_whole(*broken))
            return true;
    for (*broken = block->start - 1; is_whole(*broken);)
        --*broken;
    return true;
}

static void tell_broken(const struct mr_guarded *block, uintptr_t broken, const char *call,
                        const struct mr_unwind_start *from)
{
    struct words past;
    struct mr_finding finding = finding_about(block, from);
    finding.kind = broken < block->start ? MR_FINDING_UNDERFLOW : MR_FINDING_OVERFLOW;
    finding.call = call;
    mr_findings_tell(&finding, "byte %ld is 0x%02x now (%s)%s", (long)(broken - block->start),
                     *(const unsigned char *)broken, call, history(block, &past));
}

static void look_around(const struct mr_unwind_start *from, const char *call, void *p)
{
    struct mr_guarded block;
    uintptr_t broken;
    if (!mr_guarded_find((uintptr_t)p, &block) || block.state != MR_GUARDED_IN_USE || block.start != (uintptr_t)p)
        return;
    if (find_broken(&block, &broken))
        tell_broken(&block, broken, call, from);
    struct mr_guarded_event freed = event(from, 0);
    mr_guarded_note(p, &freed);
}

static enum mr_freed give(const struct mr_unwind_start *from, const char *call, void *p)
{
    struct mr_tag tag;
    look_around(from, call, p);
    bool booked = mr_heap_watch == MR_WATCH_ALL && mr_tag_get(p, &tag);
    enum mr_freed freed = mr_guarded_free(p);
    struct mr_heap *heap = booked && freed == MR_FREED ? mr_heap_enter() : NULL;
    if (heap) {
        mr_watch_unbook(heap, &tag, p);
        mr_heaps_leave(heap);
    }
    return freed;
}

enum mr_freed mr_guard_free(const struct mr_unwind_start *from, void *p) { return give(from, "free", p); }

/* It always moves, so that what still uses the old place is met. */
void *mr_guard_realloc(const struct mr_unwind_start *from, void *p, size_t size, enum mr_freed *freed)
{
    size_t usable = mr_heap_usable(p, freed);
    if (*freed != MR_FREED)
        return NULL;
    bool zero;
    void *q = mr_watch_take(from, size, 16, &zero);
    if (!q)
        return NULL;
    memcpy(q, p, mr_min(usable, size));
    give(from, "realloc", p);
    return q;
}

bool mr_guard_bad_pointer(const char *call, const void *p, const struct mr_unwind_start *from)
{
    struct mr_guarded block;
    struct words past;
    if (!mr_guarded_find((uintptr_t)p, &block))
        return false;
    bool again = block.state != MR_GUARDED_IN_USE && block.start == (uintptr_t)p;
    struct mr_finding finding = finding_about(&block, from);
    finding.call = call;
    finding.kind = *call == 'm' ? MR_FINDING_BAD_POINTER : !again ? MR_FINDING_INVALID_FREE
                   : *call == 'r' ? MR_FINDING_REALLOC_FREED : MR_FINDING_DOUBLE_FREE;
    if (again) {
        mr_findings_tell(&finding, "%s: the block was freed before%s", call, history(&block, &past));
    } else {
        struct words place;
        struct mr_fmt f = mr_fmt_to_buffer(place.text, sizeof place.text);
        put_place(&f, &block, (uintptr_t)p);
        mr_findings_tell(&finding, "%s: the pointer leads %s%s", call, mr_fmt_end_string(&f), history(&block, &past));
    }
    return true;
}

/* ---- faults ---------------------------------------------------------------------------------------------------------- */

static const char *const accesses[] = {
    [MR_FAULT_READ] = "read",
    [MR_FAULT_WRITE] = "write",
    [MR_FAULT_ACCESS] = "access",
};

static enum mr_finding_kind kind_of(const struct mr_guarded *block, uintptr_t at)
{
    return block->state != MR_GUARDED_IN_USE ? MR_FINDING_USE_AFTER_FREE
           : at < block->start               ? MR_FINDING_UNDERFLOW
                                             : MR_FINDING_OVERFLOW;
}

static void tell_fault(const struct mr_fault *fault)
{
    struct mr_guarded block;
    struct words past, place;
    struct mr_fmt f = mr_fmt_to_buffer(place.text, sizeof place.text);
    const struct mr_unwind_start from = { fault->pc + 1, fault->sp, fault->bp };
    if (!mr_guarded_find(fault->address, &block)) {
        struct mr_finding wild = { .kind = MR_FINDING_GUARD, .from = &from, .address = fault->address,
                                   .size = MR_SIZE_UNKNOWN };
        mr_findings_tell(&wild, "%s where no block is near", accesses[fault->access]);
        return;
    }
    struct mr_finding finding = finding_about(&block, &from);
    finding.kind = kind_of(&block, fault->address);
    put_place(&f, &block, fault->address);
    mr_findings_tell(&finding, "%s %s by thread %d%s", accesses[fault->access], mr_fmt_end_string(&f), mr_world_tid(),
                     history(&block, &past));
}

/* Another thread may have been let through to the page meanwhile: then the instruction simply runs again. */
static bool on_fault(const struct mr_fault *fault)
{
    if (!mr_guarded_holds((const void *)fault->address))
        return false;
    if (mr_guarded_open(fault->address))
        tell_fault(fault);
    return true;
}
