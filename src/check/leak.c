/* leak.c: which blocks in use the program can still get at.
 *
 *   1. keep the heap's spans as they are (its lock: a thread must not be stopped while it has it)
 *   2. stop the other threads
 *   3. copy the process, and let the threads run on; marking goes on in the copy. In place: mark now
 *   4. roots, then what only interior pointers lead to, then what nothing leads to
 */
#include "check.h"

#include "conf.h"
#include "os.h"

enum { OWN_MOST = 128, TABLES_MOST = 80, PATIENCE_MS = 1000, COPY_PATIENCE_MS = 600 * 1000 };

struct check {
    const struct mr_leak_request *request;
    struct mr_leak_result *result; /* shared with the copy */
    struct mr_reach_self self;
    struct mr_world world;
    int shared_pages;
    struct mr_find find;
    struct mr_roots roots;
    struct mr_reach reach;
};

/* ---- what the marker asks ---------------------------------------------------------------------------------- */

/* Of a checked block the program has a part, whose start is what its pointers lead to. */
static struct mr_reach_block part_of(struct mr_find_block found)
{
    if (mr_check_has_zones())
        mr_checked_user(&found.start, &found.size);
    return (struct mr_reach_block){ found.start, found.size, found.index };
}

static bool find(const void *ctx, uintptr_t word, struct mr_reach_block *block)
{
    struct mr_find_block found;
    if (!mr_find_place(ctx, word, &found))
        return false;
    struct mr_reach_block part = part_of(found);
    if (word - part.start >= part.size && word != part.start)
        return false;
    *block = part; /* not before: what stands there may lie where pointers are looked for */
    return true;
}

/* Exact where somebody has labelled the block. Otherwise what its size was rounded up from: classes lie an eighth apart, or 16 bytes;
 * a rest too short for a block stays with it; buddies double. */
static struct mr_reach_asked ask(const void *ctx, const struct mr_reach_block *block)
{
    struct mr_tag tag;
    size_t size = block->size;
    (void)ctx;
    if (mr_check_has_zones())
        return (struct mr_reach_asked){ size, size };
    if (mr_tag_get((const void *)block->start, &tag) && tag.label != 0)
        return (struct mr_reach_asked){ tag.size, tag.size };
    bool doubling = mr_conf.strategy == MR_STRATEGY_BUDDY;
    return (struct mr_reach_asked){ size - (doubling ? size / 2 + 8 : mr_max(size / 8, 31)), size };
}

/* ---- roots ---------------------------------------------------------------------------------------------------- */

static const char *collect_roots(struct check *c)
{
    const struct mr_leak_request *request = c->request;
    struct mr_find_range own[OWN_MOST];
    struct mr_range excluded[OWN_MOST + 1 + TABLES_MOST + MR_LEAK_EXCLUDED];
    size_t n = mr_find_own(own, OWN_MOST);
    for (size_t i = 0; i < n; i++)
        excluded[i] = (struct mr_range){ own[i].from, own[i].to };
    if (mr_maps_own_data(&excluded[n].from, &excluded[n].to))
        n++;
    n += mr_watch_tables(&excluded[n], TABLES_MOST);
    for (size_t i = 0; i < request->excluded_count && i < MR_LEAK_EXCLUDED; i++)
        excluded[n++] = request->excluded[i];
    return mr_roots_collect(&c->roots, &c->world, &c->self, excluded, n);
}

static void mark_at(void *ctx, uintptr_t at, size_t bytes)
{
    struct check *c = ctx;
    struct mr_reach_block block;
    (void)bytes;
    if (find(&c->find, at, &block) && c->reach.states[block.index] != MR_REACH_FREE)
        mr_mark_block(&c->reach, &block);
}

static void mark_region(void *ctx, uintptr_t at, size_t bytes)
{
    struct check *c = ctx;
    mr_mark_root(&c->reach, &(struct mr_root){ at, at + bytes, false });
}

static void mark_if_exempt(void *ctx, const struct mr_find_block *block)
{
    struct check *c = ctx;
    struct mr_reach_block part = part_of(*block);
    if (c->request->is_exempt(c->request->ctx, part.start))
        mark_at(c, part.start, part.size);
}

/* A stack that lies in a block keeps that block. */
static void mark_stacks_in_blocks(struct check *c)
{
    mark_at(c, c->self.sp, 0);
    for (uint32_t i = 0; i < c->world.count; i++)
        if (c->world.threads[i].state == MR_WORLD_STOPPED)
            mark_at(c, c->world.threads[i].sp, 0);
}

static void mark_roots(struct check *c)
{
    for (size_t i = 0; i < c->roots.vector_count; i++)
        mr_mark_vector(&c->reach, c->roots.vectors[i]);
    for (size_t i = 0; i < c->roots.count; i++)
        mr_mark_root(&c->reach, &c->roots.roots[i]);
    mr_exempt_each_region(mark_region, c);
    mr_exempt_each_object(mark_at, c);
    mark_stacks_in_blocks(c);
    if (c->request->is_exempt)
        mr_find_each(&c->find, mark_if_exempt, c);
}

/* ---- what is lost ------------------------------------------------------------------------------------------------ */

static void mark_lost(void *ctx, const struct mr_find_block *b)
{
    struct check *c = ctx;
    struct mr_reach_block part = part_of(*b);
    mr_mark_lost(&c->reach, &part);
}

static enum mr_leak_kind kind_of(uint8_t state)
{
    switch (state) {
    case MR_REACH_DEFINITE:
        return MR_LEAK_DEFINITE;
    case MR_REACH_INDIRECT:
        return MR_LEAK_INDIRECT;
    case MR_REACH_POSSIBLE:
        return MR_LEAK_POSSIBLE;
    default:
        return MR_LEAK_REACHABLE;
    }
}

static void book(struct check *c, const struct mr_find_block *b, enum mr_leak_kind kind)
{
    struct mr_leak_sum *sum = &c->result->kinds[kind];
    struct mr_reach_block part = part_of(*b);
    sum->blocks++;
    sum->bytes += part.size;
    if (c->request->each)
        c->request->each(c->request->ctx, &(struct mr_leak_block){
            part.start, part.size, kind, kind == MR_LEAK_INDIRECT ? mr_mark_holder(&c->reach, b->index) : 0 });
}

static void book_head(void *ctx, const struct mr_find_block *b)
{
    struct check *c = ctx;
    if (c->reach.states[b->index] == MR_REACH_DEFINITE)
        book(c, b, MR_LEAK_DEFINITE);
}

static void book_rest(void *ctx, const struct mr_find_block *b)
{
    struct check *c = ctx;
    if (c->reach.states[b->index] != MR_REACH_DEFINITE)
        book(c, b, kind_of(c->reach.states[b->index]));
}

/* ---- all of it ------------------------------------------------------------------------------------------------------ */

static bool open_reach(struct check *c)
{
    c->reach = (struct mr_reach){
        .find = find,
        .ask = ask,
        .ctx = &c->find,
        .low = c->find.low,
        .high = c->find.high,
        .states = c->find.notes,
        .count = c->find.count,
        .constants = c->roots.constants,
        .constant_count = c->roots.constant_count,
        .pages = mr_maps_open_pages(),
        .shared_pages = c->shared_pages,
    };
    return mr_mark_open(&c->reach);
}

static void mark(struct check *c)
{
    mark_roots(c);
    mr_mark_possible(&c->reach);
    mr_find_each(&c->find, mark_lost, c);
    mr_mark_lost_done(&c->reach);
    mr_find_each(&c->find, book_head, c);
    mr_find_each(&c->find, book_rest, c);
    c->result->cut = c->roots.cut;
    c->result->faults = c->reach.faults;
    c->result->scanned_bytes = c->reach.scanned;
    mr_mark_close(&c->reach);
}

/* Where every block has a tag, one without is on its way home, wherever that led; what waits in quarantine was freed. */
static bool is_gone(const struct mr_find_block *b)
{
    struct mr_tag tag;
    struct mr_find_block part = *b;
    if (mr_lookup_slice((const void *)b->start) && !mr_tag_get((const void *)b->start, &tag))
        return true;
    return mr_check_has_zones() && !mr_checked_user(&part.start, &part.size);
}

static void strike_gone(void *ctx, const struct mr_find_block *b)
{
    struct check *c = ctx;
    if (is_gone(b)) {
        c->find.notes[b->index] = 0;
        c->find.in_use--;
    }
}

/* The roots first: what is mapped afterwards is ours. */
static void mark_process(struct check *c)
{
    static const char no_memory[] = "there is no memory for the tables of the leak check";
    uint64_t since = mr_clock_ns();
    c->reach.pages = -1;
    c->result->impossible = collect_roots(c);
    if (!c->result->impossible && !mr_find_open(&c->find))
        c->result->impossible = no_memory;
    if (!c->result->impossible && mr_heap_watch == MR_WATCH_ALL)
        mr_find_each(&c->find, strike_gone, c);
    if (!c->result->impossible && !open_reach(c))
        c->result->impossible = no_memory;
    if (!c->result->impossible)
        mark(c);
    mr_find_close(&c->find);
    mr_roots_release(&c->roots);
    if (c->reach.pages >= 0)
        mr_file_close(c->reach.pages);
    c->result->mark_ns = mr_clock_ns() - since;
}

static void note_threads(struct check *c)
{
    struct mr_leak_result *result = c->result;
    result->threads = c->world.count;
    result->unstopped = c->world.unstopped;
    result->unlisted = c->world.unlisted;
    size_t n = 0;
    for (uint32_t i = 0; i < c->world.count && n < MR_LEAK_TIDS; i++)
        if (c->world.threads[i].state == MR_WORLD_ASKED || c->world.threads[i].state == MR_WORLD_BLOCKED)
            result->unstopped_tids[n++] = c->world.threads[i].tid;
}

/* The world runs on as soon as the copy is made. */
static void mark_copy(struct check *c, int64_t copy)
{
    if (copy == 0) {
        mark_process(c);
        mr_world_leave(0);
    }
    uint64_t pause = mr_world_resume(&c->world);
    mr_heap_thaw();
    if (!mr_world_reap(copy, COPY_PATIENCE_MS))
        c->result->impossible = "the copy of the process that was to mark its blocks did not finish";
    c->result->pause_ns = pause;
}

static void mark_in_place(struct check *c)
{
    c->result->in_place = true;
    mark_process(c);
    c->result->pause_ns = mr_world_resume(&c->world);
    mr_heap_thaw();
}

static const char *stand_still(struct check *c, unsigned ms)
{
    if (!mr_heap_freeze(ms))
        return "the heap was in the middle of a change";
    if (mr_world_stop(&c->world, ms))
        return NULL;
    mr_heap_thaw();
    return "another thread is checking for leaks";
}

static void check(struct check *c)
{
    unsigned ms = c->request->patience_ms ? c->request->patience_ms : PATIENCE_MS;
    c->result->impossible = stand_still(c, ms);
    if (c->result->impossible)
        return;
    note_threads(c);
    c->shared_pages = mr_maps_open_pages();
    int64_t copy = c->result->in_place ? -1 : mr_world_copy();
    if (copy >= 0)
        mark_copy(c, copy);
    else
        mark_in_place(c);
    if (c->shared_pages >= 0)
        mr_file_close(c->shared_pages);
}

/* What the check itself keeps of the heap's addresses lies below the caller's part of the stack. */
MR_NOINLINE static void check_below(const struct mr_leak_request *request, struct mr_leak_result *result, uintptr_t sp)
{
    struct mr_leak_result *shared = request->in_place ? NULL : mr_world_share(mr_os_page);
    struct check c = { .request = request, .result = shared ? shared : result };
    c.self = (struct mr_reach_self){ sp, mr_thread_self(), mr_world_tid() };
    c.result->in_place = !shared;
    check(&c);
    if (shared) {
        *result = *shared;
        mr_vm_release(shared, mr_os_page);
    }
}

/* The caller's registers belong to the roots: they are put on the stack here, above where it is said to begin. */
bool mr_leak_check(const struct mr_leak_request *request, struct mr_leak_result *result)
{
    mr_heap_boot();
    __builtin_unwind_init();
    *result = (struct mr_leak_result){ 0 };
    check_below(request, result, mr_reach_stack_pointer());
    return result->impossible == NULL;
}
