#include "../ledger/shelf.h"

#include <errno.h>
#include <sys/mman.h>

#include "../../../src/track/sites.h"

TestSuite(track, .init = make_shelf, .fini = clear_shelf);

static struct mr_track *begin(void)
{
    struct mr_track *t = mmap(NULL, sizeof *t, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mr_track_begin(t);
    return t;
}

static void open_traced(const char *name)
{
    open_ledger(name);
    cr_assert(mr_track_boot());
}

/* As malloc would: the stack begins at its caller. */
static MR_NOINLINE uint32_t request(struct mr_track *t)
{
    struct mr_unwind_start start = MR_UNWIND_HERE();
    uint32_t site = mr_track_here(t, &start);
    __asm__ volatile("" ::: "memory");
    return site;
}

static MR_NOINLINE uint32_t through_another(struct mr_track *t)
{
    uint32_t site = request(t);
    __asm__ volatile("" ::: "memory");
    return site;
}

Test(track, a_place_is_a_site)
{
    open_traced("a.memoir");
    struct mr_track *t = begin();
    uint32_t same[3], other = request(t);
    for (volatile int i = 0; i < 3; i++) /* volatile: one call in the code, not three */
        same[i] = through_another(t);
    cr_expect_neq(other, 0);
    cr_expect_neq(same[0], 0);
    cr_expect_neq(same[0], other);
    cr_expect_eq(same[1], same[0]);
    cr_expect_eq(same[2], same[0]);
    cr_expect_eq(mr_writer_header->lost_sites, 0);
}

Test(track, with_a_struct_or_without_it_is_the_same_site)
{
    open_traced("a.memoir");
    struct mr_track *ts[3] = { begin(), NULL, begin() };
    uint32_t sites[3];
    for (volatile int i = 0; i < 3; i++)
        sites[i] = request(ts[i]);
    cr_expect_eq(sites[1], sites[0]);
    cr_expect_eq(sites[2], sites[0]);
}

Test(track, the_frames_lead_from_here_to_the_start)
{
    open_traced("a.memoir");
    uint32_t site = request(begin());
    const struct mr_ledger_frame *frames = mr_writer_entries(MR_SECTION_FRAMES);
    const struct mr_ledger_module *modules = mr_writer_entries(MR_SECTION_MODULES);
    uint32_t i = ((struct mr_ledger_site *)mr_writer_entries(MR_SECTION_SITES))[site].stack, depth = 0;
    cr_assert_neq(i, 0);
    cr_expect_str_eq((char *)mr_writer_entries(MR_SECTION_STRINGS) + modules[frames[i].module].path, mr_writer_header->executable);
    for (; i; i = frames[i].caller) {
        cr_expect_lt(frames[i].caller, i);
        depth++;
    }
    cr_expect(depth > 3 && depth < 100, "%u frames", depth);
}

Test(track, a_handler_that_interrupts_a_walk_gets_a_site)
{
    open_traced("a.memoir");
    struct mr_track *t = begin();
    uint32_t before = request(t);
    t->busy = true; /* as if it were interrupted here */
    cr_expect_neq(request(t), 0);
    t->busy = false;
    cr_expect_neq(before, 0);
}

Test(track, errno_is_left_alone)
{
    open_traced("a.memoir");
    struct mr_track *t = begin();
    errno = 77;
    request(t);
    mr_track_modules_changed();
    request(t);
    mr_track_settle();
    cr_expect_eq(errno, 77);
}

static void *live(void *unused)
{
    (void)unused;
    struct mr_track *t = begin();
    uint32_t site = request(t);
    mr_track_alloc(t, site, 10, t);
    bool had_lane = t->lane != NULL;
    mr_track_end(t);
    return (void *)(uintptr_t)had_lane;
}

Test(track, lanes_of_threads_that_ended_are_used_again, .timeout = 60)
{
    open_traced("a.memoir");
    for (int i = 0; i < 200; i++)
        cr_expect(in_thread(live, NULL));
    cr_expect_leq(mr_writer_count(MR_SECTION_LANES), 2);
    cr_expect_eq(mr_sites_total().allocs, 200);
}

Test(track, more_threads_than_lanes_share, .timeout = 60)
{
    open_traced("a.memoir");
    struct mr_track *ts[MR_LANES + 6];
    for (int i = 0; i < MR_LANES + 6; i++) {
        ts[i] = begin();
        mr_track_alloc(ts[i], 0, 10, ts);
    }
    cr_expect_not_null(ts[MR_LANES - 2]->lane);
    cr_expect_null(ts[MR_LANES - 1]->lane, "lane 0 is everybody's");
    cr_expect_eq(mr_sites_total().allocs, MR_LANES + 6);
    cr_expect_eq(mr_sites_sum(0).allocs, MR_LANES + 6);
    mr_track_end(ts[5]);
    mr_track_end(ts[MR_LANES]);
    cr_expect_eq(begin()->lane, (struct mr_ledger_lane *)mr_writer_entries(MR_SECTION_LANES) + 6);
}

static struct mr_track *forkers;

static int trace_on(void)
{
    uint32_t sites[2];
    bool done = true;
    for (volatile int i = 0; i < 2; i++) {
        sites[i] = through_another(forkers);
        done = done && (i > 0 || mr_writer_forked());
        mr_track_forked(forkers);
    }
    return done && sites[0] && sites[0] == sites[1] && request(forkers) != 0 && request(begin()) != 0;
}

Test(track, a_fork_child_traces_on)
{
    open_traced("a.memoir");
    forkers = begin();
    through_another(forkers);
    cr_expect_eq(child_result(trace_on), 1);
}
