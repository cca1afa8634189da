#include "stacks.h"

Test(openmetrics, golden)
{
    struct mr_report report = stacks_report();
    sample_compare(mr_openmetrics_write, &report, GOLDEN "stacks.om");
}

Test(openmetrics, nothing)
{
    struct mr_report report = stacks_none();
    sample_compare(mr_openmetrics_write, &report, GOLDEN "clean.om");
}

/* A counter's name that is no row any more would silently become a gauge elsewhere. */
Test(openmetrics, every_row_of_the_totals_once)
{
    struct mr_report report = stacks_report();
    char *text = sample_write(mr_openmetrics_write, &report), type[128];
    unsigned counters = 0;
    for (size_t i = 0; i < mr_stat_count; i++) {
        bool is_time = mr_stats[i].unit == MR_UNIT_MILLIS;
        size_t len = strlen(mr_stats[i].name) - (is_time ? 3 : 0);
        snprintf(type, sizeof type, "# TYPE memoir_%.*s%s ", (int)len, mr_stats[i].name, is_time ? "_seconds" : "");
        const char *at = strstr(text, type);
        cr_assert_not_null(at, "no %s", type);
        cr_expect_null(strstr(at + 1, type));
        counters += strncmp(at + strlen(type), "counter", 7) == 0;
    }
    cr_expect_eq(counters, 7);
    free(text);
}

Test(openmetrics, unchecked_blocks_are_in_use)
{
    struct mr_report report = stacks_report();
    report.leaks_checked = false;
    report.leaks[MR_SITE_IN_USE] = (struct mr_report_sum){ 11, 2 };
    char *text = sample_write(mr_openmetrics_write, &report);
    cr_expect_not_null(strstr(text, "memoir_requested_bytes{kind=\"in_use\"} 11\n"));
    cr_expect_null(strstr(text, "definitely_lost"));
    free(text);
}

Test(openmetrics, labels_are_escaped)
{
    static const struct mr_report_finding finding = { .kind = "a \"b\" \\ \n \xff", .message = "", .count = 1 };
    struct mr_report report = stacks_report();
    report.findings = &finding;
    report.finding_count = 1;
    report.strategy = "s\"\n";
    char *text = sample_write(mr_openmetrics_write, &report);
    cr_expect_not_null(strstr(text, "memoir_findings_total{kind=\"a \\\"b\\\" \\\\ \\n \xef\xbf\xbd\"} 1\n"), "%s", text);
    cr_expect_not_null(strstr(text, "strategy=\"s\\\"\\n\"} 1\n"));
    free(text);
}
