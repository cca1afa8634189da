#include "runs.h"

static void write_runs(const struct mr_report *after, struct mr_fmt *out)
{
    struct mr_report before = stacks_report();
    char *text = runs_write(mr_diff_text, &before, after, 0);
    mr_fmt_bytes(out, text, strlen(text));
    free(text);
}

Test(diff_text, golden)
{
    struct mr_report after = runs_later();
    sample_compare(write_runs, &after, GOLDEN "diff.txt");
}

Test(diff_text, no_difference)
{
    struct mr_report same = stacks_report(), none = stacks_none();
    char *text = runs_write(mr_diff_text, &same, &same, 0);
    cr_expect_not_null(strstr(text, "\n== memoir == as much in use as before, 0 sites changed\n"), "%s", text);
    cr_expect_null(strstr(text, "#1"));
    free(text);
    text = runs_write(mr_diff_text, &none, &none, 0);
    cr_expect_not_null(strstr(text, "as much in use as before"), "%s", text);
    free(text);
}

Test(diff_text, the_largest_changes)
{
    struct mr_report before = stacks_report(), after = runs_later();
    char *text = runs_write(mr_diff_text, &before, &after, 1);
    cr_expect_not_null(strstr(text, "#1  -23.4 KiB in -1,000 blocks, vanished\n"), "%s", text);
    cr_expect_null(strstr(text, "#2"));
    cr_expect_not_null(strstr(text, "and 3 sites with smaller changes"), "%s", text);
    free(text);
}
