/* watch.c: who asked for each block, remembered beside it.
 *
 * All: every heap is veiled and marked, so that each request and each free comes here. A block's tag is
 * its site; the figures of sites are booked in the ledger as they change.
 *
 * Some: mallocs come here and count bytes until the next sample is due (a Poisson process over
 * bytes, as in tcmalloc and jemalloc); a sampled block comes from the shared heap, whose slabs are
 * marked, so that its free, and only such, comes here as well. */
#include <string.h>

#include "fail.h"
#include "usual.h"
#include "zone.h"

#include "os.h"
#include "track.h"

/* ---- setting up ---------------------------------------------------------------------------------- */

enum { NOT_YET, UNDER_WAY, DONE };
static _Atomic int open_state;
static _Atomic uintptr_t open_thread;
static const char *open_trouble;
static bool booked; /* call stacks are wanted, and there is a ledger to book into */

static void open_ledger(void)
{
    enum mr_ledger_trace trace = (enum mr_ledger_trace)mr_conf.trace;
    uint64_t interval = trace == MR_LEDGER_TRACE_SAMPLE ? mr_conf.sample_interval : 1;
    bool open = mr_writer_open(mr_conf.ledger, trace, interval, &open_trouble) && mr_track_boot();
    booked = open && mr_conf.trace != MR_TRACE_OFF;
    mr_heaps_holder_waits = mr_track_is_held;
    if (booked && !mr_check_has_zones() && !mr_conf.guard && !*mr_conf.fail)
        mr_usual_way = mr_heap_watch == MR_WATCH_ALL ? MR_USUAL_FULL : MR_USUAL_SAMPLE;
}

/* False while the very thread that opens it asks: a request on the way is not booked. */
static bool is_open(void)
{
    int expected = NOT_YET;
    if (MR_LIKELY(atomic_load_explicit(&open_state, memory_order_acquire) == DONE))
        return booked;
    if (atomic_compare_exchange_strong(&open_state, &expected, UNDER_WAY)) {
        open_thread = mr_thread_self();
        open_ledger();
        atomic_store_explicit(&open_state, DONE, memory_order_release);
    }
    while (atomic_load_explicit(&open_state, memory_order_acquire) != DONE && open_thread != mr_thread_self())
        mr_thread_yield();
    return atomic_load_explicit(&open_state, memory_order_acquire) == DONE && booked;
}

/* The answer to MR_WATCH_UNKNOWN; NOTHING for a request of the set-up itself. */
static int boot(void)
{
    mr_heap_boot();
    return mr_heap_watch == MR_WATCH_UNKNOWN ? MR_WATCH_NOTHING : mr_heap_watch;
}

static int watch_now(void)
{
    int watch = mr_heap_watch;
    return MR_UNLIKELY(watch == MR_WATCH_UNKNOWN) ? boot() : watch;
}

const char *mr_watch_start(void)
{
    mr_heap_boot();
    is_open();
    return open_trouble;
}

/* ---- heaps -------------------------------------------------------------------------------------------- */

/* Watchers lie side by side in a few arrays: they hold addresses of blocks, and leak.c must know where. An array is
 * address space, given memory as it is used; none is ever given back, as heaps are not. */
enum { ARRAYS_MOST = 64, PER_ARRAY = 256 };
static struct mr_range arrays[ARRAYS_MOST];
static _Atomic uint32_t watcher_count;

static size_t watcher_bytes(void) { return mr_align_up(sizeof(struct mr_usual_thread), mr_os_page); }

/* Whoever gets the first place of an array makes it. The others find none until it is there, and try again at their
 * next request. */
static char *place_of(uint32_t n)
{
    struct mr_range *array = &arrays[n / PER_ARRAY];
    size_t bytes = PER_ARRAY * watcher_bytes();
    if (n % PER_ARRAY == 0) {
        char *made = mr_vm_reserve(bytes, mr_os_page);
        array->to = made ? (uintptr_t)made + bytes : 0;
        __atomic_store_n(&array->from, (uintptr_t)made, __ATOMIC_RELEASE);
    }
    uintptr_t from = __atomic_load_n(&array->from, __ATOMIC_ACQUIRE);
    return from ? (char *)from + n % PER_ARRAY * watcher_bytes() : NULL;
}

size_t mr_watch_tables(struct mr_range *ranges, size_t cap)
{
    size_t n = 0;
    for (uint32_t i = 0; i < ARRAYS_MOST && n < cap; i++)
        if (__atomic_load_n(&arrays[i].from, __ATOMIC_ACQUIRE))
            ranges[n++] = arrays[i];
    if (mr_writer_header && n < cap)
        ranges[n++] = (struct mr_range){ (uintptr_t)mr_writer_header,
                                         (uintptr_t)mr_writer_header + mr_writer_header->file_bytes };
    if (n < cap && mr_quarantine_table(&ranges[n]))
        n++;
    return n;
}

static struct mr_usual_thread *take_place(void)
{
    uint32_t n = atomic_fetch_add_explicit(&watcher_count, 1, memory_order_relaxed);
    char *place = n < ARRAYS_MOST * PER_ARRAY ? place_of(n) : NULL;
    return place && mr_vm_commit(place, watcher_bytes()) ? (struct mr_usual_thread *)(void *)place : NULL;
}

/* Tags are looked at, and nothing is recorded. */
static bool is_exact(void)
{
    return mr_conf.check == MR_CHECK_ARGUMENTS && mr_conf.trace == MR_TRACE_OFF && !mr_conf.guard && !*mr_conf.fail;
}

static MR_NOINLINE struct mr_usual_thread *make_watcher(struct mr_heap *heap)
{
    if (is_exact()) {
        mr_usual_way = MR_USUAL_EXACT;
        return NULL;
    }
    struct mr_usual_thread *watcher = is_open() ? take_place() : NULL;
    if (!watcher)
        return NULL;
    watcher->sample.state = (uintptr_t)watcher ^ mr_clock_ms() << 40;
    mr_track_begin(&watcher->track);
    heap->until_sample = mr_sample_next(&watcher->sample, mr_conf.sample_interval);
    return heap->user = watcher;
}

static struct mr_usual_thread *watcher_of(struct mr_heap *heap)
{
    return MR_LIKELY(heap->user != NULL) ? heap->user : make_watcher(heap);
}

static struct mr_track *track_of(struct mr_heap *heap)
{
    struct mr_usual_thread *watcher = heap ? heap->user : NULL;
    return MR_LIKELY(watcher != NULL) ? &watcher->track : NULL;
}

void mr_watch_forked(bool recorded)
{
    struct mr_heap *heap = mr_heap_self;
    booked &= recorded;
    if (!recorded)
        mr_usual_way = MR_USUAL_NONE;
    mr_findings_forked();
    mr_quarantine_forked();
    mr_track_forked(mr_heap_is_real(heap) ? track_of(heap) : NULL);
}

/* ---- booking -------------------------------------------------------------------------------------------- */

/* The program says that what it allocates now is no leak; the site remembers it. */
static void ignore_site(uint32_t site)
{
    struct mr_ledger_site *sites = mr_writer_entries(MR_SECTION_SITES);
    if (site)
        __atomic_fetch_or(&sites[site].flags, MR_SITE_IGNORED, __ATOMIC_RELAXED);
}

/* Who came by the short ways (usual.h) has looked among the stacks met lately. */
static uint32_t site_here(struct mr_track *t, const struct mr_unwind_start *from)
{
    uint32_t site = !mr_usual_way && t && !t->busy ? mr_track_known(t, from->pc, from->sp, from->bp) : 0;
    return MR_LIKELY(site) ? site : mr_track_here(t, from);
}

uint32_t mr_watch_site(struct mr_heap *heap, const struct mr_unwind_start *from)
{
    struct mr_usual_thread *watcher = watcher_of(heap);
    uint32_t site = booked ? site_here(watcher ? &watcher->track : NULL, from) : 0;
    if (MR_UNLIKELY(mr_exempt_is_off()))
        ignore_site(site);
    return MR_LIKELY(site < MR_ZONE_MOVING) ? site : 0;
}

void mr_watch_book(struct mr_heap *heap, uint32_t site, size_t size, const void *p)
{
    if (mr_heap_watch == MR_WATCH_SOME)
        mr_track_alloc_sampled(track_of(heap), site, size, p, mr_conf.sample_interval);
    else if (MR_LIKELY(booked))
        mr_track_alloc(track_of(heap), site, size, p);
}

void mr_watch_unbook(struct mr_heap *heap, const struct mr_tag *tag, const void *p)
{
    if (mr_heap_watch == MR_WATCH_SOME)
        mr_track_free_sampled(track_of(heap), tag->label, tag->size, p, mr_conf.sample_interval);
    else if (MR_LIKELY(booked))
        mr_track_free(track_of(heap), tag->label, tag->size, p);
}

uint32_t mr_watch_stack(const struct mr_unwind_start *from)
{
    struct mr_heap *heap = mr_heap_self;
    return booked ? mr_track_stack(mr_heap_is_real(heap) ? track_of(heap) : NULL, from) : 0;
}

uint32_t mr_watch_stack_in(struct mr_heap *heap, const struct mr_unwind_start *from)
{
    struct mr_track *t = booked ? track_of(heap) : NULL;
    uint32_t node = t && !t->busy ? mr_track_known_stack(t, from->pc, from->sp, from->bp) : 0;
    return MR_LIKELY(node) || !booked ? node : mr_track_stack(t, from);
}

/* ---- taking ------------------------------------------------------------------------------------------------ */

/* The links of the list it lay in would be pointers to blocks, in the eyes of the leak check. */
MR_INLINE void wipe_links(void *p)
{
    ((uint64_t *)p)[0] = ((uint64_t *)p)[1] = 0;
}

static void *take_watched(struct mr_heap *heap, size_t size, size_t align, bool *zero, const struct mr_unwind_start *from)
{
    uint32_t site = mr_watch_site(heap, from);
    void *p = align <= 16 ? mr_heap_try_take_in(heap, size, site) : NULL;
    if (MR_UNLIKELY(!p))
        p = mr_heap_take_in(heap, size, align, zero, site);
    if (p) {
        wipe_links(p);
        mr_watch_book(heap, site, size, p);
    }
    mr_heaps_leave(heap);
    return p;
}

static void *take_all(size_t size, size_t align, bool *zero, const struct mr_unwind_start *from)
{
    struct mr_heap *heap = mr_heap_enter();
    return MR_LIKELY(heap != NULL) ? take_watched(heap, size, align, zero, from)
                                   : mr_heap_take_in(NULL, size, align, zero, 0);
}

/* ---- sampling ---------------------------------------------------------------------------------------------------- */

/* Whether the next sample lies in these bytes. */
static bool is_sample(struct mr_heap *heap, size_t size)
{
    struct mr_usual_thread *watcher = watcher_of(heap);
    heap->until_sample -= watcher ? (int64_t)size : 0;
    if (!watcher || heap->until_sample > 0)
        return false;
    while (heap->until_sample <= 0)
        heap->until_sample += mr_sample_next(&watcher->sample, mr_conf.sample_interval);
    return true;
}

static bool is_sample_due(size_t size)
{
    struct mr_heap *heap = mr_heap_enter();
    bool due = heap && is_sample(heap, size);
    if (heap)
        mr_heaps_leave(heap);
    return due;
}

static void *take_sample(size_t size, size_t align, bool *zero, const struct mr_unwind_start *from)
{
    struct mr_heap *heap = mr_heaps_enter_shared();
    return heap ? take_watched(heap, size, align, zero, from) : NULL;
}

static void *take_plainly(size_t size, size_t align, bool *zero)
{
    *zero = false;
    if (align > 16)
        return mr_heap_aligned(align, size);
    void *p = mr_heap_is_real(mr_heap_self) && mr_heap_watch == MR_WATCH_SOME ? mr_heap_take_behind(size) : NULL;
    return p ? p : mr_heap_malloc_rest(size);
}

static void *take_some(size_t size, size_t align, bool *zero, const struct mr_unwind_start *from)
{
    struct mr_heap *heap = mr_heap_self;
    if (MR_LIKELY(mr_heap_is_real(heap) && heap->until_sample > (int64_t)size)) {
        heap->until_sample -= (int64_t)size;
        return take_plainly(size, align, zero);
    }
    void *p = is_sample_due(mr_max(size, 1)) ? take_sample(size, align, zero, from) : NULL;
    return p ? p : take_plainly(size, align, zero);
}

/* ---- the requests ---------------------------------------------------------------------------------------------------- */

void *mr_watch_take(const struct mr_unwind_start *from, size_t size, size_t align, bool *zero)
{
    *zero = false;
    if (MR_UNLIKELY(mr_heap_is_hopeless(size) || align > PTRDIFF_MAX / 2)) {
        mr_findings_size(size, from);
        return NULL;
    }
    int watch = watch_now();
    void *p = mr_guard_take(from, size, align, zero);
    if (MR_UNLIKELY(p != NULL))
        return p;
    switch (watch) {
    case MR_WATCH_ALL:
        return mr_check_has_zones() ? mr_checked_take(from, size, align, zero) : take_all(size, align, zero, from);
    case MR_WATCH_SOME:
        return mr_conf.trace == MR_TRACE_SAMPLE ? take_some(size, align, zero, from) : take_plainly(size, align, zero);
    default:
        return take_plainly(size, align, zero);
    }
}

static void *take(const struct mr_unwind_start *from, size_t size, size_t align, bool *zero)
{
    return mr_fail_now(from, size) ? NULL : mr_watch_take(from, size, align, zero);
}

/* By the short ways, as the entry layer's; NULL or false, and nothing happened, where there is none. */
static void *no_block(size_t size, uintptr_t pc, uintptr_t sp, uintptr_t bp)
{
    (void)size, (void)pc, (void)sp, (void)bp;
    return NULL;
}

static bool not_given(void *p)
{
    (void)p;
    return false;
}

static void *take_usual(const struct mr_unwind_start *from, size_t size)
{
    switch (mr_usual_way) {
    case MR_USUAL_FULL: return mr_usual_malloc(size, from->pc, from->sp, from->bp, no_block);
    default: return mr_usual_try(size);
    }
}

static bool give_usual(void *p)
{
    switch (mr_usual_way) {
    case MR_USUAL_FULL: return mr_usual_free(p, not_given);
    case MR_USUAL_EXACT: return mr_usual_try_free_exact(p);
    default: return mr_usual_way == MR_USUAL_SAMPLE && mr_heap_try_free(p);
    }
}

static void *fill(void *p, size_t size)
{
    if (p && mr_zone_is_checked(MR_CHECK_FILL))
        mr_fill_set(p, size, MR_FILL_NEW);
    return p;
}

void *mr_watch_malloc(const struct mr_unwind_start *from, size_t size)
{
    bool zero;
    return fill(take(from, size, 16, &zero), size);
}

void *mr_watch_calloc(const struct mr_unwind_start *from, size_t size)
{
    bool zero = false;
    void *p = take_usual(from, size);
    if (!p)
        p = take(from, size, 16, &zero);
    return p && !zero ? mr_heap_clear(p, size) : p;
}

void *mr_watch_aligned(const struct mr_unwind_start *from, size_t align, size_t size)
{
    bool zero;
    return fill(take(from, size, align, &zero), size);
}

/* ---- giving back -------------------------------------------------------------------------------------------------------- */

/* Blocks of the shared heap that were not sampled have no label, and were never booked. */
static bool is_booked(const struct mr_tag *tag) { return tag->label != 0 || mr_heap_watch == MR_WATCH_ALL; }

static enum mr_freed free_watched(void *p, const struct mr_tag *tag)
{
    struct mr_heap *heap = mr_heap_enter();
    enum mr_freed freed = mr_heap_free_in(heap, p);
    if (freed == MR_FREED)
        mr_watch_unbook(heap, tag, p);
    if (heap)
        mr_heaps_leave(heap);
    return freed;
}

enum mr_freed mr_watch_free(const struct mr_unwind_start *from, void *p)
{
    struct mr_tag tag;
    if (mr_guarded_holds(p))
        return mr_guard_free(from, p);
    if (mr_check_has_zones())
        return mr_checked_free(from, p);
    bool watched = p && watch_now() != MR_WATCH_NOTHING && mr_tag_get(p, &tag) && is_booked(&tag);
    return watched ? free_watched(p, &tag) : mr_heap_free_rest(p);
}

/* ---- resizing ------------------------------------------------------------------------------------------------------------ */

/* The block stays, or its pages move; to the books it is a new one, asked for from there. */
static void *resize_watched(const struct mr_unwind_start *from, void *p, size_t size, const struct mr_tag *tag)
{
    struct mr_heap *heap = mr_heap_enter();
    if (!heap)
        return NULL;
    void *q = mr_heap_resize_in(heap, p, size);
    if (q) {
        uint32_t site = mr_watch_site(heap, from);
        mr_watch_unbook(heap, tag, p);
        mr_tag_set(q, site, size);
        mr_watch_book(heap, site, size, q);
    }
    mr_heaps_leave(heap);
    return q;
}

static void *resize_by_copying(const struct mr_unwind_start *from, void *p, size_t size)
{
    bool zero;
    size_t usable = mr_heap_usable(p, NULL);
    void *q = take_usual(from, size);
    if (!q)
        q = mr_watch_take(from, size, 16, &zero);
    if (!q)
        return NULL;
    memcpy(q, p, mr_min(usable, size));
    if (!give_usual(p))
        mr_watch_free(from, p);
    return q;
}

/* Where all blocks of slabs have tags, these know which are in use; the heap takes each for one. */
static size_t usable_of(const void *p, enum mr_freed *known)
{
    struct mr_tag tag;
    struct mr_tag_spot spot;
    if (mr_heap_watch == MR_WATCH_ALL && MR_LIKELY(mr_tag_around(p, &spot) && spot.block == p && *spot.tag != 0)) {
        *known = MR_FREED;
        return spot.usable;
    }
    size_t usable = mr_heap_usable(p, known);
    if (*known != MR_FREED || mr_heap_watch != MR_WATCH_ALL || usable > MR_SLAB_MAX || !mr_lookup_slice(p) || mr_tag_get(p, &tag))
        return usable;
    *known = MR_NOT_A_BLOCK;
    return 0;
}

/* A block that is not in the books: what it grows by is sampled, and a large one is not copied for that. */
static void *resize_unbooked(const struct mr_unwind_start *from, void *p, size_t size, enum mr_freed *freed)
{
    size_t usable = usable_of(p, freed);
    if (*freed != MR_FREED)
        return NULL;
    mr_findings_size(size, from);
    if (mr_heap_is_hopeless(size))
        return NULL;
    bool stays = size <= usable || usable > MR_SLAB_MAX;
    if (mr_heap_watch == MR_WATCH_NOTHING || (mr_heap_watch == MR_WATCH_SOME && stays))
        return mr_heap_realloc(p, size, freed);
    return resize_by_copying(from, p, size);
}

void *mr_watch_realloc(const struct mr_unwind_start *from, void *p, size_t size, enum mr_freed *freed)
{
    struct mr_tag tag;
    *freed = MR_FREED;
    if (mr_fail_now(from, size))
        return NULL;
    if (mr_guarded_holds(p))
        return mr_guard_realloc(from, p, size, freed);
    if (mr_check_has_zones())
        return mr_checked_realloc(from, p, size, freed);
    if (watch_now() == MR_WATCH_NOTHING || !mr_tag_get(p, &tag) || !is_booked(&tag))
        return resize_unbooked(from, p, size, freed);
    *freed = MR_FREED;
    mr_findings_size(size, from);
    if (mr_heap_is_hopeless(size))
        return NULL;
    void *q = resize_watched(from, p, size, &tag);
    return q ? q : resize_by_copying(from, p, size);
}

size_t mr_watch_usable(const void *p, enum mr_freed *known)
{
    return mr_check_has_zones() ? mr_checked_usable(p, known) : usable_of(p, known);
}
