#include "judge.h"
#include "cli.h"
#include "load.h"

#include <stdlib.h>

bool mr_judge_read_code(struct mr_judge *judge, const char *value)
{
    char *end;
    long code = strtol(value, &end, 10);
    if (*value < '0' || *value > '9' || *end || code < 1 || code > 255) {
        mr_cli_say("--error-exitcode=%.40s: an exit code is a number from 1 to 255", value);
        return false;
    }
    judge->code = (int)code;
    return true;
}

bool mr_judge_mark(const struct mr_judge *judge, struct mr_report *report)
{
    if (!judge->baseline)
        return true;
    struct mr_load *load = mr_load_open(judge->baseline);
    if (!load)
        return false;
    const struct mr_report *before = mr_load_report(load);
    if (report->leaks_checked && !before->leaks_checked)
        mr_cli_say("%s was made without a leak check: no leak counts as known", judge->baseline);
    mr_baseline_mark(report, before);
    mr_load_close(load);
    return true;
}

static bool can_tell(const struct mr_report *report)
{
    return report->leaks_checked || (report->leak_kinds & 1u << MR_SITE_IN_USE);
}

int mr_judge_code(const struct mr_judge *judge, const struct mr_report *report)
{
    char size[32];
    size_t sites;
    if (!judge->code)
        return 0;
    if (!can_tell(report)) {
        mr_cli_say("no leak check was made, so --error-exitcode cannot tell; --leak-kinds=in_use judges all that is "
                   "in use");
        return MR_CODE_FAILED;
    }
    struct mr_report_sum sum = mr_baseline_leaks(report, &sites);
    if (sites == 0)
        return 0;
    struct mr_fmt f = mr_fmt_to_buffer(size, sizeof size);
    mr_fmt_size(&f, sum.bytes);
    mr_cli_say("%zu leak%s of %s%s: exit code %d", sites, sites == 1 ? "" : "s", mr_fmt_end_string(&f),
               judge->baseline ? " beyond the baseline" : "", judge->code);
    return judge->code;
}
