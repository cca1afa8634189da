#include "bounds.h"

#include <criterion/criterion.h>
#include <sys/mman.h>

#include "os.h"

static struct mr_bounds b;

/* n OS pages; those whose bit is not set in `readable` cannot be read. */
static uintptr_t map_pages(unsigned n, uint64_t readable)
{
    mr_os_init();
    char *p = mmap(NULL, (n + 2) * mr_os_page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (unsigned i = 0; i < n; i++)
        if (readable >> i & 1)
            mprotect(p + (i + 1) * mr_os_page, mr_os_page, PROT_READ);
    return (uintptr_t)p + mr_os_page;
}

Test(bounds, a_stack_is_known_as_far_as_it_was_looked_at)
{
    uintptr_t p = map_pages(4, 0xf);
    cr_expect(mr_bounds_enter(&b, p + 8));
    cr_expect_eq(b.stacks[0].lo, p);
    cr_expect_eq(b.stacks[0].hi, p + mr_os_page);
    cr_expect(mr_bounds_reach(&b, p + 3 * mr_os_page));
    cr_expect_eq(b.stacks[0].hi, p + 3 * mr_os_page);
    cr_expect(mr_bounds_reach(&b, p + 4 * mr_os_page));
    cr_expect_not(mr_bounds_reach(&b, p + 4 * mr_os_page + 1));
}

Test(bounds, nothing_unreadable_gets_in)
{
    uintptr_t p = map_pages(4, 0xb); /* the third is not */
    cr_expect_not(mr_bounds_enter(&b, p - 8));
    cr_expect_not(mr_bounds_enter(&b, 0));
    cr_expect(mr_bounds_enter(&b, p));
    cr_expect_not(mr_bounds_reach(&b, p + 4 * mr_os_page));
    cr_expect_leq(b.stacks[0].hi, p + 2 * mr_os_page);
    cr_expect_not(mr_bounds_enter(&b, p + 2 * mr_os_page));
    cr_expect(mr_bounds_enter(&b, p + 3 * mr_os_page));
    cr_expect_eq(b.stacks[0].lo, p + 3 * mr_os_page, "beyond the gap is another stack");
}

Test(bounds, a_stack_grows_downwards)
{
    uintptr_t p = map_pages(8, 0xff);
    for (unsigned i = 8; i-- > 0;)
        cr_expect(mr_bounds_enter(&b, p + i * mr_os_page + 8));
    cr_expect_eq(b.stacks[0].lo, p);
    cr_expect_eq(b.stacks[0].hi, p + 8 * mr_os_page);
    cr_expect_eq(b.stacks[1].hi, 0, "and is still one");
}

Test(bounds, several_stacks_are_known_at_a_time)
{
    uintptr_t at[6];
    for (unsigned i = 0; i < MR_COUNT(at); i++) {
        at[i] = map_pages(1, 1);
        cr_expect(mr_bounds_enter(&b, at[i]));
    }
    for (unsigned i = 2; i < MR_COUNT(at); i++) {
        mprotect((void *)at[i], mr_os_page, PROT_NONE); /* would be noticed if it was looked at again */
        cr_expect(mr_bounds_enter(&b, at[i]), "%u", i);
        cr_expect_eq(b.stacks[0].lo, at[i]);
    }
    mprotect((void *)at[0], mr_os_page, PROT_NONE);
    cr_expect_not(mr_bounds_enter(&b, at[0]), "the first was pushed out");
}
