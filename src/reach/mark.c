/* mark.c: from roots to blocks, without recursion: a block is put on the list once in each phase, when its
 * state rises, so the list is never longer than there are blocks.
 *
 * What is read may be gone: a program protects pages of its blocks, a mapped file is cut short, guard
 * pages do not show in the list of mappings. A fault jumps back to the loop, which goes on behind it. */
#include <string.h>

#include "reach.h"

enum phase { ROOTS, INTERIORS, HEADS, HOLDERS };

/* From this size on the empty OS pages of a range are left out. */
enum { SPARSE = 256 << 10 };

/* ---- faults ------------------------------------------------------------------------------------------- */

static struct {
    void *resume[5];
    uintptr_t address;
} fault;

static void on_fault(uintptr_t address)
{
    fault.address = address;
    __builtin_longjmp(fault.resume, 1);
}

/* ---- memory ------------------------------------------------------------------------------------------- */

bool mr_mark_open(struct mr_reach *reach)
{
    size_t n = reach->count + 1;
    reach->bytes = mr_align_up(3 * n * sizeof(uintptr_t), mr_os_page);
    reach->memory = mr_vm_reserve(reach->bytes, mr_os_page);
    if (!reach->memory || !mr_vm_commit(reach->memory, reach->bytes)) {
        mr_vm_release(reach->memory, reach->memory ? reach->bytes : 0);
        reach->memory = NULL;
        return false;
    }
    reach->work = reach->memory;
    reach->later = reach->work + n;
    reach->holders = reach->later + n;
    reach->work_count = reach->later_count = 0;
    reach->phase = ROOTS;
    reach->scanned = reach->faults = reach->rest = reach->rest_end = 0;
    reach->met = reach->settled = 0;
    mr_world_guard(&reach->guard, on_fault);
    return true;
}

void mr_mark_close(struct mr_reach *reach)
{
    if (!reach->memory)
        return;
    mr_world_unguard(&reach->guard);
    mr_vm_release(reach->memory, reach->bytes);
    reach->memory = NULL;
}

static void put(struct mr_reach *reach, const struct mr_reach_block *block)
{
    reach->work[reach->work_count++] = block->start;
}

/* ---- pointers into the middle ------------------------------------------------------------------------------
 * Some lead to a block as surely as one to its beginning. The cases are Valgrind's (--leak-check-heuristics) and
 * two of our own; what the program asked for may be known by its limits only. */

struct inside {
    uintptr_t word, start;
    size_t offset;             /* word - start, not 0 */
    struct mr_reach_asked asked;
};

MR_NO_SANITIZE static uintptr_t word_at(uintptr_t at) { return *(const uintptr_t *)at; }

static bool is_size(const struct inside *in, size_t bytes)
{
    return bytes >= in->asked.least && bytes <= in->asked.most;
}

/* new T[n] with a destructor: n in front of the first element, behind what its alignment wants. Also a block with
 * its own length in front: elements of one byte. */
static bool is_behind_count(const struct inside *in)
{
    if ((in->offset != 8 && in->offset != 16) || in->asked.most <= in->offset)
        return false;
    size_t n = word_at(in->word - 8), room = in->asked.most - in->offset;
    return n != 0 && n <= room && is_size(in, in->offset + room / n * n);
}

/* libstdc++ before its second ABI: a string is a pointer behind length, capacity and count of owners. */
static bool is_old_string(const struct inside *in)
{
    if (in->offset != 24 || in->asked.most < 25)
        return false;
    size_t length = word_at(in->start), capacity = word_at(in->start + 8);
    return length <= capacity && capacity < in->asked.most && is_size(in, capacity + 25);
}

static bool is_constant(const struct mr_reach *reach, uintptr_t at)
{
    size_t from = 0, to = reach->constant_count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (reach->constants[middle].to <= at)
            from = middle + 1;
        else
            to = middle;
    }
    return from < reach->constant_count && at >= reach->constants[from].from && at % 8 == 0;
}

/* An object with several bases begins with a pointer to a table of virtual functions, and so does each of its
 * bases; two words before that table stands how far the base is from the beginning of the object, negated (the
 * Itanium C++ ABI, 2.5.2). */
static bool is_base(const struct mr_reach *reach, const struct inside *in)
{
    if (in->offset % 8 != 0 || in->offset + 8 > in->asked.most)
        return false;
    uintptr_t whole = word_at(in->start), base = word_at(in->word);
    return is_constant(reach, whole - 16) && is_constant(reach, base - 16) && word_at(whole - 16) == 0 &&
           word_at(base - 16) == -in->offset;
}

/* Home-made alignment: the pointer that free wants stands in front of what is in use, or is its first or second word
 * (glibc's table of loaded objects). */
static bool knows_start(const struct inside *in)
{
    if (in->offset % 8 != 0)
        return false;
    return word_at(in->word - 8) == in->start || (in->offset + 8 <= in->asked.most && word_at(in->word) == in->start) ||
           (in->offset + 16 <= in->asked.most && word_at(in->word + 8) == in->start);
}

/* glibc's vector of thread-local blocks is used from its second entry on; the first says how many follow. */
static bool is_dtv(const struct inside *in)
{
    size_t n = in->offset == 16 ? word_at(in->start) : 0;
    return n != 0 && n < in->asked.most / 16 && is_size(in, (n + 2) * 16);
}

static bool is_as_good_as_start(const struct mr_reach *reach, const struct inside *in)
{
    return is_behind_count(in) || is_base(reach, in) || knows_start(in) || is_old_string(in) || is_dtv(in);
}

/* ---- one word ------------------------------------------------------------------------------------------------ */

static void raise(struct mr_reach *reach, const struct mr_reach_block *b, enum mr_reach_state to)
{
    reach->states[b->index] = (uint8_t)to;
    put(reach, b);
}

/* What lies behind the bytes that were asked for is no pointer into them. */
static void meet_inside(struct mr_reach *reach, uintptr_t word, const struct mr_reach_block *b)
{
    struct inside in = { word, b->start, word - b->start, reach->ask(reach->ctx, b) };
    if (in.offset >= in.asked.most)
        return;
    if (is_as_good_as_start(reach, &in)) {
        raise(reach, b, MR_REACH_REACHABLE);
    } else if (reach->states[b->index] == MR_REACH_UNSEEN) {
        reach->states[b->index] = MR_REACH_INTERIOR;
        reach->later[reach->later_count++] = b->start;
    }
}

static void meet_from_root(struct mr_reach *reach, uintptr_t word, const struct mr_reach_block *b)
{
    if (reach->states[b->index] == MR_REACH_REACHABLE)
        return;
    if (word == b->start)
        raise(reach, b, MR_REACH_REACHABLE);
    else
        meet_inside(reach, word, b);
}

static void judge(struct mr_reach *reach, uintptr_t word, const struct mr_reach_block *b)
{
    uint8_t state = reach->states[b->index];
    if (state == MR_REACH_FREE)
        return;
    if (reach->phase == ROOTS) {
        meet_from_root(reach, word, b);
    } else if (reach->phase == INTERIORS && state < MR_REACH_POSSIBLE) {
        raise(reach, b, MR_REACH_POSSIBLE);
    } else if (reach->phase == HEADS && state == MR_REACH_UNSEEN) {
        raise(reach, b, MR_REACH_LOST);
    } else if (reach->phase == HOLDERS && state == MR_REACH_LOST) {
        reach->holders[b->index] = reach->head;
        raise(reach, b, MR_REACH_INDIRECT);
    }
}

/* A state and a block are seldom in the processor's cache: they are asked for when a pointer is met and looked at
 * when a few more have been (a queue in front of the stack: Cher, Hosking and Vijaykumar, ASPLOS 2004). */
static void settle(struct mr_reach *reach, uint32_t open)
{
    while (reach->met - reach->settled > open) {
        struct mr_reach_meeting meeting = reach->meetings[reach->settled++ % MR_REACH_MEETINGS];
        judge(reach, meeting.word, &meeting.block);
    }
}

static void meet(struct mr_reach *reach, uintptr_t word)
{
    struct mr_reach_meeting *meeting = &reach->meetings[reach->met % MR_REACH_MEETINGS];
    meeting->word = word;
    if (!reach->find(reach->ctx, word, &meeting->block))
        return;
    __builtin_prefetch(&reach->states[meeting->block.index]);
    __builtin_prefetch((const void *)meeting->block.start);
    reach->met++;
    settle(reach, MR_REACH_MEETINGS - 1);
}

/* ---- many words ------------------------------------------------------------------------------------------------- */

/* Where it is only matters when a word is taken for a pointer, or when the range itself faults. */
MR_NO_SANITIZE static void look_through(struct mr_reach *reach)
{
    uintptr_t low = reach->low, span = reach->high - low;
    const uintptr_t *p = (const uintptr_t *)mr_align_up(reach->at, sizeof *p);
    const uintptr_t *end = (const uintptr_t *)mr_align_down(reach->end, sizeof *p);
    for (; p < end; p++) {
        uintptr_t word = *p;
        if (MR_LIKELY(word - low >= span))
            continue;
        reach->at = (uintptr_t)p;
        meet(reach, word);
    }
    reach->at = reach->end;
}

/* The fault came from the range: go on with its next OS page. Or from what a word led to: with the next word. */
MR_NOINLINE static void step_over(struct mr_reach *reach)
{
    uintptr_t next = mr_align_down(fault.address, mr_os_page) + mr_os_page;
    bool here = fault.address >= mr_align_down(reach->at, 8) && fault.address < reach->end;
    reach->at = here ? mr_min(next, reach->end) : reach->at + sizeof(uintptr_t);
    reach->faults++;
}

static void set_run(struct mr_reach *reach, uintptr_t from, uintptr_t to)
{
    reach->at = from;
    reach->end = to;
    reach->scanned += to - from;
}

/* The next part of the range that began, without the OS pages that hold nothing. */
static bool next_of_range(struct mr_reach *reach)
{
    uintptr_t from = reach->rest;
    uintptr_t end = from < reach->rest_end ? mr_maps_next_run(reach->rest_pages, reach->rest_own, &from, reach->rest_end) : 0;
    reach->rest = end ? end : reach->rest_end;
    if (end)
        set_run(reach, from, mr_min(end, reach->rest_end));
    return end != 0;
}

static void start_range(struct mr_reach *reach, uintptr_t from, uintptr_t to, int pages, bool own)
{
    reach->rest = from;
    reach->rest_end = to;
    reach->rest_pages = pages;
    reach->rest_own = own;
}

static bool next_block(struct mr_reach *reach)
{
    struct mr_reach_block b;
    if (reach->work_count == 0)
        return false;
    if (!reach->find(reach->ctx, reach->work[--reach->work_count], &b))
        return true;
    /* Behind what was asked for lies what somebody else left there. */
    size_t bytes = mr_min(b.size, reach->ask(reach->ctx, &b).most);
    if (bytes >= SPARSE)
        start_range(reach, b.start, b.start + bytes, reach->pages, false);
    else
        set_run(reach, b.start, b.start + bytes);
    return true;
}

MR_NOINLINE static void look_through_list(struct mr_reach *reach)
{
    do {
        look_through(reach);
        if (reach->rest == reach->rest_end && reach->work_count == 0)
            settle(reach, 0);
    } while (next_of_range(reach) || next_block(reach));
}

/* Everything that the range and the list lead to. */
MR_NOINLINE static void drain(struct mr_reach *reach)
{
    reach->at = reach->end = 0;
    if (__builtin_setjmp(fault.resume))
        step_over(reach);
    look_through_list(reach);
}

/* ---- the phases --------------------------------------------------------------------------------------------------- */

void mr_mark_root(struct mr_reach *reach, const struct mr_root *root)
{
    bool small = root->to - root->from < SPARSE && !root->own;
    start_range(reach, root->from, root->to, small ? -1 : root->own ? reach->pages : reach->shared_pages, root->own);
    drain(reach);
}

void mr_mark_block(struct mr_reach *reach, const struct mr_reach_block *block)
{
    if (reach->states[block->index] != MR_REACH_REACHABLE)
        raise(reach, block, MR_REACH_REACHABLE);
    drain(reach);
}

static void keep(struct mr_reach *reach, uintptr_t at, struct mr_reach_block *block)
{
    if (reach->find(reach->ctx, at, block) && reach->states[block->index] != MR_REACH_FREE)
        reach->states[block->index] = MR_REACH_REACHABLE;
    else
        block->size = 0;
}

/* Two words per module: the block as it is used, and as it was allocated (or NULL). */
void mr_mark_vector(struct mr_reach *reach, uintptr_t vector)
{
    struct mr_reach_block entries, block;
    keep(reach, vector - 2 * sizeof(uintptr_t), &entries);
    for (size_t at = 16; at + 16 <= entries.size; at += 16)
        keep(reach, word_at(entries.start + at + 8), &block);
}

void mr_mark_possible(struct mr_reach *reach)
{
    reach->phase = INTERIORS;
    while (reach->later_count) {
        struct mr_reach_block b;
        uintptr_t start = reach->later[--reach->later_count];
        if (!reach->find(reach->ctx, start, &b) || reach->states[b.index] != MR_REACH_INTERIOR)
            continue;
        raise(reach, &b, MR_REACH_POSSIBLE);
        drain(reach);
    }
    reach->phase = HEADS;
}

void mr_mark_lost(struct mr_reach *reach, const struct mr_reach_block *block)
{
    if (reach->states[block->index] != MR_REACH_UNSEEN)
        return;
    reach->later[reach->later_count++] = block->start;
    raise(reach, block, MR_REACH_LOST);
    drain(reach);
}

void mr_mark_lost_done(struct mr_reach *reach)
{
    reach->phase = HOLDERS;
    while (reach->later_count) {
        struct mr_reach_block b;
        uintptr_t start = reach->later[--reach->later_count];
        if (!reach->find(reach->ctx, start, &b) || reach->states[b.index] != MR_REACH_LOST)
            continue;
        reach->head = b.start;
        raise(reach, &b, MR_REACH_DEFINITE);
        drain(reach);
    }
}
