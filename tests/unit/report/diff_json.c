#include "runs.h"

static void write_runs(const struct mr_report *after, struct mr_fmt *out)
{
    struct mr_report before = stacks_report();
    char *text = runs_write(mr_diff_json, &before, after, 0);
    mr_fmt_bytes(out, text, strlen(text));
    free(text);
}

Test(diff_json, golden)
{
    struct mr_report after = runs_later();
    sample_compare(write_runs, &after, GOLDEN "diff.json");
}

Test(diff_json, no_difference)
{
    struct mr_report none = stacks_none();
    char *text = runs_write(mr_diff_json, &none, &none, 0);
    cr_expect_not_null(strstr(text, "\"sites_changed\":0,\"sites\":[]}\n"), "%s", text);
    free(text);
}
