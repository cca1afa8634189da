/* ledgers.c: writes the ledgers that the browser tests look at into a directory: no run is like another, these are.
 *
 *   rich      everything there is: kinds, growth, findings, a timeline, size classes; and names and lines of this
 *             very program, so that stacks have their source
 *   earlier   the same program before: what rich is compared with
 *   plain     no call stacks
 *   many      50,000 sites */
#include <link.h>
#include <unistd.h>

#include "ledger.h"
#include "test_ledger.h"

enum { SECOND = 1000, MOMENTS = 400, MANY = 50000 };

/* --- functions to be found in stacks ------------------------------------------------------------------------ */

#define STAND_IN __attribute__((noinline, noipa))
STAND_IN static void *session_new(size_t n) { return calloc(1, n); }
STAND_IN static void *accept_one(size_t n) { return session_new(n + 1); }
STAND_IN static void *parse_header(size_t n) { return malloc(n); }
STAND_IN static void *read_request(size_t n) { return parse_header(n + 2); }
STAND_IN static void *cache_insert(size_t n) { return malloc(n + 3); }
STAND_IN static void *table_grow(size_t n) { return realloc(NULL, n); }
STAND_IN static void *load_config(size_t n) { return table_grow(n + 4); }
STAND_IN static void *event_loop(size_t n) { return read_request(n) ? accept_one(n) : NULL; }

struct places {
    uint32_t module, start, loop, accept, session, request, header, cache, config, grow;
};

/* Somewhere behind the entry of the function: still on a line of it. */
static uint32_t frame(struct test_ledger *l, uint32_t caller, uint32_t module, void *(*function)(size_t))
{
    return test_ledger_frame(l, caller, module, (uintptr_t)function - _r_debug.r_map->l_addr + 4);
}

/* The build id of this program, without which nobody believes that its names are the right ones. */
static int take_build_id(struct dl_phdr_info *info, size_t size, void *module)
{
    struct mr_ledger_module *m = module;
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        const char *at = (const char *)(info->dlpi_addr + segment->p_vaddr), *end = at + segment->p_memsz;
        while (segment->p_type == PT_NOTE && at < end) {
            const ElfW(Nhdr) *note = (const void *)at;
            const char *bytes = at + sizeof *note + ((note->n_namesz + 3) & ~3u);
            if (note->n_type == NT_GNU_BUILD_ID && note->n_descsz <= sizeof m->build_id)
                memcpy(m->build_id, bytes, m->build_id_bytes = note->n_descsz);
            at = bytes + ((note->n_descsz + 3) & ~3u);
        }
    }
    return 1; /* the first is the program itself */
}

static struct places make_places(struct test_ledger *l)
{
    char self[4096] = "";
    struct places p = { 0 };
    if (readlink("/proc/self/exe", self, sizeof self - 1) < 0)
        abort();
    p.module = test_ledger_module(l, self, 0x550000000000, 0);
    dl_iterate_phdr(take_build_id, test_ledger_at(l, MR_SECTION_MODULES, p.module));
    p.start = test_ledger_frame(l, 0, test_ledger_module(l, "/lib/x86_64-linux-gnu/libc.so.6", 0x7f0000000000, 7), 0x27249);
    p.loop = frame(l, p.start, p.module, event_loop);
    p.accept = frame(l, p.loop, p.module, accept_one);
    p.session = frame(l, p.accept, p.module, session_new);
    p.request = frame(l, p.loop, p.module, read_request);
    p.header = frame(l, p.request, p.module, parse_header);
    p.cache = frame(l, p.loop, p.module, cache_insert);
    p.config = frame(l, p.start, p.module, load_config);
    p.grow = frame(l, p.config, p.module, table_grow);
    return p;
}

/* --- what a heap says of itself ------------------------------------------------------------------------------- */

static uint64_t *total(struct mr_ledger_stats *s, const char *name)
{
    for (size_t i = 0; i < mr_stat_count; i++)
        if (strcmp(mr_stats[i].name, name) == 0)
            return &s->totals[i];
    abort();
}

/* in use + slack + dirty + tables - never touched = resident: 96 + 20 + 24 + 4 - 16 = 128 MiB, plus 32 that are not ours. */
static void add_stats(struct test_ledger *l, uint64_t in_use, uint64_t blocks, uint64_t allocs)
{
    struct mr_ledger_stats *s = test_ledger_at(l, MR_SECTION_STATS, test_ledger_add(l, MR_SECTION_STATS));
    s->total_count = mr_stat_count;
    *total(s, "allocations") = allocs;
    *total(s, "frees") = allocs - blocks;
    *total(s, "allocated_bytes") = 40 * in_use;
    *total(s, "freed_bytes") = 39 * in_use;
    *total(s, "in_use_bytes") = in_use;
    *total(s, "in_use_blocks") = blocks;
    *total(s, "peak_bytes") = in_use + 30 * 1048576;
    *total(s, "peak_ms") = 41 * SECOND;
    *total(s, "slack_bytes") = 20 * 1048576;
    *total(s, "dirty_bytes") = 24 * 1048576;
    *total(s, "metadata_bytes") = 4 * 1048576;
    *total(s, "resident_bytes") = in_use + 32 * 1048576;
    *total(s, "committed_bytes") = 256 * 1048576;
    *total(s, "reserved_bytes") = 1ull << 40;
    *total(s, "purged_bytes") = 77 * 1048576;
    s->process_resident_bytes = in_use + 64 * 1048576;
    for (uint64_t size = 16, below = 0; size <= 65536 && s->class_count < 40; below = size, size += size < 128 ? 16 : size / 4) {
        uint64_t n = 100000 / (1 + s->class_count * s->class_count);
        s->classes[s->class_count++] = (struct mr_ledger_class){ size, below, 9 * n, 8 * n, n * size, n * size / 65536 + 1, n / 5, 0, 65536 };
    }
    s->classes[s->class_count++] = (struct mr_ledger_class){ 1048576, 0, 70, 50, 20 * 900000, 0, 0, 1, 0 };
    l->header->stats_ms = l->header->end_ms;
}

/* Two regions: slabs that empty out towards the end, and large blocks with gaps. */
static void add_map(struct test_ledger *l)
{
    struct mr_ledger_map *m = test_ledger_at(l, MR_SECTION_MAP, test_ledger_add(l, MR_SECTION_MAP));
    *m = (struct mr_ledger_map){ .ms = 60 * SECOND, .cell_bytes = 131072, .cell_count = 900, .largest_gap = 9 * 131072 };
    for (uint32_t i = 0; i < 900; i++) {
        struct mr_ledger_cell *c = &m->cells[i];
        uint32_t used = i < 600 ? 131072 - i * 150 : 0;
        c->address = i < 600 ? 0x100000000 + i * 131072ull : 0x900000000 + i * 131072ull;
        c->bytes[MR_MAP_SLAB_USED] = used;
        c->bytes[MR_MAP_SLAB_FREE] = i < 600 && i % 7 ? 131072 - used : 0;
        c->bytes[i < 600 ? MR_MAP_DIRTY : i % 50 < 9 ? MR_MAP_CLEAN : i % 50 > 45 ? MR_MAP_DIRTY : i > 890 ? MR_MAP_OWN : MR_MAP_LARGE] +=
            131072 - used - c->bytes[MR_MAP_SLAB_FREE];
    }
    m->gaps[12] = (struct mr_ledger_gap){ 40, 40 * 6000 };
    m->gaps[20] = (struct mr_ledger_gap){ 6, 6 * 9 * 131072 };
    l->header->maps = 1;
}

/* A saw tooth that rises. */
static void add_timeline(struct test_ledger *l, uint64_t ms)
{
    for (uint64_t i = 0; i < MOMENTS; i++) {
        struct mr_ledger_moment *m = test_ledger_at(l, MR_SECTION_TIMELINE, test_ledger_add(l, MR_SECTION_TIMELINE));
        uint64_t in_use = (20 + i / 6 + i % 40) * 1048576;
        *m = (struct mr_ledger_moment){ (i + 1) * ms / MOMENTS, in_use, in_use / 700, in_use + (30 + i / 20) * 1048576,
                                        i * (2000 + i % 90 * 30), i * (900000 + i % 70 * 9000) };
    }
    l->header->timeline_interval_ms = ms / MOMENTS;
}

/* --- sites ------------------------------------------------------------------------------------------------------ */

static uint32_t site(struct test_ledger *l, uint32_t stack, uint64_t size, uint64_t allocs, uint64_t frees, uint64_t temporary)
{
    uint32_t i = test_ledger_site(l, stack, size, allocs, frees);
    ((struct mr_ledger_site *)test_ledger_at(l, MR_SECTION_SITES, i))->temporary = temporary;
    return i;
}

static void grow(struct test_ledger *l, uint32_t site)
{
    struct mr_ledger_history *history = test_ledger_at(l, MR_SECTION_HISTORY, site);
    for (uint32_t i = 0; i < MR_LEDGER_HISTORY; i++) {
        l->header->history_ms[i] = (i + 1) * 7 * SECOND;
        history->in_use_kib[i] = 1000 + i * 5000;
    }
}

static void find(struct test_ledger *l, const struct places *p)
{
    struct mr_ledger_finding *f = test_ledger_at(l, MR_SECTION_FINDINGS, test_ledger_add(l, MR_SECTION_FINDINGS));
    *f = (struct mr_ledger_finding){
        .kind = MR_FINDING_OVERFLOW, .message = test_ledger_string(l, "overflow of 0x7f1200 (48 bytes): 3 bytes behind it, </script> & \"more\""),
        .count = 3, .address = 0x7f1200, .size = 48, .ms = 21 * SECOND, .stack = p->header, .allocation_stack = p->session,
    };
}

static void write_rich(const char *path, bool earlier)
{
    struct test_ledger l = test_ledger_new(64, 64);
    struct places p = make_places(&l);
    uint32_t lost = site(&l, p.session, 4096, earlier ? 5000 : 9000, 1000, 10), held = site(&l, p.header, 100, 50000, 49000, 30000);
    uint32_t kept = site(&l, p.cache, 1024, 40000, 8000, 0);
    site(&l, p.request, 300, 700000, 700000, 650000);
    if (!earlier) {
        uint32_t config = site(&l, p.grow, 65536, 300, 20, 0);
        test_ledger_judge(&l, config, MR_LEAK_POSSIBLE, 280, 280 * 65536);
        grow(&l, lost);
        find(&l, &p);
    } else {
        test_ledger_judge(&l, site(&l, p.config, 70000, 100, 10, 0), MR_LEAK_REACHABLE, 90, 90 * 70000);
    }
    uint32_t blocks = earlier ? 4000 : 8000;
    test_ledger_judge(&l, lost, MR_LEAK_DEFINITE, blocks - 1000, (blocks - 1000) * 4096ull);
    test_ledger_judge(&l, lost, MR_LEAK_REACHABLE, 1000, 1000 * 4096);
    test_ledger_judge(&l, held, MR_LEAK_INDIRECT, 1000, 1000 * 100);
    test_ledger_verdict(&l, held)->held_by = lost;
    test_ledger_judge(&l, kept, MR_LEAK_REACHABLE, 32000, 32000 * 1024);
    test_ledger_end(&l, MR_LEDGER_EXITED, 3, 60 * SECOND);
    add_timeline(&l, 60 * SECOND);
    add_stats(&l, 96 * 1048576, 41280, 799300);
    add_map(&l);
    test_ledger_book(&l);
    test_ledger_write(&l, path);
}

static void write_plain(const char *path)
{
    struct test_ledger l = test_ledger_new(4, 4);
    l.header->trace = MR_LEDGER_TRACE_OFF;
    test_ledger_end(&l, MR_LEDGER_SIGNALLED, 9, 5 * SECOND);
    add_stats(&l, 96 * 1048576, 41280, 799300);
    test_ledger_write(&l, path);
}

/* Trees of callers as programs have them: eight functions under each, ten deep. */
static void write_many(const char *path)
{
    struct test_ledger l = test_ledger_new(MANY + 1, 4 * MANY);
    uint32_t module = test_ledger_module(&l, "/opt/app/server", 0x550000000000, 0), stacks[2 * MANY];
    uint64_t known = 0, seed = 1;
    stacks[known++] = test_ledger_frame(&l, 0, module, 0x1000);
    while (known < 2 * MANY) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        uint64_t caller = known < 64 ? known / 8 : known / 4 + (seed >> 33) % (known / 8);
        stacks[known] = test_ledger_frame(&l, stacks[caller], module, 0x1000 + (seed >> 40) % 9000 * 16);
        known++;
    }
    for (uint32_t i = 0; i < MANY; i++) {
        uint64_t allocs = 1 + 1000000 / (i + 1);
        uint32_t s = site(&l, stacks[MANY + i], 16 + i % 512, allocs, i % 3 ? 0 : allocs, i % 7);
        if (i % 3)
            test_ledger_judge(&l, s, i % 3 == 1 ? MR_LEAK_DEFINITE : MR_LEAK_REACHABLE, (uint32_t)allocs, allocs * (16 + i % 512));
    }
    test_ledger_end(&l, MR_LEDGER_EXITED, 0, 60 * SECOND);
    add_timeline(&l, 60 * SECOND);
    test_ledger_book(&l);
    test_ledger_write(&l, path);
}

int main(int argc, char **argv)
{
    if (argc != 2 || chdir(argv[1]) != 0)
        return 2;
    write_rich("rich", false);
    write_rich("earlier", true);
    write_plain("plain");
    write_many("many");
    return 0;
}
