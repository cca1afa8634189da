#include "stacks.h"

Test(folded, golden)
{
    struct mr_report report = stacks_report();
    sample_compare(mr_folded_write, &report, GOLDEN "stacks.folded");
}

static void expect_cost(enum mr_report_cost cost, const char *wanted)
{
    struct mr_report report = stacks_report();
    report.cost = cost;
    char *text = sample_write(mr_folded_write, &report);
    cr_expect_str_eq(text, wanted, "cost %s: %s", mr_report_cost_names[cost], text);
    free(text);
}

/* Figures of a whole stack count once, though the stack has two rows. */
Test(folded, costs)
{
    expect_cost(MR_COST_TEMPORARY, "main;accept_one;session_new 20\nmain;parse 4990\n");
    expect_cost(MR_COST_LEAKED, "main;accept_one;session_new 400000\n"
                                "main;std::map<int,_char_const*>::insert(int:_\"x\") 24000\n"
                                "main;load\xef\xbf\xbd?;libz.so.1+0x9abc;libz.so.1+0x5678 100\n");
    expect_cost(MR_COST_PEAK, "main;accept_one;session_new 450000\n"
                              "main;std::map<int,_char_const*>::insert(int:_\"x\") 24000\n"
                              "main;load\xef\xbf\xbd?;libz.so.1+0x9abc;libz.so.1+0x5678 200\n"
                              "[stack_ends:_no_unwind_information];0x7fff12345678 7\nmain;parse 16\n");
    expect_cost(MR_COST_ALLOCATIONS, "main;accept_one;session_new 1500\n"
                                     "main;std::map<int,_char_const*>::insert(int:_\"x\") 1000\n"
                                     "main;load\xef\xbf\xbd?;libz.so.1+0x9abc;libz.so.1+0x5678 3\n"
                                     "[stack_ends:_no_unwind_information];0x7fff12345678 1\nmain;parse 5000\n");
}

Test(folded, nothing)
{
    struct mr_report report = stacks_none();
    char *text = sample_write(mr_folded_write, &report);
    cr_expect_str_eq(text, "");
    free(text);
}

Test(folded, a_site_without_a_stack)
{
    static const struct mr_report_site site = { .kind = MR_SITE_IN_USE, .bytes = 5, .blocks = 1 };
    struct mr_report report = stacks_report();
    report.sites = &site;
    report.site_count = 1;
    char *text = sample_write(mr_folded_write, &report);
    cr_expect_str_eq(text, "(no_stack) 5\n");
    free(text);
}
