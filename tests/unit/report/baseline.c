#include "stacks.h"
#include "baseline.h"

/* Marks the sample against another that has these sites; returns bit i for site i being new. */
static unsigned new_against(const struct mr_report_site *sites, size_t count)
{
    static struct mr_report_site own[MR_COUNT(stacks_sites)];
    struct mr_report report = stacks_report(), before = stacks_report();
    unsigned bits = 0;
    memcpy(own, stacks_sites, sizeof own);
    report.sites = own;
    before.sites = sites;
    before.site_count = count;
    mr_baseline_mark(&report, &before);
    for (size_t i = 0; i < report.site_count; i++)
        bits |= (unsigned)own[i].is_new << i;
    return bits;
}

Test(baseline, against_itself_nothing_leaks)
{
    cr_expect_eq(new_against(stacks_sites, MR_COUNT(stacks_sites)) & 0x1f, 0);
}

Test(baseline, against_nothing_everything_is_new)
{
    cr_expect_eq(new_against(NULL, 0), 0x3f);
}

/* Lost in one way or the other is the same; reachable is not lost; what was freed was no leak. */
Test(baseline, groups_of_kinds)
{
    struct mr_report_site site = { .kind = MR_SITE_POSSIBLY_LOST, .bytes = 1, .blocks = 1, .stack = 1 };
    cr_expect_eq(new_against(&site, 1), 0x3e);
    site.kind = MR_SITE_STILL_REACHABLE;
    cr_expect_eq(new_against(&site, 1), 0x3d);
    site.kind = MR_SITE_IN_USE;
    cr_expect_eq(new_against(&site, 1), 0x3f);
    site.kind = MR_SITE_DEFINITELY_LOST;
    site.blocks = 0;
    cr_expect_eq(new_against(&site, 1), 0x3f);
}

static struct mr_report_sum leaks_with(uint32_t kinds, size_t *sites)
{
    struct mr_report report = stacks_report();
    report.leak_kinds = kinds;
    return mr_baseline_leaks(&report, sites);
}

Test(baseline, what_counts_as_a_leak)
{
    size_t sites;
    struct mr_report_sum sum = leaks_with(0, &sites);
    cr_expect(sites == 3 && sum.bytes == 424100 && sum.blocks == 2001, "%zu sites, %lu bytes", sites, sum.bytes);
    sum = leaks_with(1u << MR_SITE_STILL_REACHABLE, &sites);
    cr_expect(sites == 1 && sum.bytes == 40000 && sum.blocks == 100);
    sum = leaks_with(1u << MR_SITE_IN_USE | 1u << MR_SITE_GONE, &sites);
    cr_expect(sites == 0 && sum.bytes == 0 && sum.blocks == 0);
    sum = leaks_with(~0u, &sites); /* all but the suppressed one and what is gone */
    cr_expect(sites == 4 && sum.blocks == 2101);
}
