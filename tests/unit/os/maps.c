#include "child.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "os.h"

TestSuite(maps, .timeout = 30);

static struct mr_map one(const char *text)
{
    struct mr_map row;
    const char *at = text;
    cr_assert(mr_maps_next(&at, text + strlen(text), &row), "%s", text);
    return row;
}

static bool is_none(const char *text)
{
    struct mr_map row;
    const char *at = text, *end = text + strlen(text);
    return !mr_maps_next(&at, end, &row) && at == end;
}

Test(maps, a_row_is_read)
{
    struct mr_map row = one("7f1c2e000000-7f1c2e021000 rw-p 00000000 00:00 0                          [stack]\n");
    cr_expect_eq(row.from, 0x7f1c2e000000);
    cr_expect_eq(row.to, 0x7f1c2e021000);
    cr_expect(row.readable && row.writable && !row.executable && !row.shared);
    cr_expect_eq(row.name_len, 7);
    cr_expect_eq(memcmp(row.name, "[stack]", 7), 0);
}

Test(maps, names_may_hold_blanks_or_be_missing)
{
    struct mr_map row = one("1000-2000 r-xs 00001000 fe:01 123                      /a name (deleted)");
    cr_expect(row.readable && !row.writable && row.executable && row.shared);
    cr_expect_eq(row.name_len, strlen("/a name (deleted)"));
    cr_expect_eq(one("1000-2000 ---p 00000000 00:00 0 \n").name_len, 0);
}

Test(maps, what_is_no_row_is_skipped)
{
    cr_expect(is_none(""));
    cr_expect(is_none("\n\n\n"));
    cr_expect(is_none("2000-1000 rw-p 00000000 00:00 0\n"));
    cr_expect(is_none("1000-2000\n"));
    cr_expect(is_none("1000-2000 rw"));
    cr_expect(is_none("11111111111111111-2 rw-p 0 0:0 0\n"));
    cr_expect(is_none("1000-2000 rw-p 0 0:0\n"));
    cr_expect_eq(one("nonsense\n1000-2000 rw-p 0 0:0 0\n").from, 0x1000);
}

static char text[1 << 20];

static bool find_row(const void *p, struct mr_map *row)
{
    size_t len = mr_maps_read(text, sizeof text);
    for (const char *at = text; mr_maps_next(&at, text + len, row);)
        if ((uintptr_t)p - row->from < row->to - row->from)
            return true;
    return false;
}

Test(maps, the_process_is_as_it_is)
{
    struct mr_map row;
    int here;
    errno = 33;
    cr_assert(find_row(&here, &row));
    cr_expect(row.writable && !row.shared);
    cr_assert(find_row((const void *)(uintptr_t)find_row, &row));
    cr_expect(row.executable && !row.writable);
    cr_expect_eq(errno, 33);
}

Test(maps, a_text_that_does_not_fit_is_none) { cr_expect_eq(mr_maps_read(text, 100), 0); }

Test(maps, own_data_is_the_programs_in_a_program)
{
    uintptr_t from, to;
    cr_expect_not(mr_maps_own_data(&from, &to));
}

/* ---- OS pages --------------------------------------------------------------------------------------- */

Test(maps, runs_are_what_was_touched)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes = 3000 * page;
    mr_os_init();
    int fd = mr_maps_open_pages();
    cr_assert_gt(fd, 2);
    char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uintptr_t begin = (uintptr_t)p, end = begin + bytes, from = begin;
    cr_assert_neq(p, MAP_FAILED);
    madvise(p, bytes, MADV_NOHUGEPAGE);
    cr_expect_eq(mr_maps_next_run(fd, true, &from, end), 0);
    for (size_t i = 1000; i < 1700; i++)
        p[i * page] = 1;
    p[2999 * page] = 1;
    from = begin;
    cr_expect_eq(mr_maps_next_run(fd, true, &from, end), begin + 1700 * page);
    cr_expect_eq(from, begin + 1000 * page);
    from = begin + 1700 * page;
    cr_expect_eq(mr_maps_next_run(fd, true, &from, end), end);
    cr_expect_eq(from, begin + 2999 * page);
    mr_file_close(fd);
}

Test(maps, without_a_table_everything_counts)
{
    uintptr_t from = 12345;
    cr_expect_eq(mr_maps_next_run(-1, true, &from, 99999), 99999);
    cr_expect_eq(from, 12345);
}

Test(maps, pages_of_files_are_not_the_processs_own)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    int fd = mr_maps_open_pages(), file = open("/proc/self/exe", O_RDONLY);
    char *p = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
    uintptr_t begin = (uintptr_t)p, from = begin;
    cr_assert_neq(p, MAP_FAILED);
    volatile char sum = 0;
    for (size_t i = 0; i < 4; i++)
        sum = (char)(sum + p[i * page]);
    cr_expect_eq(mr_maps_next_run(fd, true, &from, begin + 4 * page), 0);
    p[2 * page] = 1;
    from = begin;
    cr_expect_eq(mr_maps_next_run(fd, true, &from, begin + 4 * page), begin + 3 * page);
    cr_expect_eq(from, begin + 2 * page);
}
