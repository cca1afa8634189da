#include "../ledger/shelf.h"

#include <sys/mman.h>

#include "../../../src/track/sites.h"

TestSuite(peaks, .init = make_shelf, .fini = clear_shelf);

static struct mr_track *t;

static void open_with_sites(uint64_t n)
{
    open_ledger("a.memoir");
    cr_assert(mr_track_boot());
    mr_writer_reserve(MR_SECTION_SITES, n);
    mr_writer_publish(MR_SECTION_SITES, n);
    t = mmap(NULL, sizeof *t, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mr_track_begin(t);
}

static struct mr_ledger_site *site(uint32_t i) { return (struct mr_ledger_site *)mr_writer_entries(MR_SECTION_SITES) + i; }

static uint64_t sum_of_peaks(void)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < mr_writer_count(MR_SECTION_SITES); i++)
        sum += site(i)->peak_bytes;
    return sum;
}

/* The writing may take a hundredth of the time: the program must last. */
static void grow(uint32_t to_site, size_t bytes, int times)
{
    for (int i = 0; i < times; i++) {
        mr_track_alloc(t, to_site, bytes, t);
        usleep(500);
    }
}

static void shrink(uint32_t of_site, size_t bytes, int times)
{
    for (int i = 0; i < times; i++)
        mr_track_free(t, of_site, bytes, t);
}

Test(peaks, tell_who_had_what_when_all_had_most, .timeout = 60)
{
    open_with_sites(3);
    grow(1, 10000, 100);
    grow(2, 5000, 60);
    shrink(2, 5000, 60);
    grow(3, 100, 10);
    cr_expect_float_eq(mr_writer_header->peak_bytes / 1300000.0, 1, 0.03, "%lu", mr_writer_header->peak_bytes);
    cr_expect_eq(site(1)->peak_bytes, 1000000);
    cr_expect_eq(site(1)->peak_blocks, 100);
    cr_expect_float_eq(site(2)->peak_bytes / 300000.0, 1, 0.12);
    cr_expect_eq(site(3)->peak_bytes, 0);
    cr_expect_eq(sum_of_peaks(), mr_writer_header->peak_bytes);
    cr_expect_eq(mr_writer_header->peak_seq % 2, 0);
}

Test(peaks, settling_tells_of_the_end_if_it_is_higher)
{
    open_with_sites(1);
    mr_track_alloc(t, 1, 1000000, t);
    mr_track_alloc(t, 1, 1, t);
    mr_track_settle();
    cr_expect_eq(mr_writer_header->peak_bytes, 1000001);
    mr_track_free(t, 1, 1000000, t);
    mr_track_settle();
    cr_expect_eq(mr_writer_header->peak_bytes, 1000001);
    cr_expect_eq(site(1)->peak_bytes, 1000001);
}

/* A hundred thousand sites and a steep rise: the writing down is given up rather than the time. */
Test(peaks, cost_no_more_than_their_share, .timeout = 60)
{
    open_with_sites(100000);
    uint64_t start = mr_clock_ns(), slow = 0;
    for (int i = 0; i < 200000; i++)
        mr_track_alloc(t, 1 + (uint32_t)(i % 100000), 1000 + (size_t)i, t);
    slow = mr_clock_ns() - start;
    uint32_t written = mr_writer_header->peak_seq / 2;
    cr_expect_leq(written, 3 + slow / 10000000, "%u times in %lu us", written, slow / 1000);
}

Test(peaks, a_swing_that_stays_below_does_not_look)
{
    open_with_sites(1);
    grow(1, 1000, 100);
    uint32_t seq = mr_writer_header->peak_seq;
    for (int i = 0; i < 100000; i++) {
        mr_track_alloc(t, 1, 100, t);
        mr_track_free(t, 1, 100, t);
    }
    cr_expect_leq(mr_writer_header->peak_seq - seq, 4);
}
