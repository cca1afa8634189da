#include <criterion/criterion.h>

#include "zone.h"

static struct mr_gone gone_of(uintptr_t block, size_t usable)
{
    return (struct mr_gone){ .zone = { .block = (char *)block, .user = (char *)block + 16, .size = usable - 24,
                                       .usable = usable } };
}

static bool is_refused(uintptr_t block, size_t usable)
{
    struct mr_gone gone = gone_of(block, usable), out;
    struct mr_quarantine_passed passed = mr_quarantine_pass(&gone, &out);
    return !passed.in && !passed.out;
}

/* What comes out for it; 0: nothing. */
static uintptr_t put(uintptr_t block, size_t usable)
{
    struct mr_gone gone = gone_of(block, usable), out;
    struct mr_quarantine_passed passed = mr_quarantine_pass(&gone, &out);
    cr_assert(passed.in);
    return passed.out ? (uintptr_t)out.zone.block : 0;
}

static void use(size_t budget)
{
    mr_conf.check = MR_CHECK_QUARANTINE;
    mr_conf.quarantine = budget;
}

Test(quarantine, the_oldest_leave_when_there_is_too_much)
{
    struct mr_gone gone;
    use(1000);
    for (uintptr_t i = 1; i <= 10; i++)
        cr_expect_eq(put(i * 0x1000, 100), 0);
    cr_expect_not(mr_quarantine_take_excess(&gone));
    cr_expect_eq(put(11 * 0x1000, 100), 0x1000);
    cr_expect_eq(put(12 * 0x1000, 250), 0x2000);
    for (uintptr_t i = 3; i <= 4; i++) {
        cr_assert(mr_quarantine_take_excess(&gone));
        cr_expect_eq((uintptr_t)gone.zone.block, i * 0x1000);
    }
    cr_expect_not(mr_quarantine_take_excess(&gone));
}

Test(quarantine, a_block_is_found_by_each_of_its_bytes)
{
    struct mr_gone gone;
    use(1000);
    put(0x1000, 100);
    put(0x2000, 100);
    cr_expect(mr_quarantine_find((void *)0x1000, &gone) && (uintptr_t)gone.zone.block == 0x1000);
    cr_expect(mr_quarantine_find((void *)0x2063, &gone) && (uintptr_t)gone.zone.block == 0x2000);
    cr_expect_not(mr_quarantine_find((void *)0x2064, &gone));
    cr_expect_not(mr_quarantine_find((void *)0xfff, &gone));
}

Test(quarantine, what_is_too_large_or_unwanted_is_refused)
{
    use(1000);
    cr_expect(is_refused(0x1000, 501));
    mr_conf.check = MR_CHECK_FILL;
    cr_expect(is_refused(0x1000, 100));
}

/* A budget of any size has at least 4,096 entries, and never more. */
Test(quarantine, the_ring_goes_round_and_never_overflows)
{
    struct mr_gone gone;
    uintptr_t next = 1;
    use((size_t)4096 * 128);
    for (uintptr_t i = 1; i <= 20000; i++) {
        uintptr_t out = put(i * 0x100, 48);
        if (out)
            cr_assert_eq(out, next++ * 0x100);
        while (mr_quarantine_take_excess(&gone))
            cr_assert_eq((uintptr_t)gone.zone.block, next++ * 0x100);
    }
    cr_expect_gt(next, 20000 - 4096);
    cr_expect(mr_quarantine_find((void *)(20000 * 0x100), &gone));
}

static void count_one(void *ctx, const struct mr_gone *gone)
{
    (void)gone;
    ++*(int *)ctx;
}

Test(quarantine, all_are_visited_or_those_since_the_fork)
{
    struct mr_gone gone;
    int all = 0, own = 0;
    use(1000);
    for (uintptr_t i = 1; i <= 10; i++)
        put(i * 0x1000, 100);
    mr_quarantine_forked();
    for (uintptr_t i = 11; i <= 13; i++)
        cr_expect_eq(put(i * 0x1000, 100), (i - 10) * 0x1000);
    cr_expect_not(mr_quarantine_take_excess(&gone));
    mr_quarantine_each(count_one, &all, false);
    mr_quarantine_each(count_one, &own, true);
    cr_expect_eq(all, 10);
    cr_expect_eq(own, 3);
}
