#include "report.h"

const struct mr_report_format mr_report_cli_formats[] = {
    { "pprof", mr_pprof_write, true },
    { "folded", mr_folded_write, false },
    { "massif", mr_massif_write, false },
    { "openmetrics", mr_openmetrics_write, false },
    { "github", mr_github_write, false },
    { "sarif", mr_sarif_write, false },
    { "html", mr_html_write, true },
};
const size_t mr_report_cli_format_count = MR_COUNT(mr_report_cli_formats);

const char *const mr_report_cost_names[MR_COST_COUNT] = {
    [MR_COST_IN_USE] = "in_use",
    [MR_COST_PEAK] = "peak",
    [MR_COST_LEAKED] = "leaked",
    [MR_COST_ALLOCATIONS] = "allocations",
    [MR_COST_TEMPORARY] = "temporary",
};
