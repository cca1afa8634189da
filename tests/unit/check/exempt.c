#include "../os/child.h"

#include "check.h"

static uintptr_t seen[16];
static size_t seen_bytes[16], seen_count;

static void note(void *ctx, uintptr_t at, size_t bytes)
{
    (void)ctx;
    cr_assert_lt(seen_count, 16);
    seen[seen_count] = at;
    seen_bytes[seen_count++] = bytes;
}

Test(exempt, objects_are_noted_once)
{
    char objects[3];
    mr_exempt_each_object(note, NULL);
    cr_expect_eq(seen_count, 0);
    for (size_t i = 0; i < 9; i++)
        cr_expect(mr_exempt_object(&objects[i % 3]));
    mr_exempt_each_object(note, NULL);
    cr_expect_eq(seen_count, 3);
}

Test(exempt, many_objects)
{
    for (uintptr_t i = 1; i <= 100000; i++)
        cr_assert(mr_exempt_object((void *)(i * 4096)));
}

Test(exempt, regions_come_and_go)
{
    static char region[100];
    cr_expect(mr_exempt_region(region, 100));
    cr_expect(mr_exempt_region(region, 100));
    cr_expect(mr_exempt_region(region, 50));
    cr_expect_not(mr_exempt_forget_region(region, 99));
    cr_expect(mr_exempt_forget_region(region, 100));
    mr_exempt_each_region(note, NULL);
    cr_assert_eq(seen_count, 2);
    cr_expect_eq(seen[0], (uintptr_t)region);
    cr_expect_eq(seen_bytes[0] + seen_bytes[1], 150);
    cr_expect(mr_exempt_forget_region(region, 50));
    cr_expect(mr_exempt_forget_region(region, 100));
    cr_expect_not(mr_exempt_forget_region(region, 100));
}

Test(exempt, regions_run_out)
{
    static char regions[2000];
    size_t taken = 0;
    while (taken < 2000 && mr_exempt_region(&regions[taken], 1))
        taken++;
    cr_expect(taken >= 1000 && taken < 2000);
}

static void *ask(void *unused)
{
    (void)unused;
    return mr_exempt_is_off() ? seen : NULL;
}

Test(exempt, off_nests_and_is_the_threads_own)
{
    cr_expect_not(mr_exempt_is_off());
    mr_exempt_turn_on(); /* too often */
    mr_exempt_turn_off();
    mr_exempt_turn_off();
    mr_exempt_turn_on();
    cr_expect(mr_exempt_is_off());
    cr_expect_null(in_thread(ask, NULL));
    mr_exempt_turn_on();
    cr_expect_not(mr_exempt_is_off());
}
