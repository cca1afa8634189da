#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

#include "os.h"

/* ---- time and the process ------------------------------------------------------------------------ */

Test(misc, the_clock_moves_with_the_time)
{
    uint64_t begin = mr_clock_ms();
    nanosleep(&(struct timespec){ .tv_nsec = 50 * 1000000l }, NULL);
    uint64_t took = mr_clock_ms() - begin;
    cr_expect_geq(took, 40);
    cr_expect_leq(took, 20000);
}

Test(misc, the_wall_clock_is_the_systems)
{
    time_t now = time(NULL);
    uint64_t wall = mr_clock_wall();
    cr_expect(wall + 1 >= (uint64_t)now && wall <= (uint64_t)now + 5);
}

static int is_own_id(void) { return mr_process_id() == getpid() && mr_process_id() != getppid(); }

Test(misc, the_id_is_the_childs_in_a_child)
{
    cr_expect_eq(mr_process_id(), getpid());
    cr_expect_eq(child_result(is_own_id), 1);
}

Test(misc, an_ordinary_process_is_not_secure)
{
    cr_expect_not(mr_process_is_secure());
}

Test(misc, resident_follows_what_is_touched)
{
    size_t bytes = 64 * MR_MIB, before = mr_process_resident();
    cr_assert_gt(before, 0);
    char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(p, 1, bytes);
    cr_expect_geq(mr_process_resident(), before + bytes - 8 * MR_MIB);
    munmap(p, bytes);
}

static int has_threads(void) { return mr_process_has_threads(); }

static void *ask_for_threads(void *unused)
{
    (void)unused;
    return (void *)(uintptr_t)mr_process_has_threads();
}

Test(misc, threads_are_noticed)
{
    cr_expect(in_thread(ask_for_threads, NULL));
    cr_expect_eq(child_result(has_threads), 0, "a fork child starts alone");
}

/* Its own reading of what the kernel tells. */
static size_t read_command(char *text, size_t cap)
{
    FILE *file = fopen("/proc/self/cmdline", "r");
    size_t len = fread(text, 1, cap - 1, file);
    fclose(file);
    while (len > 0 && text[len - 1] == '\0')
        len--;
    for (size_t i = 0; i < len; i++)
        text[i] = text[i] == '\0' || text[i] == '\n' ? ' ' : text[i];
    text[len] = '\0';
    return len;
}

Test(misc, the_command_is_the_arguments_with_blanks)
{
    char text[4096], wanted[4096];
    cr_assert_gt(read_command(wanted, sizeof wanted), 4);
    mr_process_command(text, sizeof text);
    cr_expect_str_eq(text, wanted);
}

Test(misc, the_command_is_cut_to_the_buffer)
{
    char text[8], wanted[4096];
    read_command(wanted, sizeof wanted);
    memset(text, '#', sizeof text);
    mr_process_command(text, 5);
    cr_expect_eq(strlen(text), 4);
    cr_expect_eq(memcmp(text, wanted, 4), 0);
    cr_expect_eq(text[5], '#', "nothing is written behind the buffer");
    mr_process_command(text, 1);
    cr_expect_str_eq(text, "");
}

Test(misc, the_name_is_the_last_part_of_the_path)
{
    char text[256], exe[4096] = "";
    cr_assert_gt(readlink("/proc/self/exe", exe, sizeof exe - 1), 0);
    const char *name = strrchr(exe, '/') + 1;
    errno = 77;
    mr_process_name(text, sizeof text);
    cr_expect_eq(errno, 77);
    cr_expect_str_eq(text, name);
    memset(text, '#', sizeof text);
    mr_process_name(text, 3);
    cr_expect_eq(strlen(text), 2);
    cr_expect_eq(strncmp(text, name, 2), 0);
    cr_expect_eq(text[3], '#');
}

/* ---- files -------------------------------------------------------------------------------------------- */

static char path[64];

static void make_path(void)
{
    snprintf(path, sizeof path, "%s/memoir-unit-XXXXXX", P_tmpdir);
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    close(fd);
    unlink(path);
}

static void remove_path(void) { unlink(path); }

TestSuite(file, .init = make_path, .fini = remove_path);

Test(file, is_made_written_and_read)
{
    char text[16] = "";
    const char *why = "";
    errno = 77;
    int fd = mr_file_create(path, &why);
    cr_assert_gt(fd, 2);
    cr_expect_null(why);
    cr_expect(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    cr_expect(mr_file_write(fd, "a report\n", 9));
    mr_file_close(fd);
    cr_expect_lt(fcntl(fd, F_GETFD), 0);
    errno = 77;
    cr_expect_eq(mr_file_read_all(path, text, sizeof text), 9);
    cr_expect_str_eq(text, "a report\n");
    cr_expect_eq(errno, 77);
}

Test(file, that_exists_is_emptied)
{
    char text[16];
    for (int i = 0; i < 2; i++) {
        int fd = mr_file_create(path, NULL);
        cr_expect(mr_file_write(fd, "longer\n" + 4 * i, 7 - 4 * (size_t)i));
        mr_file_close(fd);
    }
    cr_expect_eq(mr_file_read_all(path, text, sizeof text), 3);
}

Test(file, reading_stops_at_the_buffers_end)
{
    char text[8];
    memset(text, '#', sizeof text);
    cr_expect_eq(mr_file_read_all("/proc/self/status", text, 5), 5);
    cr_expect_eq(text[5], '#');
    errno = 77;
    cr_expect_eq(mr_file_read_all(path, text, sizeof text), 0, "there is no such file");
    cr_expect_eq(errno, 77);
}

Test(file, that_cannot_be_made_says_why)
{
    const char *why = NULL;
    char below[96];
    snprintf(below, sizeof below, "%s/report", path);
    errno = 77;
    cr_expect_eq(mr_file_create(below, &why), -1);
    cr_expect_str_eq(why, "No such file or directory");
    cr_expect_eq(mr_file_create(P_tmpdir, &why), -1);
    cr_expect_str_eq(why, "Is a directory");
    cr_expect_eq(mr_file_create(below, NULL), -1);
    cr_expect_eq(errno, 77);
}

/* The program's standard streams are closed and stay so. */
static int create_with_low_numbers_free(void)
{
    for (int fd = 0; fd < 3; fd++)
        close(fd);
    int fd = mr_file_create(path, NULL);
    for (int low = 0; low < 3; low++)
        if (fcntl(low, F_GETFD) != -1)
            return 10 + low;
    return fd > 2 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) && mr_file_write(fd, "x", 1);
}

Test(file, lands_above_the_standard_streams)
{
    char text[4];
    cr_expect_eq(child_result(create_with_low_numbers_free), 1);
    cr_expect_eq(mr_file_read_all(path, text, sizeof text), 1);
}

Test(file, a_copy_is_private_and_out_of_the_way)
{
    int fd = mr_file_create(path, NULL), copy = mr_file_duplicate(fd);
    cr_expect_geq(copy, 100);
    cr_expect(fcntl(copy, F_GETFD) & FD_CLOEXEC);
    mr_file_close(fd);
    cr_expect(mr_file_write(copy, "x", 1));
    errno = 77;
    cr_expect_eq(mr_file_duplicate(fd), -1, "it is closed");
    cr_expect_eq(errno, 77);
}

static int copy_under_a_limit(void)
{
    struct rlimit few = { 60, 60 };
    setrlimit(RLIMIT_NOFILE, &few);
    int copy = mr_file_duplicate(2);
    return copy >= 3 && copy < 60;
}

Test(file, a_copy_is_had_under_a_low_limit)
{
    cr_expect_eq(child_result(copy_under_a_limit), 1);
}

Test(file, a_write_that_fails_is_false)
{
    int ends[2];
    signal(SIGPIPE, SIG_IGN);
    cr_assert_eq(pipe(ends), 0);
    close(ends[0]);
    errno = 77;
    cr_expect_not(mr_file_write(ends[1], "x", 1));
    close(ends[1]);
    errno = 77;
    cr_expect_not(mr_file_write(ends[1], "x", 1));
    cr_expect(mr_file_write(ends[1], "x", 0));
    cr_expect_eq(errno, 77);
}

static void *read_slowly(void *arg)
{
    char buf[1000];
    uintptr_t total = 0;
    for (ssize_t n; (n = read(*(int *)arg, buf, sizeof buf)) > 0;)
        total += (uintptr_t)n;
    return (void *)total;
}

/* A pipe takes 64 KiB at a time at most: the rest follows. */
Test(file, a_write_is_all_or_false, .timeout = 30)
{
    static char bytes[300000];
    int ends[2];
    pthread_t reader;
    void *total;
    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(pthread_create(&reader, NULL, read_slowly, &ends[0]), 0);
    cr_expect(mr_file_write(ends[1], bytes, sizeof bytes));
    close(ends[1]);
    pthread_join(reader, &total);
    cr_expect_eq((uintptr_t)total, sizeof bytes);
}

static bool same(struct mr_file_id a, struct mr_file_id b) { return a.dev == b.dev && a.ino == b.ino; }

Test(file, is_known_again)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    int fd = mr_file_create(path, NULL), copy = mr_file_duplicate(fd);
    struct mr_file_id id = mr_file_identify(fd);
    cr_expect_neq(id.ino, 0);
    cr_expect(same(id, mr_file_identify(copy)));
    cr_expect_not(same(id, mr_file_identify(ends[0])));
    mr_file_close(copy);
    errno = 77;
    cr_expect(same(mr_file_identify(copy), (struct mr_file_id){ 0, 0 }));
    cr_expect_eq(errno, 77);
}
