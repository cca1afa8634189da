#include "stacks.h"

Test(massif, golden)
{
    struct mr_report report = stacks_report();
    sample_compare(mr_massif_write, &report, GOLDEN "stacks.massif");
}

Test(massif, nothing)
{
    struct mr_report report = stacks_none();
    sample_compare(mr_massif_write, &report, GOLDEN "clean.massif");
}

/* Without call stacks there is the end of the run alone, in blocks as they are. */
Test(massif, untraced)
{
    struct mr_report report = sample_report();
    char *text = sample_write(mr_massif_write, &report);
    cr_expect_not_null(strstr(text, "time=4325678\nmem_heap_B=452804112\n"));
    cr_expect_null(strstr(text, "heap_tree=peak"));
    free(text);
}

/* The place of the peak among the moments, at both ends of the timeline too. */
static void expect_peak_at(uint64_t ms, unsigned snapshot)
{
    struct mr_report report = stacks_report();
    char wanted[128];
    report.totals.peak_ms = ms;
    snprintf(wanted, sizeof wanted, "snapshot=%u\n#-----------\ntime=%lu\nmem_heap_B=474223\n", snapshot, ms);
    char *text = sample_write(mr_massif_write, &report);
    cr_expect_not_null(strstr(text, wanted), "no %s in:\n%s", wanted, text);
    free(text);
}

Test(massif, times_do_not_go_back)
{
    expect_peak_at(0, 1);
    expect_peak_at(1000, 2);
    expect_peak_at(3999, 3);
    expect_peak_at(4500, 4);
}

Test(massif, a_peak_past_the_end_is_at_the_end)
{
    struct mr_report report = stacks_report();
    report.totals.peak_ms = 1000000;
    report.elapsed_ms = 3000; /* before the last moment of the timeline */
    char *text = sample_write(mr_massif_write, &report);
    cr_expect_not_null(strstr(text, "snapshot=3\n#-----------\ntime=3000\nmem_heap_B=474223\n"), "%s", text);
    cr_expect_not_null(strstr(text, "snapshot=5\n#-----------\ntime=4000\nmem_heap_B=464107\n"), "%s", text);
    free(text);
}

/* 1 % of the peak is shown, a byte less is summed up. */
Test(massif, threshold)
{
    struct mr_report_site sites[] = { { .peak_bytes = 9900, .stack = 1 }, { .peak_bytes = 100, .stack = 2 } };
    struct mr_report report = stacks_report();
    report.sites = sites;
    report.site_count = 2;
    char *text = sample_write(mr_massif_write, &report);
    cr_expect_not_null(strstr(text, "\n n1: 100 0x402000: std::map"), "%s", text);
    free(text);
    sites[0].peak_bytes = 9901;
    sites[1].peak_bytes = 99;
    text = sample_write(mr_massif_write, &report);
    cr_expect_not_null(strstr(text, "\n n0: 99 in 1 place, below massif's threshold (1.00%)\n"), "%s", text);
    free(text);
}

Test(massif, stacks_with_common_callees_share_a_branch)
{
    struct mr_report_site sites[] = { { .peak_bytes = 50, .stack = 1 }, { .peak_bytes = 50, .stack = 1 }, { .peak_bytes = 30, .stack = 5 } };
    struct mr_report report = stacks_report();
    report.sites = sites;
    report.site_count = 3;
    char *text = sample_write(mr_massif_write, &report);
    cr_expect_not_null(strstr(text, "n2: 80 (heap"), "%s", text); /* the same stack twice is counted once */
    cr_expect_not_null(strstr(text, "\n n1: 30 0x404000: parse (parse.c:5)\n  n0: 30 0x401100: main (server.c:301)\n"), "%s", text);
    free(text);
}
