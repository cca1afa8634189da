#include "report.h"

const struct mr_report_format mr_report_formats[] = {
    { "text", mr_text_write, false },
    { "json", mr_json_write, false },
};
const size_t mr_report_format_count = MR_COUNT(mr_report_formats);
