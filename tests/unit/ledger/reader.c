#include "shelf.h"

#include <fcntl.h>
#include <pthread.h>

TestSuite(reader, .init = make_shelf, .fini = clear_shelf);

static char why[512];

static struct mr_reader *read_ledger(const char *name)
{
    struct mr_reader *r = mr_reader_open(on_shelf(name), why, sizeof why);
    cr_assert_not_null(r, "%s", why);
    cr_expect_str_eq(why, "");
    return r;
}

static void *append(enum mr_section_kind kind, size_t size)
{
    int64_t at = mr_writer_reserve(kind, 1);
    cr_assert_geq(at, 0);
    mr_writer_publish(kind, 1);
    return (char *)mr_writer_entries(kind) + (size_t)at * size;
}
#define APPEND(KIND, type) ((struct type *)append(MR_SECTION_##KIND, sizeof(struct type)))

static struct mr_ledger_lane *lane(int i)
{
    while (mr_writer_count(MR_SECTION_LANES) <= (uint64_t)i)
        APPEND(LANES, mr_ledger_lane);
    return (struct mr_ledger_lane *)mr_writer_entries(MR_SECTION_LANES) + i;
}

/* One of each: main calls f, f's site has 3 blocks of 30 bytes, one was freed. */
static void write_small_ledger(void)
{
    open_ledger("a.memoir");
    *APPEND(MODULES, mr_ledger_module) = (struct mr_ledger_module){ .start = 0x1000, .end = 0x2000, .bias = 0x1000,
                                                                    .path = mr_writer_string("/bin/prog"), .build_id_bytes = 20 };
    *APPEND(FRAMES, mr_ledger_frame) = (struct mr_ledger_frame){ .pc = 0x1100, .module = 1 };
    *APPEND(FRAMES, mr_ledger_frame) = (struct mr_ledger_frame){ .pc = 0x1200, .caller = 1, .module = 1 };
    *APPEND(SITES, mr_ledger_site) = (struct mr_ledger_site){ .stack = 2, .allocs = 2, .alloc_bytes = 20, .peak_bytes = 20 };
    lane(1)->deltas[1] = (struct mr_ledger_delta){ .site = 1, .allocs = 1, .frees = 1, .alloc_bytes = 10, .freed_bytes = 10,
                                                   .temporary = 1 };
    lane(1)->allocs = 3, lane(1)->frees = 1, lane(1)->alloc_bytes = 30, lane(1)->freed_bytes = 10;
    mr_writer_header->peak_bytes = 25;
    *APPEND(TIMELINE, mr_ledger_moment) = (struct mr_ledger_moment){ .ms = 5, .in_use_bytes = 20 };
    *APPEND(FINDINGS, mr_ledger_finding) = (struct mr_ledger_finding){ .kind = 1, .message = mr_writer_string("bad"), .stack = 2 };
    APPEND(VERDICTS, mr_ledger_verdict);
    APPEND(VERDICTS, mr_ledger_verdict)->bytes[MR_LEAK_DEFINITE] = 20;
    mr_writer_header->check = MR_LEDGER_CHECKED;
}

/* ---- what is written is read ----------------------------------------------------------------------------- */

Test(reader, reads_what_was_written)
{
    write_small_ledger();
    struct mr_reader *r = read_ledger("a.memoir");
    struct mr_reader_site site = mr_reader_site(r, 1);
    cr_expect_eq(site.sum.allocs, 3);
    cr_expect_eq(site.sum.frees, 1);
    cr_expect_eq(site.sum.alloc_bytes, 30);
    cr_expect_eq(site.sum.freed_bytes, 10);
    cr_expect_eq(site.sum.temporary, 1);
    cr_expect_eq(site.peak_bytes, 20);
    cr_expect_eq(mr_reader_frame(r, site.stack).pc, 0x1200);
    cr_expect_eq(mr_reader_frame(r, mr_reader_frame(r, site.stack).caller).pc, 0x1100);
    const struct mr_ledger_module *m = mr_reader_module(r, mr_reader_frame(r, site.stack).module);
    cr_expect_str_eq(mr_reader_string(r, m->path), "/bin/prog");
    cr_expect_str_eq(mr_reader_string(r, mr_reader_finding(r, 0)->message), "bad");
    cr_expect_eq(mr_reader_verdict(r, 1)->bytes[MR_LEAK_DEFINITE], 20);
    cr_expect_eq(mr_reader_timeline(r)[0].in_use_bytes, 20);
    cr_expect_eq(mr_reader_total(r).allocs, 3);
    cr_expect_eq(mr_reader_header(r)->pid, getpid());
    mr_reader_close(r);
}

Test(reader, what_does_not_exist_is_nothing)
{
    write_small_ledger();
    struct mr_reader *r = read_ledger("a.memoir");
    cr_expect_eq(mr_reader_site(r, 2).sum.allocs, 0);
    cr_expect_eq(mr_reader_site(r, UINT64_MAX).sum.allocs, 0);
    cr_expect_eq(mr_reader_frame(r, 0).pc, 0);
    cr_expect_eq(mr_reader_frame(r, 3).pc, 0);
    cr_expect_null(mr_reader_module(r, 0));
    cr_expect_null(mr_reader_module(r, 2));
    cr_expect_str_eq(mr_reader_string(r, 0), "");
    cr_expect_str_eq(mr_reader_string(r, UINT64_MAX), "");
    cr_expect_null(mr_reader_verdict(r, 2));
    cr_expect_null(mr_reader_finding(r, 1));
    cr_expect_null(mr_reader_history(r, 0));
    cr_expect_null(mr_reader_stats(r), "never written");
    mr_reader_close(r);
    mr_reader_close(NULL);
}

Test(reader, an_end_above_the_peak_is_the_peak)
{
    write_small_ledger();
    mr_writer_header->peak_bytes = 15;
    mr_writer_header->peak_ms = 1;
    mr_writer_header->alive_ms = 9;
    struct mr_reader *r = read_ledger("a.memoir");
    cr_expect_eq(mr_reader_header(r)->peak_bytes, 20);
    cr_expect_eq(mr_reader_header(r)->peak_ms, 9);
    cr_expect_eq(mr_reader_site(r, 1).peak_bytes, 20);
    cr_expect_eq(mr_reader_site(r, 1).peak_blocks, 2);
    mr_reader_close(r);
}

Test(reader, verdicts_of_an_unfinished_check_are_not_told)
{
    write_small_ledger();
    mr_writer_header->check = MR_LEDGER_CHECKING;
    struct mr_reader *r = read_ledger("a.memoir");
    cr_expect_null(mr_reader_verdict(r, 1));
    mr_reader_close(r);
}

Test(reader, reads_a_descriptor_and_leaves_it_open)
{
    write_small_ledger();
    int fd = open(on_shelf("a.memoir"), O_RDONLY);
    struct mr_reader *r = mr_reader_open_fd(fd, why, sizeof why);
    cr_assert_not_null(r, "%s", why);
    cr_expect_neq(fcntl(fd, F_GETFD), -1);
    cr_expect_eq(mr_reader_site(r, 1).sum.allocs, 3);
    mr_reader_close(r);
    close(fd);
}

/* ---- what is no ledger ------------------------------------------------------------------------------------- */

static void expect_refusal(const char *name, const char *reason)
{
    struct mr_reader *r = mr_reader_open(on_shelf(name), why, sizeof why);
    cr_expect_null(r, "%s", name);
    cr_expect(strncmp(why, on_shelf(name), strlen(on_shelf(name))) == 0 && strstr(why, reason), "%s", why);
    cr_expect_null(strchr(why, '\n'));
    mr_reader_close(r);
}

static void put_file(const char *name, const void *bytes, size_t n)
{
    int fd = open(on_shelf(name), O_CREAT | O_WRONLY | O_TRUNC, 0600);
    cr_assert_eq(write(fd, bytes, n), (ssize_t)n);
    close(fd);
}

Test(reader, refuses_what_is_no_ledger, .timeout = 20)
{
    static char zeros[65536];
    expect_refusal("absent", "cannot be opened: No such file");
    expect_refusal("", "not a regular file");
    cr_assert_eq(mkfifo(on_shelf("pipe"), 0600), 0);
    expect_refusal("pipe", "not a regular file");
    put_file("empty", "", 0);
    expect_refusal("empty", "too short");
    put_file("short", MR_LEDGER_MAGIC, 8);
    expect_refusal("short", "too short");
    put_file("zeros", zeros, sizeof zeros);
    expect_refusal("zeros", "not a memoir ledger");
}

/* The file as it is, with some bytes of it replaced, in a new file. */
static void write_damaged(const char *name, size_t at, const void *bytes, size_t n)
{
    size_t size = mr_writer_header->file_bytes;
    int from = open(on_shelf("a.memoir"), O_RDONLY), to = open(on_shelf(name), O_CREAT | O_WRONLY | O_TRUNC, 0600);
    char *text = malloc(size);
    cr_assert_eq(pread(from, text, size, 0), (ssize_t)size);
    memcpy(text + at, bytes, n);
    cr_assert_eq(write(to, text, size), (ssize_t)size);
    free(text);
    close(from);
    close(to);
}

Test(reader, refuses_another_layout)
{
    uint32_t two = 2;
    uint64_t many = UINT64_MAX;
    size_t sections = offsetof(struct mr_ledger_header, sections);
    write_small_ledger();
    write_damaged("version", offsetof(struct mr_ledger_header, version), &two, sizeof two);
    expect_refusal("version", "another version");
    write_damaged("entry", sections + offsetof(struct mr_ledger_section, entry_bytes), &two, sizeof two);
    expect_refusal("entry", "another layout");
    write_damaged("count", sections + offsetof(struct mr_ledger_section, count), &many, sizeof many);
    expect_refusal("count", "more entries");
    write_damaged("offset", sections + offsetof(struct mr_ledger_section, offset), &many, sizeof many);
    expect_refusal("offset", "cut off");
    write_damaged("end", offsetof(struct mr_ledger_header, end), &many, sizeof two);
    expect_refusal("end", "makes no sense");
}

Test(reader, refuses_what_is_cut_off_and_reads_what_is_whole)
{
    write_small_ledger();
    uint64_t size = mr_writer_header->file_bytes;
    int read_to_the_end = 0;
    for (uint64_t cut = 0; cut < size; cut += size / 300) {
        cr_assert_eq(truncate(on_shelf("a.memoir"), (off_t)(size - cut)), 0);
        struct mr_reader *r = mr_reader_open(on_shelf("a.memoir"), why, sizeof why);
        cr_expect(r || strstr(why, "cut off") || strstr(why, "too short"), "%s", why);
        read_to_the_end += r != NULL;
        mr_reader_close(r);
    }
    cr_expect_gt(read_to_the_end, 0, "nothing that counts was missing");
    cr_expect_lt(read_to_the_end, 300);
}

/* ---- what is torn or hostile ------------------------------------------------------------------------------------- */

Test(reader, every_index_leads_somewhere)
{
    write_small_ledger();
    struct mr_ledger_frame *frames = mr_writer_entries(MR_SECTION_FRAMES);
    struct mr_ledger_site *sites = mr_writer_entries(MR_SECTION_SITES);
    struct mr_ledger_module *modules = mr_writer_entries(MR_SECTION_MODULES);
    struct mr_ledger_finding *findings = mr_writer_entries(MR_SECTION_FINDINGS);
    struct mr_ledger_verdict *verdicts = mr_writer_entries(MR_SECTION_VERDICTS);
    frames[2].caller = 2;
    frames[2].module = 77;
    sites[1].stack = UINT32_MAX;
    modules[1] = (struct mr_ledger_module){ .start = 9, .end = 3, .path = 1 << 30, .build_id_bytes = UINT32_MAX };
    findings[0] = (struct mr_ledger_finding){ 1, UINT32_MAX, 1, 0, 0, 0, UINT32_MAX, UINT32_MAX, UINT32_MAX, 0 };
    verdicts[1].held_by = 99;
    memset(mr_writer_header->command, 'x', sizeof mr_writer_header->command);
    struct mr_reader *r = read_ledger("a.memoir");
    cr_expect_eq(mr_reader_frame(r, 2).caller, 0);
    cr_expect_eq(mr_reader_frame(r, 2).module, 0);
    cr_expect_eq(mr_reader_site(r, 1).stack, 0);
    cr_expect_geq(mr_reader_module(r, 1)->end, mr_reader_module(r, 1)->start);
    cr_expect_leq(mr_reader_module(r, 1)->build_id_bytes, 32);
    cr_expect_str_eq(mr_reader_string(r, mr_reader_module(r, 1)->path), "");
    cr_expect_eq(mr_reader_finding(r, 0)->stack + mr_reader_finding(r, 0)->message, 0);
    cr_expect_eq(mr_reader_verdict(r, 1)->held_by, 0);
    cr_expect_eq(strlen(mr_reader_header(r)->command), sizeof mr_writer_header->command - 1);
    mr_reader_close(r);
}

Test(reader, a_last_string_without_an_end_has_one)
{
    write_small_ledger();
    uint64_t count = mr_writer_count(MR_SECTION_STRINGS);
    char *strings = mr_writer_entries(MR_SECTION_STRINGS);
    strings[count - 1] = 'x';
    struct mr_reader *r = read_ledger("a.memoir");
    cr_expect_str_eq(mr_reader_string(r, count - 4), "badx");
    mr_reader_close(r);
}

Test(reader, what_was_being_rewritten_is_told_as_far_as_it_is_whole, .timeout = 30)
{
    write_small_ledger();
    *APPEND(TIMELINE, mr_ledger_moment) = (struct mr_ledger_moment){ .ms = 9 };
    *APPEND(TIMELINE, mr_ledger_moment) = (struct mr_ledger_moment){ .ms = 7 };
    APPEND(HISTORY, mr_ledger_history);
    mr_writer_header->timeline_seq = 3;
    mr_writer_header->peak_seq = 1;
    struct mr_ledger_stats *stats = mr_writer_entries(MR_SECTION_STATS);
    stats->seq = 5;
    mr_writer_header->stats_ms = 4;
    lane(1)->deltas[1].seq = 7;
    struct mr_reader *r = read_ledger("a.memoir");
    cr_expect_eq(mr_reader_count(r, MR_SECTION_TIMELINE), 2);
    cr_expect_null(mr_reader_history(r, 0));
    cr_expect_null(mr_reader_stats(r));
    cr_expect_eq(mr_reader_site(r, 1).sum.allocs, 3);
    mr_reader_close(r);
}

Test(reader, stats_are_within_their_arrays)
{
    write_small_ledger();
    struct mr_ledger_stats *stats = mr_writer_entries(MR_SECTION_STATS);
    *stats = (struct mr_ledger_stats){ .seq = 2, .total_count = 9999, .class_count = 9999, .totals = { 42 } };
    mr_writer_header->stats_ms = 4;
    struct mr_reader *r = read_ledger("a.memoir");
    cr_assert_not_null(mr_reader_stats(r));
    cr_expect_eq(mr_reader_stats(r)->total_count, MR_LEDGER_TOTALS);
    cr_expect_eq(mr_reader_stats(r)->class_count, MR_LEDGER_CLASSES);
    cr_expect_eq(mr_reader_stats(r)->totals[0], 42);
    mr_reader_close(r);
}

/* ---- while it is written ---------------------------------------------------------------------------------------- */

/* Moves its entry to the site and back all the time, and appends; the sum of both never changes. It rests in between
 * for longer than a slot takes to be read again, also where system calls are slow. */
static volatile bool stop;

static void *move_all_the_time(void *unused)
{
    struct mr_ledger_site *site = (struct mr_ledger_site *)mr_writer_entries(MR_SECTION_SITES) + 1;
    struct mr_ledger_delta *d = &lane(1)->deltas[1];
    (void)unused;
    for (uint32_t seq = d->seq; !stop; seq += 2) {
        bool out = seq / 2 % 2 == 0;
        __atomic_exchange_n(&d->seq, seq + 1, __ATOMIC_ACQ_REL);
        __atomic_store_n(&site->allocs, out ? 1000 : 0, __ATOMIC_RELAXED);
        __atomic_store_n(&d->allocs, out ? 0 : 1000, __ATOMIC_RELAXED);
        __atomic_store_n(&d->seq, seq + 2, __ATOMIC_RELEASE);
        nanosleep(&(struct timespec){ .tv_nsec = 100 * 1000 }, NULL);
        if (seq % 64 == 0)
            *APPEND(FRAMES, mr_ledger_frame) = (struct mr_ledger_frame){ .pc = 1, .caller = 1 };
    }
    return NULL;
}

Test(reader, figures_on_the_move_are_told_once, .timeout = 60)
{
    pthread_t mover;
    write_small_ledger();
    lane(1)->deltas[1] = (struct mr_ledger_delta){ .site = 1, .allocs = 1000 };
    ((struct mr_ledger_site *)mr_writer_entries(MR_SECTION_SITES))[1].allocs = 0;
    cr_assert_eq(pthread_create(&mover, NULL, move_all_the_time, NULL), 0);
    int wrong = 0, judged = 0;
    for (int i = 0; i < 300; i++) {
        struct mr_reader *r = read_ledger("a.memoir");
        bool between = __atomic_load_n(&lane(1)->deltas[1].seq, __ATOMIC_ACQUIRE) % 2 == 0;
        judged += between;
        wrong += between && mr_reader_site(r, 1).sum.allocs != 1000;
        mr_reader_close(r);
    }
    stop = true;
    pthread_join(mover, NULL);
    /* A mover that the system holds up in the middle for long looks like one that was killed, and this one leaves
     * no notes as lanes do. Without the sequence numbers every second sum is wrong. */
    cr_expect_leq(wrong, judged / 10 + 3, "%d of %d", wrong, judged);
}
