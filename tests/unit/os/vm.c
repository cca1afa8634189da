#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "memory.h"
#include "os.h"

/* `pages` committed pages with inaccessible space on both sides: the mapping merges with no other. */
static char *lonely(size_t pages)
{
    size_t bytes = pages * mr_os_page;
    char *p = mr_vm_reserve(3 * bytes, mr_os_page);
    cr_assert_not_null(p);
    cr_assert(mr_vm_commit(p + bytes, bytes));
    return p + bytes;
}

Test(vm, the_page_is_the_systems)
{
    mr_os_init();
    cr_expect_eq(mr_os_page, (size_t)sysconf(_SC_PAGESIZE));
}

Test(vm, reservations_are_aligned)
{
    for (size_t align = mr_os_page; align <= 4 * MR_GIB; align *= 2) {
        char *p = mr_vm_reserve(3 * mr_os_page, align);
        cr_assert_not_null(p, "align %zu", align);
        cr_expect_eq((uintptr_t)p % align, 0, "align %zu", align);
        cr_expect_eq(mappings_in(p, 3 * mr_os_page), 1, "align %zu", align);
        mr_vm_release(p, 3 * mr_os_page);
    }
}

static size_t address_space(void)
{
    char text[64] = "";
    mr_file_read_all("/proc/self/statm", text, sizeof text - 1);
    return strtoul(text, NULL, 10) * mr_os_page;
}

/* What alignment costs is unmapped again: address space grows by what was asked for. */
Test(vm, reservations_leave_nothing_beside_them)
{
    size_t before = address_space();
    char *p = mr_vm_reserve(mr_os_page, MR_GIB), *q = mr_vm_reserve(mr_os_page, MR_GIB);
    cr_expect_eq(address_space() - before, 2 * mr_os_page);
    mr_vm_release(p, mr_os_page);
    cr_expect_eq(mappings_in(p, mr_os_page), 0);
    mr_vm_release(q, mr_os_page);
    cr_expect_eq(address_space(), before);
}

Test(vm, a_reservation_is_inaccessible_until_committed)
{
    char *p = mr_vm_reserve(4 * mr_os_page, mr_os_page);
    cr_expect_not(is_readable(p));
    cr_assert(mr_vm_commit(p + mr_os_page, mr_os_page));
    cr_expect_not(is_readable(p));
    cr_expect(is_readable(p + mr_os_page));
    cr_expect_not(is_readable(p + 2 * mr_os_page));
}

Test(vm, what_cannot_be_reserved_is_null)
{
    errno = 77;
    cr_expect_null(mr_vm_reserve(mr_align_down(SIZE_MAX, mr_os_page), mr_os_page), "the sum wraps");
    cr_expect_null(mr_vm_reserve((size_t)1 << 60, mr_os_page), "more than there are addresses");
    cr_expect_null(mr_vm_reserve(mr_os_page, (size_t)1 << 60));
    cr_expect_eq(errno, 77);
}

Test(vm, commit_reads_as_zero_and_loses_what_was_there)
{
    size_t bytes = 4 * mr_os_page;
    char *p = lonely(4);
    cr_expect(is_zero(p, bytes));
    memset(p, 0x5a, bytes);
    cr_assert(mr_vm_commit(p + mr_os_page, mr_os_page));
    cr_expect_eq(p[mr_os_page - 1], 0x5a);
    cr_expect(is_zero(p + mr_os_page, mr_os_page));
    cr_expect_eq(p[2 * mr_os_page], 0x5a);
}

Test(vm, adjacent_commits_become_one_mapping)
{
    char *p = mr_vm_reserve(64 * mr_os_page, mr_os_page);
    for (size_t i = 0; i < 32; i++)
        cr_assert(mr_vm_commit(p + i * mr_os_page, mr_os_page));
    cr_expect_leq(mappings_in(p, 32 * mr_os_page), 2); /* some kernels keep the first apart */
}

Test(vm, purge_reads_as_zero_and_costs_nothing)
{
    size_t bytes = 8 * mr_os_page;
    char *p = lonely(8);
    memset(p, 1, bytes);
    cr_expect_eq(mr_vm_resident(p, bytes), bytes);
    cr_assert(mr_vm_purge(p, 4 * mr_os_page));
    cr_expect_eq(mr_vm_resident(p, bytes), 4 * mr_os_page);
    cr_expect(is_zero(p, 4 * mr_os_page));
    cr_expect_eq(p[4 * mr_os_page], 1);
}

Test(vm, locked_memory_is_not_purged_and_unchanged)
{
    char *p = lonely(1);
    memset(p, 7, mr_os_page);
    if (syscall(SYS_mlock, p, mr_os_page) != 0) /* past the sanitizers, which do nothing */
        return;                                  /* not granted here */
    errno = 77;
    cr_expect_not(mr_vm_purge(p, mr_os_page));
    cr_expect_eq(errno, 77);
    cr_expect_eq(p[mr_os_page - 1], 7);
}

Test(vm, resident_counts_what_was_touched)
{
    size_t bytes = 16 * mr_os_page;
    char *p = lonely(16);
    cr_expect_eq(mr_vm_resident(p, bytes), 0);
    p[0] = p[5 * mr_os_page] = p[bytes - 1] = 1;
    cr_expect_eq(mr_vm_resident(p, bytes), 3 * mr_os_page);
}

/* More than one call's worth: the answer comes in pieces of 1024 pages. */
Test(vm, resident_counts_long_ranges)
{
    size_t pages = 2500;
    char *p = lonely(pages);
    madvise(p, pages * mr_os_page, MADV_NOHUGEPAGE);
    for (size_t i = 0; i < pages; i += 5)
        p[i * mr_os_page] = 1;
    cr_expect_eq(mr_vm_resident(p, pages * mr_os_page), pages / 5 * mr_os_page);
}

Test(vm, resident_of_nothing_is_zero)
{
    char *p = lonely(1);
    mr_vm_release(p, mr_os_page);
    errno = 77;
    cr_expect_eq(mr_vm_resident(p, mr_os_page), 0);
    cr_expect_eq(errno, 77);
}

Test(vm, populate_brings_the_range_in)
{
    size_t bytes = 16 * mr_os_page;
    char *p = lonely(16), *probe = lonely(1);
    bool known = madvise(probe, mr_os_page, 23 /* MADV_POPULATE_WRITE */) == 0;
    mr_vm_populate(p, bytes);
    cr_expect_eq(mr_vm_resident(p, bytes), known ? bytes : 0);
    cr_expect(is_zero(p, bytes));
}

Test(vm, move_takes_the_pages_along)
{
    size_t bytes = 8 * mr_os_page;
    char *from = lonely(8), *to = lonely(8);
    fill_pattern(from, bytes, 3);
    memset(to, 9, bytes);
    if (!mr_vm_move(from, to, bytes)) {
        cr_expect(has_pattern(from, bytes, 3), "nothing changes when the kernel cannot");
        return;
    }
    cr_expect(has_pattern(to, bytes, 3));
    cr_expect(is_zero(from, bytes));
    from[0] = 1; /* still usable */
}

Test(vm, move_of_a_part_leaves_the_rest)
{
    size_t bytes = 8 * mr_os_page;
    char *from = lonely(8), *to = lonely(8);
    fill_pattern(from, bytes, 3);
    if (!mr_vm_move(from + mr_os_page, to, mr_os_page))
        return;
    cr_expect(has_pattern(from, mr_os_page, 3));
    cr_expect(is_zero(from + mr_os_page, mr_os_page));
    cr_expect(is_zero(to + mr_os_page, bytes - mr_os_page));
}

Test(vm, a_move_that_is_refused_changes_nothing)
{
    char *from = lonely(2), *to = lonely(2);
    fill_pattern(from, 2 * mr_os_page, 5);
    mr_vm_release(to, 2 * mr_os_page);
    errno = 77;
    cr_expect_not(mr_vm_move(from, (char *)((uintptr_t)1 << 62), 2 * mr_os_page));
    cr_expect_eq(errno, 77);
    cr_expect(has_pattern(from, 2 * mr_os_page, 5));
}

Test(vm, released_memory_is_gone)
{
    char *p = lonely(2);
    mr_vm_release(p, mr_os_page);
    cr_expect_not(is_readable(p));
    cr_expect(is_readable(p + mr_os_page));
    mr_vm_release(NULL, 0); /* nothing */
}
