/* When free memory goes back to the system. */
#include "spans.h"

TestSuite(purge, .timeout = 60);

Test(purge, purge_all_makes_free_memory_zero_and_cheap)
{
    bool zero;
    start();
    mr_conf.purge_delay = 3600000;
    char *p = take(4, &zero), *kept = take(1, &zero);
    memset(p, 1, 4 * MR_SLICE);
    memset(kept, 1, MR_SLICE);
    give(p);
    cr_expect_eq(mr_space_purge(true), 4 * MR_SLICE);
    cr_expect_eq(mr_counters.purged_bytes, 4 * MR_SLICE);
    cr_expect_eq(mr_vm_resident(p, 4 * MR_SLICE), 0);
    cr_expect_eq(dirty(), 0);
    cr_expect_eq(kept[MR_SLICE - 1], 1, "what is in use stays");
    cr_expect_eq(mr_space_purge(true), 0, "there is nothing left");
    cr_expect_eq(take(4, &zero), p);
    cr_expect(zero && is_zero(p, 4 * MR_SLICE));
}

Test(purge, purge_waits_for_the_delay)
{
    bool zero;
    start();
    mr_conf.purge_delay = 300;
    char *p = take(4, &zero);
    memset(p, 1, 4 * MR_SLICE);
    uint64_t begin = mr_clock_ms();
    give(p);
    size_t early = mr_space_purge(false);
    cr_expect(early == 0 || mr_clock_ms() - begin > 200, "not before its time");
    usleep(600000);
    cr_expect_eq(early + mr_space_purge(false), 4 * MR_SLICE);
}

Test(purge, without_a_delay_all_goes_at_once)
{
    bool zero;
    start();
    mr_conf.purge_delay = 0;
    char *p = take(4, &zero);
    memset(p, 1, 4 * MR_SLICE);
    give(p);
    mr_space_purge(false);
    cr_expect_eq(dirty(), 0);
    cr_expect_eq(mr_vm_resident(p, 4 * MR_SLICE), 0);
}

/* Nobody calls purge: taking and giving is what makes old memory go. */
Test(purge, traffic_alone_purges)
{
    bool zero;
    start();
    mr_conf.purge_delay = 100;
    char *p = take(8, &zero), *guard = take(1, &zero);
    memset(p, 1, 8 * MR_SLICE);
    give(p);
    usleep(400000);
    mr_space_resize(mr_lookup_slice(guard), 1);
    cr_expect_eq(dirty(), 0);
    cr_expect_eq(mr_counters.purged_bytes, 8 * MR_SLICE);
}

enum { BURST = 64 };

static void burst(char **spans)
{
    bool zero;
    for (int i = 0; i < BURST; i++) {
        spans[i] = take(16, &zero);
        memset(spans[i], 1, 16 * MR_SLICE);
    }
    for (int i = 0; i < BURST; i++)
        give(spans[i]);
}

Test(purge, a_burst_goes_back_at_once)
{
    char *spans[BURST];
    start();
    mr_conf.purge_delay = 3600000;
    burst(spans);
    cr_expect_leq(dirty(), 2 * MR_MIB);
    cr_expect_geq(mr_counters.purged_bytes, 60 * MR_MIB);
    size_t resident = 0;
    for (int i = 0; i < BURST; i++)
        resident += mr_vm_resident(spans[i], 16 * MR_SLICE);
    cr_expect_eq(resident, dirty());
}

/* What is wanted back again and again is kept in the end. */
Test(purge, a_burst_that_comes_again_is_kept)
{
    char *spans[BURST];
    start();
    mr_conf.purge_delay = 3600000;
    for (int i = 0; i < 6; i++)
        burst(spans);
    uint64_t purged = mr_counters.purged_bytes;
    burst(spans);
    cr_expect_eq(mr_counters.purged_bytes, purged);
    cr_expect_eq(dirty(), BURST * MR_MIB);
}

/* A live set that swings is known by the first memory it wants back, and by what it uses again. */
Test(purge, a_live_set_that_swings_keeps_what_it_frees_while_it_does)
{
    char *spans[BURST];
    bool zero;
    start();
    mr_conf.purge_delay = 1000;
    burst(spans);
    cr_expect_leq(dirty(), 2 * MR_MIB, "not before it was wanted back");
    uint64_t purged = mr_counters.purged_bytes;
    burst(spans);
    cr_expect_eq(mr_counters.purged_bytes, purged);
    cr_expect_eq(dirty(), BURST * MR_MIB);
    char *p = take(BURST * 16, &zero); /* all of it again, held over the end of the delay */
    for (int i = 0; i < 2; i++) {
        usleep(1200000);
        mr_space_resize(mr_lookup_slice(p), BURST * 16); /* traffic */
    }
    give(p);
    cr_expect_leq(dirty(), 2 * MR_MIB, "a delay without use has passed");
}

/* One block that grows where it stands, again and again: what it grows into counts as wanted back. */
static void grow_one(void)
{
    bool zero;
    char *p = take(1, &zero);
    struct mr_slab *head = mr_lookup_slice(p);
    for (uint32_t slices = 2; slices <= 1024; slices *= 2) {
        cr_assert(mr_space_resize(head, slices));
        memset(p, 1, (size_t)slices << MR_SLICE_SHIFT);
    }
    give(p);
}

Test(purge, a_block_that_grows_again_keeps_its_memory)
{
    start();
    mr_conf.purge_delay = 3600000;
    for (int i = 0; i < 6; i++)
        grow_one();
    uint64_t purged = mr_counters.purged_bytes;
    grow_one();
    cr_expect_eq(mr_counters.purged_bytes, purged);
}
