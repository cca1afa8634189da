#include "shelf.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

TestSuite(writer, .init = make_shelf, .fini = clear_shelf);

static struct mr_ledger_site *sites(void) { return mr_writer_entries(MR_SECTION_SITES); }

static uint64_t append_site(void)
{
    int64_t at = mr_writer_reserve(MR_SECTION_SITES, 1);
    cr_assert_geq(at, 0);
    sites()[at].allocs = (uint64_t)at;
    mr_writer_publish(MR_SECTION_SITES, 1);
    return (uint64_t)at;
}

static int descriptors(void)
{
    int n = 0;
    for (int fd = 0; fd < 1024; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

/* ---- the file -------------------------------------------------------------------------------------- */

Test(writer, makes_a_private_sparse_file_and_keeps_no_descriptor)
{
    struct stat st;
    int before = descriptors();
    open_ledger("a.memoir");
    cr_expect_eq(descriptors(), before);
    cr_assert_eq(stat(on_shelf("a.memoir"), &st), 0);
    cr_expect_eq(st.st_mode & 07777, 0600);
    cr_expect_eq((uint64_t)st.st_size, mr_writer_header->file_bytes);
    cr_expect_lt(st.st_blocks * 512, 1 << 20, "%ld bytes on disk", (long)st.st_blocks * 512);
    cr_expect_str_eq(mr_writer_path(), on_shelf("a.memoir"));
}

Test(writer, describes_the_process)
{
    char here[4096];
    open_ledger("a.memoir");
    const struct mr_ledger_header *h = mr_writer_header;
    cr_expect_eq(memcmp(h->magic, MR_LEDGER_MAGIC, 8), 0);
    cr_expect_eq(h->version, MR_LEDGER_VERSION);
    cr_expect_eq(h->pid, getpid());
    cr_expect_eq(h->forked_from, 0);
    cr_expect_eq(h->end, MR_LEDGER_RUNNING);
    cr_expect_eq(h->trace, MR_LEDGER_TRACE_FULL);
    cr_expect_str_eq(h->directory, getcwd(here, sizeof here));
    cr_expect_not_null(strstr(h->executable, "unit-tests"));
    cr_expect_eq(mr_writer_count(MR_SECTION_SITES), 1, "site 0 is there");
    cr_expect_eq(mr_writer_count(MR_SECTION_FINDINGS), 0);
}

Test(writer, an_existing_file_is_left_alone)
{
    int fd = open(on_shelf("a.memoir"), O_CREAT | O_WRONLY, 0600);
    cr_assert_eq(symlink("/nowhere/at/all", on_shelf("a.memoir.1")), 0);
    cr_expect_eq(write(fd, "mine", 4), 4);
    close(fd);
    open_ledger("a.memoir");
    struct stat st;
    cr_expect_eq(stat(on_shelf("a.memoir"), &st), 0);
    cr_expect_eq(st.st_size, 4);
    cr_expect_str_eq(mr_writer_path(), on_shelf("a.memoir.2"));
}

Test(writer, the_name_has_fields)
{
    char wanted[256];
    open_ledger("%e.%p.%%.%x");
    snprintf(wanted, sizeof wanted, "%s/unit-tests.%d.%%.%%x", shelf, getpid());
    cr_expect_str_eq(mr_writer_path(), wanted);
}

Test(writer, a_relative_path_is_of_the_directory_at_the_start)
{
    const char *why;
    cr_assert_eq(chdir(shelf), 0);
    cr_assert(mr_writer_open("a.memoir", MR_LEDGER_TRACE_FULL, 1, &why));
    cr_expect_str_eq(mr_writer_path(), on_shelf("a.memoir"));
}

Test(writer, where_no_file_can_be_memory_does)
{
    const char *why;
    mr_os_init();
    errno = 77;
    cr_assert(mr_writer_open("/nowhere/at/all", MR_LEDGER_TRACE_SAMPLE, 512, &why));
    cr_expect_eq(errno, 77);
    cr_expect_str_eq(why, "No such file or directory");
    cr_expect_str_eq(mr_writer_path(), "");
    cr_expect_eq(append_site(), 1);
}

/* ---- sections ------------------------------------------------------------------------------------------ */

Test(writer, what_is_reserved_reads_as_zero_and_counts_when_published)
{
    open_ledger("a.memoir");
    int64_t at = mr_writer_reserve(MR_SECTION_SITES, 5000);
    cr_assert_eq(at, 1);
    for (int i = 0; i < 5000; i++)
        cr_assert_eq(sites()[at + i].allocs, 0);
    cr_expect_eq(mr_writer_count(MR_SECTION_SITES), 1);
    mr_writer_publish(MR_SECTION_SITES, 5000);
    cr_expect_eq(mr_writer_count(MR_SECTION_SITES), 5001);
    mr_writer_cut(MR_SECTION_SITES, 10);
    cr_expect_eq(mr_writer_reserve(MR_SECTION_SITES, 1), 10);
}

Test(writer, a_section_ends)
{
    open_ledger(NULL);
    uint64_t capacity = mr_writer_header->sections[MR_SECTION_FINDINGS].capacity;
    cr_expect_eq(mr_writer_reserve(MR_SECTION_FINDINGS, capacity + 1), -1);
    cr_expect_eq(mr_writer_reserve(MR_SECTION_FINDINGS, UINT64_MAX), -1);
    for (uint64_t i = 0; i < capacity; i++) {
        cr_assert_eq(mr_writer_reserve(MR_SECTION_FINDINGS, 1), (int64_t)i);
        mr_writer_publish(MR_SECTION_FINDINGS, 1);
    }
    cr_expect_eq(mr_writer_reserve(MR_SECTION_FINDINGS, 1), -1);
}

/* Cutting the file off stands for a disk without room: both make the kernel refuse the page. */
Test(writer, without_room_on_disk_the_section_is_full)
{
    open_ledger("a.memoir");
    cr_assert_eq(truncate(on_shelf("a.memoir"), (off_t)mr_writer_header->sections[MR_SECTION_SITES].offset + 65536), 0);
    uint64_t n = 0;
    for (; mr_writer_reserve(MR_SECTION_SITES, 1) >= 0 && n < 10000; n++)
        append_site();
    cr_expect_eq(n, 65536 / sizeof(struct mr_ledger_site) - 1);
}

static int touch_past_the_room(void)
{
    sites()[100000].allocs = 1;
    return 0;
}

Test(writer, nothing_is_accessible_past_the_room)
{
    open_ledger("a.memoir");
    int status = child_status(touch_past_the_room, true);
    cr_expect(WIFSIGNALED(status) || WEXITSTATUS(status) != 0);
    cr_expect_eq(mlockall(MCL_CURRENT), 0);
    struct stat st;
    cr_assert_eq(stat(on_shelf("a.memoir"), &st), 0);
    cr_expect_lt(st.st_blocks * 512, 2 << 20, "a locked process has %ld bytes on disk", (long)st.st_blocks * 512);
}

/* ---- strings -------------------------------------------------------------------------------------------- */

static const char *string_at(uint32_t at) { return (const char *)mr_writer_entries(MR_SECTION_STRINGS) + at; }

Test(writer, strings_are_found_again)
{
    open_ledger("a.memoir");
    uint32_t a = mr_writer_string("libfirst.so"), b = mr_writer_string("lib");
    cr_expect_neq(a, 0);
    cr_expect_neq(b, a);
    cr_expect_str_eq(string_at(a), "libfirst.so");
    cr_expect_str_eq(string_at(b), "lib");
    cr_expect_eq(mr_writer_string("libfirst.so"), a);
    cr_expect_eq(mr_writer_string("lib"), b);
    cr_expect_eq(mr_writer_string(NULL), 0);
    cr_expect_eq(mr_writer_string(""), 0);
    cr_expect_not(mr_writer_is_busy());
}

Test(writer, a_long_string_is_cut)
{
    static char text[10000];
    open_ledger("a.memoir");
    memset(text, 'x', sizeof text - 1);
    uint32_t at = mr_writer_string(text);
    cr_expect_eq(strlen(string_at(at)), 4095);
    cr_expect_eq(mr_writer_string("y"), at + 4096);
}

Test(writer, strings_run_out)
{
    static char text[4096];
    open_ledger(NULL);
    memset(text, 'x', sizeof text - 1);
    int made = 0;
    for (; made < 2000; made++) {
        snprintf(text, 20, "%018d", made);
        text[18] = 'x';
        if (mr_writer_string(text) == 0)
            break;
    }
    cr_expect_eq(made, (4 << 20) / 4096 - 1);
    cr_expect_neq(mr_writer_string("short"), 0, "what is left is used");
}

/* ---- the end ----------------------------------------------------------------------------------------------- */

Test(writer, the_first_end_counts)
{
    open_ledger("a.memoir");
    mr_writer_end(MR_LEDGER_SIGNALLED, 11);
    mr_writer_end(MR_LEDGER_EXITED, 3);
    cr_expect_eq(mr_writer_header->end, MR_LEDGER_SIGNALLED);
    cr_expect_eq(mr_writer_header->end_value, 11);
}

/* ---- fork --------------------------------------------------------------------------------------------------- */

static uint64_t kept;

/* The child's own file holds what the parent's did; what it appends the parent does not see. */
static int live_on(void)
{
    void *before = mr_writer_header;
    bool done = mr_writer_forked();
    bool whole = done && mr_writer_header == before && mr_writer_header->pid == getpid() &&
                 mr_writer_header->forked_from == getppid() && mr_writer_header->end == MR_LEDGER_RUNNING;
    for (uint64_t i = 1; i <= kept; i++)
        whole = whole && sites()[i].allocs == i;
    for (int i = 0; i < 5000; i++)
        append_site();
    sites()[1].allocs = 77;
    mr_writer_end(MR_LEDGER_EXITED, 0);
    return whole;
}

static void check_parent(void)
{
    cr_expect_eq(mr_writer_count(MR_SECTION_SITES), kept + 1);
    cr_expect_eq(sites()[1].allocs, 1);
    cr_expect_eq(mr_writer_header->pid, getpid());
    cr_expect_eq(mr_writer_header->end, MR_LEDGER_RUNNING);
}

static void fill_sites(void)
{
    for (int i = 0; i < 3000; i++)
        kept = append_site();
}

Test(writer, a_fork_child_has_a_file_of_its_own)
{
    open_ledger("a.memoir");
    fill_sites();
    cr_expect_eq(child_result(live_on), 1);
    check_parent();
    cr_expect_eq(count_shelf(), 2);
}

Test(writer, a_fork_child_by_its_pid_in_the_name)
{
    open_ledger("a.%p");
    fill_sites();
    cr_expect_eq(child_result(live_on), 1);
    check_parent();
    cr_expect_eq(count_shelf(), 2);
}

Test(writer, a_fork_child_of_anonymous_memory)
{
    open_ledger(NULL);
    fill_sites();
    cr_expect_eq(child_result(live_on), 1);
    check_parent();
}

static int live_on_without_files(void)
{
    clear_shelf();
    return live_on() && mr_writer_path()[0] == '\0';
}

Test(writer, a_fork_child_that_can_make_no_file_has_memory)
{
    open_ledger("a.memoir");
    fill_sites();
    cr_expect_eq(child_result(live_on_without_files), 1);
    check_parent();
}
