#include "stacks.h"

Test(github, golden)
{
    struct mr_report report = stacks_report();
    sample_compare(mr_github_write, &report, GOLDEN "stacks.github");
}

Test(github, nothing)
{
    struct mr_report report = stacks_none();
    report.leaks_checked = true;
    char *text = sample_write(mr_github_write, &report);
    cr_expect_str_eq(text, "::notice title=memoir::0 leaks of 0 B in true\n");
    free(text);
    report.leaks_checked = false;
    text = sample_write(mr_github_write, &report);
    cr_expect_str_eq(text, "::notice title=memoir::0 leaks of 0 B in true (no leak check was made)\n");
    free(text);
}

Test(github, only_what_counts)
{
    struct mr_report report = stacks_report();
    struct mr_report_site sites[MR_COUNT(stacks_sites)];
    memcpy(sites, stacks_sites, sizeof sites);
    sites[0].is_new = false;
    report.sites = sites;
    report.finding_count = 0;
    report.leak_kinds = 1u << MR_SITE_DEFINITELY_LOST | 1u << MR_SITE_STILL_REACHABLE;
    char *text = sample_write(mr_github_write, &report);
    cr_expect(strncmp(text, "::warning file=/src/app/session.c,line=212,title=39.1 KiB in 100 blocks still reachable::", 89) == 0,
              "%s", text);
    cr_expect_not_null(strstr(text, "\n::notice title=memoir::1 leak of 39.1 KiB"), "%s", text);
    cr_expect_null(strstr(text, "::error"), "%s", text);
    free(text);
}

Test(github, a_site_without_a_stack)
{
    static const struct mr_report_site site = { .kind = MR_SITE_POSSIBLY_LOST, .bytes = 5, .blocks = 1, .is_new = true };
    struct mr_report report = stacks_none();
    report.sites = &site;
    report.site_count = 1;
    report.command = "a\r\nb 100%";
    char *text = sample_write(mr_github_write, &report);
    cr_expect_not_null(strstr(text, "::error title=5 B in 1 block possibly lost::no call stack is known\n"), "%s", text);
    cr_expect_not_null(strstr(text, " in a%0D%0Ab 100%25 "), "%s", text);
    free(text);
}
