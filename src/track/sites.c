/* sites.c: booking.
 *
 * An event of site s goes to entry s % MR_LANE_ENTRIES of the thread's lane, by plain additions on memory no
 * other thread writes. When another site has the entry, the event goes to its own site, atomically; an entry
 * bears CREDIT such events, then its figures move to its site and it is the newcomer's. So sites that
 * alternate do not push each other out each time, and an entry whose site has gone cold is not kept for long. */
#include "sites.h"

enum { CREDIT = 16 };
static const uint64_t LARGE = 32 * MR_KIB; /* without a lane: look at the peak at once */

static struct mr_ledger_site *site_at(uint32_t site)
{
    MR_ASSERT(site < mr_writer_count(MR_SECTION_SITES), "sites come from mr_track_here");
    return (struct mr_ledger_site *)mr_writer_entries(MR_SECTION_SITES) + site;
}

static void add(uint64_t *figure, uint64_t n)
{
    if (n)
        __atomic_fetch_add(figure, n, __ATOMIC_RELAXED);
}

static struct mr_ledger_delta *entry_of(struct mr_track *t, uint32_t site)
{
    return &t->lane->deltas[site % MR_LANE_ENTRIES];
}

/* ---- a lane's entry changes hands --------------------------------------------------------------- */

/* Figure by figure, each with a note of what the site's was before: if the process is killed here, readers can
 * tell whether the figure has arrived. */
static void move(struct mr_ledger_lane *lane, uint32_t figure, uint64_t *from, uint64_t *to)
{
    uint64_t n = MR_PEEK(*from), seen = MR_PEEK(*to);
    if (n == 0)
        return;
    do {
        __atomic_store_n(&lane->moving_figure, 0, __ATOMIC_RELEASE);
        __atomic_store_n(&lane->moving_from, seen, __ATOMIC_RELEASE);
        __atomic_store_n(&lane->moving_figure, figure, __ATOMIC_RELEASE);
    } while (!__atomic_compare_exchange_n(to, &seen, seen + n, true, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
    __atomic_store_n(from, 0, __ATOMIC_RELEASE);
}

static MR_NOINLINE void replace(struct mr_ledger_lane *lane, struct mr_ledger_delta *d, uint32_t site)
{
    struct mr_ledger_site *old = site_at(MR_PEEK(d->site));
    uint32_t seq = MR_PEEK(d->seq);
    MR_POKE(lane->moving_entry, (uint32_t)(d - lane->deltas));
    __atomic_store_n(&lane->moving_figure, 0, __ATOMIC_RELEASE);
    __atomic_exchange_n(&d->seq, seq + 1, __ATOMIC_ACQ_REL);
    for (uint32_t figure = MR_FIGURE_ALLOCS; figure < MR_FIGURE_COUNT; figure++)
        move(lane, figure, &d->allocs + figure - MR_FIGURE_ALLOCS, &old->allocs + figure - MR_FIGURE_ALLOCS);
    MR_POKE(d->site, site);
    __atomic_store_n(&d->seq, seq + 2, __ATOMIC_RELEASE);
}

/* Another site has the entry: true if it gives way. */
static bool claim(struct mr_track *t, struct mr_ledger_delta *d, uint32_t site)
{
    uint8_t *credit = &t->credit[site % MR_LANE_ENTRIES];
    if (MR_PEEK(d->site) == site)
        return true;
    if (*credit > 0) {
        --*credit;
        return false;
    }
    *credit = CREDIT;
    replace(t->lane, d, site);
    return true;
}

/* ---- booking ------------------------------------------------------------------------------------ */

static MR_NOINLINE void alloc_at_site(uint32_t site, uint64_t blocks, uint64_t bytes)
{
    struct mr_ledger_site *s = site_at(site);
    add(&s->allocs, blocks);
    add(&s->alloc_bytes, bytes);
}

static MR_NOINLINE void free_at_site(uint32_t site, uint64_t blocks, uint64_t bytes, uint64_t temporary)
{
    struct mr_ledger_site *s = site_at(site);
    add(&s->frees, blocks);
    add(&s->freed_bytes, bytes);
    add(&s->temporary, temporary);
}

static void look_now_and_then(uint64_t events, uint64_t bytes)
{
    bool due = events % MR_TRACK_LOOK == 0;
    if (due || bytes >= LARGE)
        mr_peaks_look(NULL);
    if (due)
        mr_timeline_look();
}

static MR_NOINLINE void alloc_without_lane(uint32_t site, uint64_t blocks, uint64_t bytes)
{
    struct mr_ledger_lane *all = mr_writer_entries(MR_SECTION_LANES);
    uint64_t events = __atomic_add_fetch(&all->allocs, blocks, __ATOMIC_RELAXED);
    add(&all->alloc_bytes, bytes);
    alloc_at_site(site, blocks, bytes);
    look_now_and_then(events, bytes);
}

static MR_NOINLINE void free_without_lane(uint32_t site, uint64_t blocks, uint64_t bytes)
{
    struct mr_ledger_lane *all = mr_writer_entries(MR_SECTION_LANES);
    add(&all->frees, blocks);
    add(&all->freed_bytes, bytes);
    free_at_site(site, blocks, bytes, 0);
}

MR_NOINLINE void mr_track_look(struct mr_track *t, bool at_the_peak)
{
    if (at_the_peak)
        mr_peaks_look(t);
    mr_timeline_look();
}

/* The compiler must keep the order; a handler of this thread is all that could see it. */
MR_INLINE void enter(struct mr_track *t)
{
    t->busy = true;
    atomic_signal_fence(memory_order_seq_cst);
}

MR_INLINE void leave(struct mr_track *t)
{
    atomic_signal_fence(memory_order_seq_cst);
    t->busy = false;
}

MR_INLINE bool is_free_to_use(const struct mr_track *t) { return t && !t->busy && t->lane; }

/* The lane's own totals; then what is to be looked at. Every few events, and when the lane's bytes in use pass the
 * limit. */
MR_INLINE void finish_alloc(struct mr_track *t, uint64_t blocks, uint64_t bytes, const void *block)
{
    struct mr_ledger_lane *lane = t->lane;
    uint64_t events = MR_ADD(lane->allocs, blocks);
    bool high = (int64_t)(MR_ADD(lane->alloc_bytes, bytes) - MR_GLANCE(lane->freed_bytes)) > t->limit;
    t->last = block;
    leave(t);
    if (MR_UNLIKELY(high | (events % MR_TRACK_LOOK == 0)))
        mr_track_look(t, high);
}

MR_INLINE void finish_free(struct mr_track *t, uint64_t blocks, uint64_t bytes)
{
    struct mr_ledger_lane *lane = t->lane;
    uint64_t events = MR_ADD(lane->frees, blocks);
    MR_ADD(lane->freed_bytes, bytes);
    t->last = NULL;
    leave(t);
    if (MR_UNLIKELY(events % MR_TRACK_LOOK == 0))
        mr_track_look(t, false);
}

static MR_NOINLINE void alloc_missed(struct mr_track *t, uint32_t site, uint64_t blocks, uint64_t bytes,
                                     const void *block)
{
    struct mr_ledger_delta *d = entry_of(t, site);
    if (claim(t, d, site)) {
        MR_ADD(d->allocs, blocks);
        MR_ADD(d->alloc_bytes, bytes);
    } else {
        alloc_at_site(site, blocks, bytes);
    }
    finish_alloc(t, blocks, bytes, block);
}

static MR_NOINLINE void free_missed(struct mr_track *t, uint32_t site, uint64_t blocks, uint64_t bytes,
                                    const void *block)
{
    struct mr_ledger_delta *d = entry_of(t, site);
    uint64_t temporary = block == t->last ? blocks : 0;
    if (claim(t, d, site)) {
        MR_ADD(d->frees, blocks);
        MR_ADD(d->freed_bytes, bytes);
        MR_ADD(d->temporary, temporary);
    } else {
        free_at_site(site, blocks, bytes, temporary);
    }
    finish_free(t, blocks, bytes);
}

/* What is rare is a tail call: the common way saves no registers. */
MR_INLINE void book_alloc(struct mr_track *t, uint32_t site, uint64_t blocks, uint64_t bytes, const void *block)
{
    if (MR_UNLIKELY(!is_free_to_use(t))) {
        alloc_without_lane(site, blocks, bytes);
        return;
    }
    enter(t);
    struct mr_ledger_delta *d = entry_of(t, site);
    if (MR_UNLIKELY(MR_GLANCE(d->site) != site)) {
        alloc_missed(t, site, blocks, bytes, block);
        return;
    }
    MR_ADD(d->allocs, blocks);
    MR_ADD(d->alloc_bytes, bytes);
    finish_alloc(t, blocks, bytes, block);
}

MR_INLINE void book_free(struct mr_track *t, uint32_t site, uint64_t blocks, uint64_t bytes, const void *block)
{
    if (MR_UNLIKELY(!is_free_to_use(t))) {
        free_without_lane(site, blocks, bytes);
        return;
    }
    enter(t);
    struct mr_ledger_delta *d = entry_of(t, site);
    if (MR_UNLIKELY(MR_GLANCE(d->site) != site)) {
        free_missed(t, site, blocks, bytes, block);
        return;
    }
    MR_ADD(d->frees, blocks);
    MR_ADD(d->freed_bytes, bytes);
    if (block == t->last)
        MR_ADD(d->temporary, blocks);
    finish_free(t, blocks, bytes);
}

void mr_track_alloc(struct mr_track *t, uint32_t site, size_t bytes, const void *block)
{
    book_alloc(t, site, 1, bytes, block);
}

void mr_track_free(struct mr_track *t, uint32_t site, size_t bytes, const void *block)
{
    book_free(t, site, 1, bytes, block);
}

/* ---- booking of sampled blocks ------------------------------------------------------------------ */

struct estimate { uint64_t blocks, bytes; };

/* Blocks are whole: the fraction is rounded up or down by a hash of the address, so that many blocks are right on
 * average, and one is booked alike when it comes and when it goes. */
static struct estimate estimate_of(size_t bytes, const void *block, uint64_t mean)
{
    double weight = mr_sample_weight(bytes, mean);
    double dither = mr_mix32((uint32_t)((uintptr_t)block >> 4) ^ (uint32_t)((uintptr_t)block >> 36)) * 0x1p-32;
    return (struct estimate){ (uint64_t)(weight + dither), (uint64_t)(weight * (double)bytes + 0.5) };
}

void mr_track_alloc_sampled(struct mr_track *t, uint32_t site, size_t bytes, const void *block, uint64_t mean)
{
    struct estimate e = estimate_of(bytes, block, mean);
    book_alloc(t, site, e.blocks, e.bytes, block);
    mr_timeline_look(); /* samples are far apart */
}

void mr_track_free_sampled(struct mr_track *t, uint32_t site, size_t bytes, const void *block, uint64_t mean)
{
    struct estimate e = estimate_of(bytes, block, mean);
    book_free(t, site, e.blocks, e.bytes, block);
}

/* ---- reading ------------------------------------------------------------------------------------ */

struct mr_sum mr_sites_sum(uint32_t site)
{
    struct mr_sum sum;
    const struct mr_ledger_lane *lanes = mr_writer_entries(MR_SECTION_LANES);
    mr_sum_site(&sum, site_at(site), site, lanes, mr_writer_count(MR_SECTION_LANES));
    return sum;
}

struct mr_sum mr_sites_total(void)
{
    return mr_sum_lanes(mr_writer_entries(MR_SECTION_LANES), mr_writer_count(MR_SECTION_LANES));
}
