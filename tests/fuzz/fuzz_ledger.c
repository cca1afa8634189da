/* fuzz_ledger.c: damaged ledgers for the reader.
 *
 * The input is a list of changes to a sound ledger: each 8 bytes are an offset into its used parts, a
 * value and a way to change (a byte, a word, a cut). An input that begins with the ledger's magic is taken for
 * a whole file. For each:
 *   - it is refused with one line, or it is read;
 *   - of what is read every index leads to something, every string ends, and callers end at the root.
 *
 * With clang: -fsanitize=fuzzer,address. With -DFUZZ_MAIN it has a main() of its own: each argument is a file
 * to run, or a number: that many random inputs. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz_require.h"
#include "ledger.h"
#include "os.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- a sound ledger ------------------------------------------------------------------------------------ */

enum { PIECES = MR_SECTION_COUNT + 1, PER_PIECE = 4096 };

static int sound = -1, damaged = -1;
static uint64_t file_bytes, pieces[PIECES]; /* where the used parts begin */

static void append_all(enum mr_section_kind kind, size_t size, int n)
{
    for (int i = 0; i < n; i++) {
        int64_t at = mr_writer_reserve(kind, 1);
        uint32_t *words = (uint32_t *)((char *)mr_writer_entries(kind) + (size_t)at * size);
        for (size_t w = 0; w < size / 4; w++)
            words[w] = (uint32_t)rand() % 40;
        mr_writer_publish(kind, 1);
    }
}

static void fill_sections(void)
{
    mr_writer_string("/usr/bin/program");
    mr_writer_string("freed twice");
    append_all(MR_SECTION_MODULES, sizeof(struct mr_ledger_module), 5);
    append_all(MR_SECTION_FRAMES, sizeof(struct mr_ledger_frame), 60);
    append_all(MR_SECTION_SITES, sizeof(struct mr_ledger_site), 40);
    append_all(MR_SECTION_HISTORY, sizeof(struct mr_ledger_history), 30);
    append_all(MR_SECTION_VERDICTS, sizeof(struct mr_ledger_verdict), 41);
    append_all(MR_SECTION_LANES, sizeof(struct mr_ledger_lane), 2);
    append_all(MR_SECTION_TIMELINE, sizeof(struct mr_ledger_moment), 50);
    append_all(MR_SECTION_FINDINGS, sizeof(struct mr_ledger_finding), 6);
    append_all(MR_SECTION_MAP, sizeof(struct mr_ledger_map), 1);
    ((struct mr_ledger_map *)mr_writer_entries(MR_SECTION_MAP))->seq = 2;
    mr_writer_header->check = MR_LEDGER_CHECKED;
    mr_writer_header->stats_ms = 1;
}

static void make_sound(void)
{
    char path[64] = "/tmp/memoir-fuzz-ledger-XXXXXX";
    const char *why;
    mr_os_init();
    require(mkdtemp(path) != NULL, "no directory");
    strcat(path, "/a");
    require(mr_writer_open(path, MR_LEDGER_TRACE_FULL, 1, &why) && !why, "no ledger");
    fill_sections();
    sound = open(path, O_RDONLY);
    unlink(path);
    path[strlen(path) - 2] = '\0';
    rmdir(path);
    damaged = memfd_create("damaged", 0);
    file_bytes = mr_writer_header->file_bytes;
    for (int kind = 0; kind < MR_SECTION_COUNT; kind++)
        pieces[kind + 1] = mr_writer_header->sections[kind].offset;
}

static void copy_sound(void)
{
    static char part[2 * PER_PIECE];
    require(ftruncate(damaged, 0) == 0 && ftruncate(damaged, (off_t)file_bytes) == 0, "no memory");
    for (int i = 0; i < PIECES; i++) {
        ssize_t n = pread(sound, part, sizeof part, (off_t)pieces[i]);
        require(n > 0 && pwrite(damaged, part, (size_t)n, (off_t)pieces[i]) == n, "cannot copy");
    }
}

/* ---- damage ------------------------------------------------------------------------------------------------- */

struct change {
    uint8_t piece, way;
    uint16_t offset;
    uint32_t value;
};

static void damage(struct change c)
{
    static const uint64_t odd[] = { 0, 1, UINT64_MAX, INT64_MAX, (uint64_t)1 << 32, UINT32_MAX, 4096, (uint64_t)1 << 40 };
    uint64_t at = pieces[c.piece % PIECES] + c.offset % PER_PIECE, word = odd[c.value % MR_COUNT(odd)];
    uint64_t row = offsetof(struct mr_ledger_header, sections) + c.offset % (8 * 16 * 5) / 8 * 8;
    if (c.way % 8 < 3)
        require(pwrite(damaged, &c.value, 1, (off_t)at) == 1, "cannot write");
    else if (c.way % 8 < 5)
        require(pwrite(damaged, &c.value, 4, (off_t)(at & ~(uint64_t)3)) == 4, "cannot write");
    else if (c.way % 8 == 5)
        require(pwrite(damaged, &word, 8, (off_t)(at & ~(uint64_t)7)) == 8, "cannot write");
    else if (c.way % 8 == 6)
        require(pwrite(damaged, &word, 4, (off_t)row) == 4, "cannot write");
    else if (c.value % 16 == 0)
        require(ftruncate(damaged, (off_t)at) == 0, "cannot cut");
}

/* ---- what a reader may rely on ----------------------------------------------------------------------------------- */

static volatile size_t sink; /* so that nothing read is left out by the compiler */

static void check_stack(const struct mr_reader *r, uint32_t stack)
{
    require(stack == 0 || stack < mr_reader_count(r, MR_SECTION_FRAMES), "a stack leads nowhere");
    while (stack) {
        struct mr_ledger_frame f = mr_reader_frame(r, stack);
        require(f.caller < stack, "a caller comes after what it calls");
        require(f.module == 0 || mr_reader_module(r, f.module), "a module leads nowhere");
        stack = f.caller;
    }
}

static void check_sites(const struct mr_reader *r)
{
    for (uint64_t i = 0; i < mr_reader_count(r, MR_SECTION_SITES) && i < 1000; i++) {
        struct mr_reader_site site = mr_reader_site(r, i);
        const struct mr_ledger_verdict *verdict = mr_reader_verdict(r, i);
        const struct mr_ledger_history *history = mr_reader_history(r, i);
        check_stack(r, site.stack);
        require(!verdict || verdict->held_by < mr_reader_count(r, MR_SECTION_SITES), "held by nothing");
        sink += mr_sum_bytes(&site.sum) + mr_sum_blocks(&site.sum) + (history ? history->in_use_kib[7] : 0);
    }
}

static void check_modules(const struct mr_reader *r)
{
    for (uint64_t i = 1; i < mr_reader_count(r, MR_SECTION_MODULES) && i < 1000; i++) {
        const struct mr_ledger_module *m = mr_reader_module(r, i);
        require(m->end >= m->start && m->build_id_bytes <= sizeof m->build_id, "a module makes no sense");
        sink += strlen(mr_reader_string(r, m->path)) + m->build_id[0];
    }
}

static void check_findings(const struct mr_reader *r)
{
    for (uint64_t i = 0; i < mr_reader_count(r, MR_SECTION_FINDINGS) && i < 1000; i++) {
        const struct mr_ledger_finding *f = mr_reader_finding(r, i);
        check_stack(r, f->stack);
        check_stack(r, f->allocation_stack);
        check_stack(r, f->free_stack);
        sink += strlen(mr_reader_string(r, f->message));
    }
}

static void check_map(const struct mr_ledger_map *map)
{
    uint64_t gaps = 0;
    for (int i = 0; map && i < MR_LEDGER_GAPS; i++) {
        require(map->gaps[i].bytes <= UINT64_MAX - gaps && map->gaps[i].count <= map->gaps[i].bytes, "gaps do not add up");
        gaps += map->gaps[i].bytes;
    }
    require(!map || (map->cell_count <= MR_LEDGER_CELLS && map->figures.class_count <= MR_LEDGER_CLASSES), "too many cells");
}

static void check_rest(const struct mr_reader *r)
{
    const struct mr_ledger_header *h = mr_reader_header(r);
    const struct mr_ledger_stats *stats = mr_reader_stats(r);
    const struct mr_ledger_moment *moments = mr_reader_timeline(r);
    sink += strlen(h->command) + strlen(h->directory) + strlen(h->executable) + strlen(h->strategy) + strlen(h->memoir_version);
    require(h->trace <= MR_LEDGER_TRACE_FULL && h->end <= MR_LEDGER_EXECED && h->sample_interval > 0, "the header makes no sense");
    require(!stats || (stats->total_count <= MR_LEDGER_TOTALS && stats->class_count <= MR_LEDGER_CLASSES), "too many totals");
    check_map(mr_reader_map(r));
    for (uint64_t i = 1; i < mr_reader_count(r, MR_SECTION_TIMELINE); i++)
        require(moments[i].ms >= moments[i - 1].ms, "time runs backwards");
    sink += mr_reader_total(r).allocs;
}

static void read_damaged(void)
{
    char why[256];
    memset(why, 'x', sizeof why);
    struct mr_reader *r = mr_reader_open_fd(damaged, why, sizeof why);
    require(memchr(why, '\0', sizeof why) && !strchr(why, '\n'), "not one line");
    require((r == NULL) == (why[0] != '\0'), "refused without a word, or read with one");
    if (r) {
        check_sites(r);
        check_modules(r);
        check_findings(r);
        check_rest(r);
    }
    mr_reader_close(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (sound < 0)
        make_sound();
    if (size >= 8 && memcmp(data, MR_LEDGER_MAGIC, 8) == 0) {
        require(ftruncate(damaged, 0) == 0 && pwrite(damaged, data, size, 0) == (ssize_t)size, "cannot write");
    } else {
        copy_sound();
        for (size_t at = 0; at + sizeof(struct change) <= size; at += sizeof(struct change)) {
            struct change c;
            memcpy(&c, data + at, sizeof c);
            damage(c);
        }
    }
    read_damaged();
    return 0;
}

#ifdef FUZZ_MAIN
#include "fuzz_main.h"

static size_t fuzz_make(uint64_t round, uint8_t *data, size_t cap)
{
    enum { MOST = 12 };
    size_t size = round % MOST * sizeof(struct change);
    for (size_t i = 0; i < size && i < cap; i++)
        data[i] = fuzz_byte();
    return size;
}
#endif
