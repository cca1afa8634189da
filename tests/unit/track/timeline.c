#include "../ledger/shelf.h"

#include "../../../src/track/sites.h"

TestSuite(timeline, .init = make_shelf, .fini = clear_shelf);

/* Time passes by moving the start back; the true clock adds a little. */
static void pass(uint64_t ms) { mr_writer_header->start_ms -= ms; }

static const struct mr_ledger_moment *moments(void) { return mr_writer_entries(MR_SECTION_TIMELINE); }
static uint64_t moment_count(void) { return mr_writer_count(MR_SECTION_TIMELINE); }

static void open_with_a_site(void)
{
    open_ledger("a.memoir");
    cr_assert(mr_track_boot());
    mr_writer_reserve(MR_SECTION_SITES, 1);
    mr_writer_publish(MR_SECTION_SITES, 1);
}

Test(timeline, a_moment_tells_what_is_in_use)
{
    open_with_a_site();
    mr_track_alloc(NULL, 1, 1000, NULL);
    mr_track_alloc(NULL, 1, 500, NULL);
    mr_track_free(NULL, 1, 500, NULL);
    mr_writer_header->timeline_interval_ms = 1000000;
    pass(100);
    mr_timeline_look();
    cr_assert_eq(moment_count(), 1);
    cr_expect_eq(moments()[0].in_use_bytes, 1000);
    cr_expect_eq(moments()[0].in_use_blocks, 1);
    cr_expect_eq(moments()[0].allocs, 2);
    cr_expect_eq(moments()[0].alloc_bytes, 1500);
    cr_expect_gt(moments()[0].resident_bytes, 1 << 20);
    cr_expect_lt(moments()[0].resident_bytes, (uint64_t)1 << 40);
    cr_expect_geq(mr_writer_header->alive_ms, 100);
    mr_timeline_look();
    cr_expect_eq(moment_count(), 1, "not before the interval is over");
    mr_timeline_settle();
    cr_expect_eq(moment_count(), 2, "settling does not wait for it");
}

Test(timeline, a_long_run_is_thinned_out_and_stays_even, .timeout = 60)
{
    open_with_a_site();
    for (int i = 0; i < 6000; i++) {
        pass(10);
        mr_timeline_look();
    }
    cr_expect(moment_count() > 200 && moment_count() <= 512, "%lu moments", moment_count());
    uint64_t interval = mr_writer_header->timeline_interval_ms;
    cr_expect(interval == 160 || interval == 320, "%lu ms", interval);
    for (uint64_t i = 1; i < moment_count(); i++) {
        uint64_t gap = moments()[i].ms - moments()[i - 1].ms;
        cr_expect(gap >= interval / 2 && gap <= 2 * interval, "%lu ms between two", gap);
    }
    cr_expect_geq(moments()[moment_count() - 1].ms, 59000);
    cr_expect_eq(mr_writer_header->timeline_seq % 2, 0);
}

Test(timeline, the_history_of_a_site_covers_the_run_evenly, .timeout = 60)
{
    open_with_a_site();
    for (int i = 0; i < 3000; i++) {
        pass(100);
        mr_track_alloc(NULL, 1, 10 * MR_KIB, NULL);
        mr_timeline_look();
    }
    const uint64_t *when = mr_writer_header->history_ms;
    const uint32_t *kib = ((struct mr_ledger_history *)mr_writer_entries(MR_SECTION_HISTORY))[1].in_use_kib;
    unsigned n = 0;
    while (n < MR_LEDGER_HISTORY && when[n])
        n++;
    cr_expect_geq(n, 4);
    for (unsigned k = 0; k < n; k++) {
        cr_expect_float_eq((double)when[k] / (k + 1) / when[0], 1, 0.1, "moment %u at %lu ms", k, when[k]);
        cr_expect_float_eq(kib[k] / (when[k] / 10.0), 1, 0.1, "%u KiB at %lu ms", kib[k], when[k]);
    }
    cr_expect_geq(when[n - 1], 300000 / 2);
    for (unsigned k = n; k < MR_LEDGER_HISTORY; k++)
        cr_expect_eq(kib[k], 0);
}

Test(timeline, sites_that_come_later_have_a_history, .timeout = 60)
{
    open_with_a_site();
    pass(200);
    mr_timeline_look();
    mr_writer_reserve(MR_SECTION_SITES, 3000);
    mr_writer_publish(MR_SECTION_SITES, 3000);
    mr_track_alloc(NULL, 3000, 5000, NULL);
    pass(200);
    mr_timeline_look();
    const struct mr_ledger_history *late = (struct mr_ledger_history *)mr_writer_entries(MR_SECTION_HISTORY) + 3000;
    cr_expect_eq(mr_writer_count(MR_SECTION_HISTORY), 3002);
    cr_expect_eq(late->in_use_kib[0], 0);
    cr_expect_eq(late->in_use_kib[1], 5);
}
