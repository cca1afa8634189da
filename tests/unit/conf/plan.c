#include <criterion/criterion.h>

#include "conf.h"

static struct mr_conf_plan plan;

static void expect_plan(const char *text, enum mr_plan_kind kind, uint64_t n)
{
    cr_expect(mr_conf_read_plan(text, &plan), "%s", text);
    cr_expect_eq(plan.kind, kind, "%s", text);
    cr_expect_eq(plan.n, n, "%s: %lu", text, plan.n);
}

Test(plan, every_kind)
{
    expect_plan("nth:3", MR_PLAN_NTH, 3);
    expect_plan("every:1", MR_PLAN_EVERY, 1);
    expect_plan("size>4k", MR_PLAN_SIZE, 4096);
    expect_plan("size>0", MR_PLAN_SIZE, 0);
    expect_plan("stack:00ff", MR_PLAN_STACK, 255);
    expect_plan("stack:ffffffffffffffff", MR_PLAN_STACK, UINT64_MAX);
    expect_plan("site:main", MR_PLAN_SITE, 0);
    cr_expect_str_eq(plan.pattern, "main");
}

Test(plan, shares_are_billionths)
{
    expect_plan("rate:1", MR_PLAN_RATE, 1000000000);
    expect_plan("rate:0.5", MR_PLAN_RATE, 500000000);
    expect_plan("rate:0.000000001", MR_PLAN_RATE, 1);
    expect_plan("rate:12.5%", MR_PLAN_RATE, 125000000);
    expect_plan("rate:100%", MR_PLAN_RATE, 1000000000);
}

Test(plan, what_is_none)
{
    static const char *const texts[] = {
        "", "nth", "nth:", "nth:0", "nth:x", "nth:1x", "every:0", "rate:0", "rate:2", "rate:101%", "rate:.", "rate:0.5x", "rate:",
        "size>", "size>x", "size:3", "site:", "stack:", "stack:g", "stack:00000000000000000", "Nth:1", "nth:99999999999999999999",
        "rate:99999999999999999999999",
    };
    for (size_t i = 0; i < MR_COUNT(texts); i++) {
        cr_expect_not(mr_conf_read_plan(texts[i], &plan), "%s", texts[i]);
        cr_expect_eq(plan.kind, MR_PLAN_NONE, "%s", texts[i]);
    }
}
