/* heaps.c: the life of thread heaps: made, entered, left behind, adopted; fork. */
#include "classic.h"
#include "conf.h"
#include "harden.h"
#include "heap.h"
#include "space.h"
#include "thread_heap.h"

#include <string.h>

/* The three stand-ins are one array of pointers to the empty slab, seen through three offsets: all
 * that is ever read of them is direct[] and current[]. */
#define NONE (struct mr_slab *)&mr_slab_none
#define NONE_6 NONE, NONE, NONE, NONE, NONE, NONE
#define NONE_30 NONE_6, NONE_6, NONE_6, NONE_6, NONE_6

MR_ALIGNED(MR_HEAP_ALIGN) struct mr_slab *const mr_heap_stand_ins[] = { NONE_30, NONE_30, NONE_30, NONE_30, NONE_30, NONE_30 };
_Static_assert(offsetof(struct mr_heap, queue) + 2 * MR_HEAP_ALIGN <= sizeof mr_heap_stand_ins,
               "the stand-ins cover direct[] and current[]");

MR_TLS struct mr_heap *mr_heap_self = MR_HEAP_NONE;

static struct mr_lock heaps_lock = MR_LOCK_INIT(MR_RANK_HEAPS);
static struct mr_heap *_Atomic all_heaps;
static struct mr_heap *orphans;        /* the warm ones first; under heaps_lock */
static _Atomic unsigned warm_count;    /* heaps that are warm */
static _Atomic uint64_t live_count, made_count;

/* For threads that have ended and for signal handlers that interrupt a slow path: one heap for all,
 * under a lock. */
static struct mr_heap shared;
static struct mr_hand shared_hands[MR_CLASS_COUNT];
static struct mr_lock shared_lock = MR_LOCK_INIT(MR_RANK_LATE);

/* ---- making ------------------------------------------------------------------------------------ */

static void publish(struct mr_heap *heap)
{
    heap->next = atomic_load_explicit(&all_heaps, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&all_heaps, &heap->next, heap, memory_order_release,
                                                  memory_order_relaxed))
        ;
}

static void init_heap(struct mr_heap *heap)
{
    memcpy(heap->direct, mr_heap_stand_ins, sizeof heap->direct);
    memcpy(heap->current, mr_heap_stand_ins, sizeof heap->current);
    heap->cache_room = MR_CACHE_SLICES;
    memcpy(heap->behind, mr_heap_stand_ins, sizeof heap->behind);
    bool hardened = mr_space_guard() != 0, veiled = mr_heap_watch != MR_WATCH_NOTHING || hardened;
    heap->use = veiled ? heap->behind : heap->current;
    if (mr_heap_watch == MR_WATCH_ALL || (heap == &shared && veiled))
        heap->mark = MR_OWNER_WATCHED;
    heap->mark |= hardened ? MR_OWNER_HARDENED : 0;
    if (hardened)
        mr_harden_equip(heap, heap == &shared ? shared_hands : (struct mr_hand *)(heap + 1));
    publish(heap);
}

static struct mr_heap *make_heap(void)
{
    struct mr_heap *heap = mr_space_meta(sizeof *heap + (mr_space_guard() ? sizeof shared_hands : 0));
    if (heap) {
        init_heap(heap);
        atomic_fetch_add_explicit(&made_count, 1, memory_order_relaxed);
    }
    return heap;
}

struct mr_heap *mr_heaps_first(void) { return atomic_load_explicit(&all_heaps, memory_order_acquire); }

void mr_heaps_count(uint64_t *live, uint64_t *made)
{
    *live = atomic_load_explicit(&live_count, memory_order_relaxed);
    *made = atomic_load_explicit(&made_count, memory_order_relaxed);
}

/* ---- orphans -------------------------------------------------------------------------------------- */

/* A thread that starts when another has just ended finds slabs at hand in the heap it adopts. Only a few
 * orphans may keep some, and only so much: what nobody adopts is memory nobody gives back. */
enum { WARM_ORPHANS = 8, WARM_BYTES = 256 << 10 };

static bool holds_little(const struct mr_heap *heap)
{
    size_t bytes = (size_t)(MR_CACHE_SLICES - heap->cache_room) << MR_SLICE_SHIFT;
    for (unsigned word = 0; word < MR_COUNT(heap->kept); word++)
        for (uint64_t left = heap->kept[word]; left; left &= left - 1) {
            unsigned cls = word * 64 + mr_lowest_bit(left);
            bytes += (size_t)heap->use[cls]->ext * mr_sizeclass_bytes[cls];
        }
    return bytes <= WARM_BYTES;
}

void mr_heaps_cool(struct mr_heap *orphan)
{
    if (!orphan->warm || !holds_little(orphan))
        mr_bin_drop_kept(orphan);
}

static bool get_warm(void)
{
    if (atomic_fetch_add_explicit(&warm_count, 1, memory_order_relaxed) < WARM_ORPHANS)
        return true;
    atomic_fetch_sub_explicit(&warm_count, 1, memory_order_relaxed);
    return false;
}

static void get_cold(struct mr_heap *heap)
{
    if (heap->warm)
        atomic_fetch_sub_explicit(&warm_count, 1, memory_order_relaxed);
    heap->warm = false;
}

static void push_orphan(struct mr_heap *heap)
{
    struct mr_heap **link = &orphans;
    while (!heap->warm && *link && (*link)->warm)
        link = &(*link)->next_orphan;
    heap->next_orphan = *link;
    *link = heap;
    atomic_store_explicit(&heap->state, MR_HEAP_ORPHAN, memory_order_release);
}

/* An orphan becomes the caller's, whole. One that is being drained is ours in a moment. */
static struct mr_heap *adopt(void)
{
    mr_lock_acquire(&heaps_lock);
    struct mr_heap *heap = orphans;
    if (heap)
        orphans = heap->next_orphan;
    mr_lock_release(&heaps_lock);
    int expected = MR_HEAP_ORPHAN;
    while (heap && !atomic_compare_exchange_weak_explicit(&heap->state, &expected, MR_HEAP_LIVE, memory_order_acquire,
                                                          memory_order_relaxed)) {
        expected = MR_HEAP_ORPHAN;
        mr_thread_yield();
    }
    if (heap)
        get_cold(heap);
    return heap;
}

/* What the heap holds and nobody needs goes back before it is left to whoever comes. The inbox is
 * emptied before the kept slabs go: a message may empty a slab that is kept. */
static void leave_behind(struct mr_heap *heap)
{
    mr_remote_flush(heap);
    mr_remote_drain(heap);
    heap->warm = get_warm();
    mr_heaps_cool(heap);
    atomic_fetch_sub_explicit(&live_count, 1, memory_order_relaxed);
    mr_lock_acquire(&heaps_lock);
    push_orphan(heap);
    mr_lock_release(&heaps_lock);
}

/* The thread's last act with its heap. Destructors that run after this one allocate from the shared
 * heap, so however many rounds of them follow, nothing is left behind twice. */
static void thread_ends(void *value)
{
    struct mr_heap *heap = value;
    if (mr_heap_self != heap)
        return;
    mr_heap_self = MR_HEAP_BUSY;
    leave_behind(heap);
    mr_heap_self = MR_HEAP_LATE;
}

/* ---- setting up --------------------------------------------------------------------------------------- */

_Atomic int mr_heap_route;
int mr_heap_watch = MR_WATCH_UNKNOWN;
static _Atomic int boot_state; /* 0 not yet, 1 under way, 2 done */
static _Atomic uintptr_t boot_thread;

static void fork_prepare(void);
static void fork_parent(void);
static void fork_child(void);

static const int watch_by_option[] = {
    [MR_TRACE_OFF] = MR_WATCH_NOTHING,
    [MR_TRACE_SAMPLE] = MR_WATCH_SOME,
    [MR_TRACE_FULL] = MR_WATCH_ALL,
};

static void boot(void)
{
    mr_conf_boot();
    mr_heap_watch = mr_conf.check ? MR_WATCH_ALL : watch_by_option[mr_conf.trace];
    if (mr_heap_watch == MR_WATCH_NOTHING && (mr_conf.guard || *mr_conf.fail))
        mr_heap_watch = MR_WATCH_SOME;
    mr_harden_init();
    MR_POKE(mr_harden_alone, mr_space_guard() && mr_heap_watch == MR_WATCH_NOTHING);
    init_heap(&shared);
    bool classic = mr_conf.strategy != MR_STRATEGY_SLAB;
    bool ready = classic ? mr_classic_init((enum mr_fit)(mr_conf.strategy - MR_STRATEGY_FIRST_FIT)) : mr_space_init();
    mr_heap_route = !ready ? MR_ROUTE_NOWHERE : classic ? MR_ROUTE_CLASSIC : MR_ROUTE_SLAB;
    atomic_store_explicit(&boot_state, 2, memory_order_release);
    mr_fork_handlers(fork_prepare, fork_parent, fork_child);
}

void mr_heap_boot(void)
{
    int expected = 0;
    if (MR_LIKELY(atomic_load_explicit(&boot_state, memory_order_acquire) == 2))
        return;
    if (atomic_compare_exchange_strong(&boot_state, &expected, 1)) {
        boot_thread = mr_thread_self();
        boot();
    }
    /* A request of the set-up itself goes on without a heap. */
    while (atomic_load_explicit(&boot_state, memory_order_acquire) != 2 && boot_thread != mr_thread_self())
        mr_thread_yield();
}

/* ---- entering and leaving --------------------------------------------------------------------------------- */

bool (*mr_heaps_holder_waits)(void);

struct mr_heap *mr_heaps_enter_shared(void)
{
    if (mr_lock_is_mine(&shared_lock) || mr_lock_is_mine(&heaps_lock) || mr_lock_is_mine(&mr_space_lock))
        return NULL;
    if (mr_heaps_holder_waits && mr_heaps_holder_waits())
        return NULL;
    mr_lock_acquire(&shared_lock);
    return &shared;
}

/* The first slow path of a thread. While the heap is made, what glibc allocates for us comes from the
 * shared one. */
static struct mr_heap *enter_first(void)
{
    mr_heap_boot();
    mr_heaps_set_self(MR_HEAP_BUSY);
    struct mr_heap *heap = adopt();
    if (!heap)
        heap = make_heap();
    if (!heap) {
        mr_heaps_set_self(MR_HEAP_NONE);
        return mr_heaps_enter_shared();
    }
    atomic_fetch_add_explicit(&live_count, 1, memory_order_relaxed);
    mr_thread_on_exit(thread_ends, heap);
    return heap;
}

struct mr_heap *mr_heaps_enter_rest(void)
{
    /* Also a handler that interrupts a fork, in a thread that has not allocated yet: it holds the locks. */
    if (mr_heap_self != MR_HEAP_NONE || mr_lock_is_mine(&heaps_lock))
        return mr_heaps_enter_shared();
    struct mr_heap *heap = enter_first();
    if (heap && heap != &shared)
        atomic_store_explicit(&heap->busy, true, memory_order_relaxed);
    return heap;
}

void mr_heaps_leave_rest(struct mr_heap *heap)
{
    if (heap == &shared) {
        mr_remote_flush(&shared);
        mr_remote_drain(&shared);
        mr_lock_release(&shared_lock);
        return;
    }
    MR_EXPENSIVE(!MR_EVERY(16) || mr_bin_check(heap) == NULL, "a heap is whole when its thread leaves it");
    atomic_store_explicit(&heap->busy, false, memory_order_relaxed);
    mr_heaps_set_self(heap);
}

bool mr_heaps_is_still(struct mr_heap *heap)
{
    if (heap == &shared)
        return atomic_load_explicit(&shared_lock.state, memory_order_relaxed) == 0;
    int state = atomic_load_explicit(&heap->state, memory_order_relaxed);
    return (state == MR_HEAP_LIVE || state == MR_HEAP_ORPHAN) && !atomic_load_explicit(&heap->busy, memory_order_relaxed);
}

/* ---- fork ------------------------------------------------------------------------------------------------------
 * All locks are held, in rank order, while the process is copied. A fork in a signal handler may
 * find one held by the very thread that forks: it is left alone, on both sides. Handlers of others that
 * were registered before ours run while the locks are held: until they are released this
 * thread counts as busy, and what they allocate comes from elsewhere. */

static struct mr_lock *const fork_locks[] = { &heaps_lock, &shared_lock, &mr_classic_lock, &mr_space_lock,
                                            &mr_guarded_lock };
static bool fork_took[MR_COUNT(fork_locks)], fork_mine[MR_COUNT(fork_locks)];
static struct mr_heap *fork_self; /* the forking thread's; under all the locks */

/* With one of the locks already ours, waiting for the others could be waiting for somebody who waits for
 * us: they are tried for a while. One that is not had is free in the child, where its holder is gone. */
static void fork_prepare(void)
{
    enum { PATIENCE_MS = 100 };
    struct mr_heap *self = mr_heap_self;
    bool nested = false;
    mr_heaps_set_self(MR_HEAP_BUSY); /* before the first lock: a handler that comes between two must not wait for others */
    for (size_t i = 0; i < MR_COUNT(fork_locks); i++)
        nested |= mr_lock_is_mine(fork_locks[i]);
    for (size_t i = 0; i < MR_COUNT(fork_locks); i++) {
        bool mine = mr_lock_is_mine(fork_locks[i]);
        bool took = !mine && (!nested || mr_lock_acquire_within(fork_locks[i], PATIENCE_MS));
        if (!nested)
            mr_lock_acquire(fork_locks[i]);
        fork_took[i] = took;
        fork_mine[i] = mine;
    }
    fork_self = self;
}

static void fork_parent(void)
{
    mr_heaps_set_self(fork_self);
    for (size_t i = MR_COUNT(fork_locks); i-- > 0;)
        if (fork_took[i])
            mr_lock_release(fork_locks[i]);
}

/* The other threads are gone. What they owned is free to be adopted, but for heaps that were in the
 * middle of something. */
static void orphan_others(const struct mr_heap *mine)
{
    uint64_t live = 0;
    for (struct mr_heap *heap = mr_heaps_first(); heap; heap = heap->next) {
        int state = atomic_load_explicit(&heap->state, memory_order_relaxed);
        if (heap == &shared || state == MR_HEAP_ORPHAN || state == MR_HEAP_DEAD)
            continue;
        if (heap == mine)
            live = 1;
        else if (state == MR_HEAP_DRAINED || atomic_load_explicit(&heap->busy, memory_order_relaxed))
            atomic_store_explicit(&heap->state, MR_HEAP_DEAD, memory_order_relaxed);
        else
            push_orphan(heap);
    }
    atomic_store_explicit(&live_count, live, memory_order_relaxed);
}

/* A heap that was being drained may be on the orphan list: whoever adopted it would wait for ever. */
static void drop_dead_orphans(void)
{
    for (struct mr_heap **link = &orphans; *link;) {
        if (atomic_load_explicit(&(*link)->state, memory_order_relaxed) == MR_HEAP_DEAD) {
            get_cold(*link);
            *link = (*link)->next_orphan;
        } else {
            link = &(*link)->next_orphan;
        }
    }
}

/* The forking thread's heap: its own, unless it forks in a handler that interrupted a slow path:
 * then the busy mark hides it, and the heap that is busy on this thread is not known. All busy
 * heaps are then left alone. */
static void fork_child(void)
{
    mr_heaps_set_self(fork_self);
    if (mr_heap_where() == MR_ROUTE_SLAB && fork_took[0] && mr_heap_self != MR_HEAP_BUSY) {
        orphan_others(mr_heap_self);
        drop_dead_orphans();
    }
    for (size_t i = 0; i < MR_COUNT(fork_locks); i++)
        mr_lock_after_fork(fork_locks[i], fork_mine[i]);
}
