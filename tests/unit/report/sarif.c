#include "stacks.h"

Test(sarif, golden)
{
    struct mr_report report = stacks_report();
    sample_compare(mr_sarif_write, &report, GOLDEN "stacks.sarif");
}

Test(sarif, nothing)
{
    struct mr_report report = stacks_none();
    sample_compare(mr_sarif_write, &report, GOLDEN "clean.sarif");
}

Test(sarif, what_the_baseline_has_is_unchanged)
{
    struct mr_report report = stacks_report();
    struct mr_report_site sites[MR_COUNT(stacks_sites)];
    memcpy(sites, stacks_sites, sizeof sites);
    report.sites = sites;
    char *text = sample_write(mr_sarif_write, &report);
    cr_expect_null(strstr(text, "baselineState"));
    free(text);
    sites[2].is_new = false;
    text = sample_write(mr_sarif_write, &report);
    cr_expect_not_null(strstr(text, "\"baselineState\":\"unchanged\",\"suppressions\":[],\"properties\":{\"bytes\":24000,"), "%s", text);
    cr_expect_not_null(strstr(text, "\"baselineState\":\"new\",\"suppressions\":[],\"properties\":{\"bytes\":400000,"), "%s", text);
    free(text);
}

/* The fingerprint of a rebuilt program: other addresses and lines, the same names. */
Test(sarif, fingerprints_outlive_a_rebuild)
{
    char *fingerprint(size_t (*frames)(const struct mr_report *, uint32_t, struct mr_report_frame *, size_t))
    {
        struct mr_report report = stacks_report();
        report.frames = frames;
        report.site_count = 1;
        report.finding_count = 0;
        char *text = sample_write(mr_sarif_write, &report), *at = strstr(text, "memoirStack/v1\":\""), *kept;
        cr_assert_not_null(at);
        kept = strndup(at, 40);
        free(text);
        return kept;
    }
    size_t rebuilt(const struct mr_report *report, uint32_t stack, struct mr_report_frame *out, size_t cap)
    {
        size_t n = stacks_frames(report, stack, out, cap);
        for (size_t i = 0; i < n; i++) {
            out[i].address += 0x1000;
            out[i].line += 7;
        }
        return n;
    }
    size_t renamed(const struct mr_report *report, uint32_t stack, struct mr_report_frame *out, size_t cap)
    {
        size_t n = stacks_frames(report, stack, out, cap);
        out[n - 1].function = "main2";
        return n;
    }
    char *before = fingerprint(stacks_frames), *after = fingerprint(rebuilt), *other = fingerprint(renamed);
    cr_expect_str_eq(before, after);
    cr_expect_str_neq(before, other);
    free(before);
    free(after);
    free(other);
}
