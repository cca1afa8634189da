#include "runs.h"

Test(diff, fates_and_order)
{
    struct mr_report before = stacks_report(), after = runs_later();
    struct mr_diff diff;
    static const struct { enum mr_diff_fate fate; int64_t change; } wanted[] = {
        { MR_DIFF_VANISHED, -24000 }, { MR_DIFF_GREW, 12345 }, { MR_DIFF_APPEARED, 77 }, { MR_DIFF_SHRANK, -10 },
    };
    mr_diff_make(&diff, &before, &after);
    cr_assert_eq(diff.count, MR_COUNT(wanted));
    for (size_t i = 0; i < diff.count; i++) {
        cr_expect_eq(diff.rows[i].fate, wanted[i].fate, "row %zu %s", i, mr_diff_fate_names[diff.rows[i].fate]);
        cr_expect_eq((int64_t)(diff.rows[i].after.bytes - diff.rows[i].before.bytes), wanted[i].change);
    }
    cr_expect_eq(diff.rows[0].shown, &before); /* what vanished is shown as it was */
    cr_expect_eq(diff.rows[1].shown, &after);
    mr_diff_free(&diff);
}

Test(diff, rows_add_up)
{
    struct mr_report before = stacks_report(), after = runs_later();
    struct mr_diff diff;
    mr_diff_make(&diff, &before, &after);
    uint64_t bytes = diff.before_sum.bytes, blocks = diff.before_sum.blocks;
    for (size_t i = 0; i < diff.count; i++) {
        bytes += diff.rows[i].after.bytes - diff.rows[i].before.bytes;
        blocks += diff.rows[i].after.blocks - diff.rows[i].before.blocks;
    }
    cr_expect(bytes == diff.after_sum.bytes && blocks == diff.after_sum.blocks);
    mr_diff_free(&diff);
}

/* Kinds may change between two runs: what is compared is what is in use. */
Test(diff, the_same_is_no_difference)
{
    struct mr_report before = stacks_report(), after = stacks_report();
    struct mr_report_site sites[MR_COUNT(stacks_sites)];
    struct mr_diff diff;
    memcpy(sites, stacks_sites, sizeof sites);
    sites[0].kind = MR_SITE_STILL_REACHABLE;
    after.sites = sites;
    mr_diff_make(&diff, &before, &after);
    cr_expect_eq(diff.count, 0);
    mr_diff_free(&diff);
}
