/* story.h: a ledger by hand, of a server that was killed, and a source of names for its places. */
#ifndef STORY_H
#define STORY_H

#include <criterion/criterion.h>
#include <unistd.h>

#include "ledger.h"
#include "report.h"
#include "symbol.h"
#include "test_ledger.h"

enum { STORY_SERVER = 0x1000, STORY_LIBC = 0x2000, STORY_GONE = 0x3000, STORY_STRANGE = 0x4000 };

/* What the source answers for an offset, in whatever module; modules are told apart by the first digit. */
static const struct {
    uint64_t offset;
    struct mr_symbol_frame frames[2];
    size_t count;
} story_places[] = {
    { 0x1010, { { "session_new", "session_new", "/src/app/server.c", 212, 0, false, NULL } }, 1 },
    { 0x1020, { { "accept_one", "accept_one", "/src/app/server.c", 88, 0, false, NULL } }, 1 },
    { 0x1030, { { "main", "main", "/src/app/server.c", 301, 0, false, NULL } }, 1 },
    { 0x1040, { { "Cache<int>::put", "_ZN5CacheIiE3putEv", "/src/app/cache.hh", 17, 0, true, NULL },
                { "fill_cache", "_Z10fill_cachev", "/src/app/cache.cc", 40, 0, false, NULL } }, 2 },
    { 0x1050, { { "parse_header", "parse_header", "/src/app/http.c", 77, 0, false, NULL } }, 1 },
    { 0x1060, { { "log_line", "log_line", NULL, 0, 0x20, false, NULL } }, 1 },
    { 0x2010, { { "strdup", "__strdup", "/build/glibc/string/strdup.c", 42, 0, false, NULL } }, 1 },
    { 0x2020, { { "tzset_internal", "tzset_internal", "/build/glibc/time/tzset.c", 5, 0, false, NULL } }, 1 },
};

static unsigned story_asked;

static inline void story_find(struct mr_symbol_source *source, const struct mr_symbol_place *place,
                              struct mr_symbol_answer *answer)
{
    (void)source;
    story_asked++;
    bool gone = strstr(place->module, "plugin") != NULL;
    *answer = (struct mr_symbol_answer){ NULL, 0, gone ? MR_SYMBOL_GONE : MR_SYMBOL_FOUND };
    for (size_t i = 0; !gone && i < MR_COUNT(story_places); i++)
        if (story_places[i].offset == place->offset)
            *answer = (struct mr_symbol_answer){ story_places[i].frames, story_places[i].count, MR_SYMBOL_FOUND };
}

static struct mr_symbol_source story_symbols = { .find = story_find };

/* Modules and stacks of the story; the sites are up to each test. */
struct story {
    struct test_ledger l;
    uint32_t server, libc, plugin, plugin_again;
    uint32_t main, accept, session, strdup, cache, parse, log, tz, plugin_stack, plugin_stack_again, jit, own;
};

static inline struct story story_new(void)
{
    struct story s = { .l = test_ledger_new(256, 256) };
    s.server = test_ledger_module(&s.l, "/opt/app/server", 0x550000000000, 0xab);
    s.libc = test_ledger_module(&s.l, "/usr/lib/x86_64-linux-gnu/libc.so.6", 0x7f0000000000, 0xcd);
    s.plugin = test_ledger_module(&s.l, "/opt/app/plugin.so", 0x7f1000000000, 0xef);
    s.plugin_again = test_ledger_module(&s.l, "/opt/app/plugin.so", 0x7f2000000000, 0xef);
    uint32_t own = test_ledger_module(&s.l, "/usr/lib/libmemoir.so.0", 0x7f3000000000, 0x11);
    s.main = test_ledger_frame(&s.l, 0, s.server, 0x1030);
    s.accept = test_ledger_frame(&s.l, s.main, s.server, 0x1020);
    s.session = test_ledger_frame(&s.l, s.accept, s.server, 0x1010);
    s.strdup = test_ledger_frame(&s.l, test_ledger_frame(&s.l, s.accept, s.server, 0x1050), s.libc, 0x2010);
    s.cache = test_ledger_frame(&s.l, s.main, s.server, 0x1040);
    s.parse = test_ledger_frame(&s.l, s.accept, s.server, 0x1050);
    s.log = test_ledger_frame(&s.l, s.main, s.server, 0x1060);
    s.tz = test_ledger_frame(&s.l, s.main, s.libc, 0x2020);
    s.plugin_stack = test_ledger_frame(&s.l, s.main, s.plugin, 0x3010);
    s.plugin_stack_again = test_ledger_frame(&s.l, s.main, s.plugin_again, 0x3010);
    s.jit = test_ledger_frame(&s.l, test_ledger_frame(&s.l, 0, 0, MR_FRAME_MARK_NO_RULE), 0, 0x7fabc0001234);
    s.own = test_ledger_frame(&s.l, test_ledger_frame(&s.l, s.session, own, 0x5020), own, 0x5010);
    return s;
}

static inline struct mr_ledger_history *story_history(struct story *s, uint32_t site)
{
    return test_ledger_at(&s->l, MR_SECTION_HISTORY, site);
}

/* The server of the golden files: killed after 72 minutes; sessions leak, a cache grows, the rest is tidy. */
static inline struct story story_server(void)
{
    struct story s = story_new();
    uint32_t session = test_ledger_site(&s.l, s.session, 400, 1200000, 151424);
    uint32_t text = test_ledger_site(&s.l, s.strdup, 10, 1100000, 51424);
    uint32_t cache = test_ledger_site(&s.l, s.cache, 1000, 60000, 0);
    uint32_t parse = test_ledger_site(&s.l, s.parse, 2000, 80000000, 80000000);
    uint32_t log = test_ledger_site(&s.l, s.log, 64, 12, 0);
    uint32_t tz = test_ledger_site(&s.l, s.tz, 20, 3, 0);
    uint32_t plugin = test_ledger_site(&s.l, s.plugin_stack, 100, 5, 1);
    uint32_t again = test_ledger_site(&s.l, s.plugin_stack_again, 100, 5, 0);
    uint32_t jit = test_ledger_site(&s.l, s.jit, 30, 2, 0);
    ((struct mr_ledger_site *)test_ledger_at(&s.l, MR_SECTION_SITES, parse))->temporary = 79999000;
    ((struct mr_ledger_site *)test_ledger_at(&s.l, MR_SECTION_SITES, parse))->peak_bytes = 4000;
    ((struct mr_ledger_site *)test_ledger_at(&s.l, MR_SECTION_SITES, parse))->peak_blocks = 2;
    test_ledger_judge(&s.l, session, MR_LEAK_DEFINITE, 1048576, 419430400);
    test_ledger_judge(&s.l, text, MR_LEAK_INDIRECT, 1048576, 10485760);
    test_ledger_verdict(&s.l, text)->held_by = session;
    test_ledger_judge(&s.l, cache, MR_LEAK_REACHABLE, 60000, 60000000);
    test_ledger_judge(&s.l, log, MR_LEAK_REACHABLE, 10, 640);
    test_ledger_judge(&s.l, log, MR_LEAK_POSSIBLE, 2, 128);
    test_ledger_judge(&s.l, tz, MR_LEAK_REACHABLE, 3, 60);
    test_ledger_judge(&s.l, plugin, MR_LEAK_DEFINITE, 4, 400);
    test_ledger_judge(&s.l, again, MR_LEAK_DEFINITE, 5, 500);
    test_ledger_verdict(&s.l, jit)->ignored_blocks = 2;
    test_ledger_verdict(&s.l, jit)->ignored_bytes = 60;
    for (uint32_t i = 0; i < MR_LEDGER_HISTORY; i++) {
        s.l.header->history_ms[i] = (i + 1) * 540000;
        story_history(&s, session)->in_use_kib[i] = (i + 1) * 51200;
        story_history(&s, cache)->in_use_kib[i] = (i + 1) * 6510;
        story_history(&s, log)->in_use_kib[i] = 1;
        struct mr_ledger_moment *m = test_ledger_at(&s.l, MR_SECTION_TIMELINE, test_ledger_add(&s.l, MR_SECTION_TIMELINE));
        *m = (struct mr_ledger_moment){ (i + 1) * 540000, (i + 1) * 61000000, (i + 1) * 269000, (i + 1) * 70000000 + 20000000,
                                        (i + 1) * 10000000, (uint64_t)(i + 1) * 20000000000 };
    }
    s.l.header->peak_bytes = 489917748;
    s.l.header->peak_ms = 4325000;
    s.l.header->alive_ms = s.l.header->check_ms = 4325678;
    test_ledger_book(&s.l);
    return s;
}

static inline void story_cells(struct mr_ledger_map *map, uint64_t address, unsigned count, enum mr_map_state state, uint32_t used)
{
    for (unsigned i = 0; i < count; i++, address += map->cell_bytes) {
        struct mr_ledger_cell *cell = &map->cells[map->cell_count++];
        cell->address = address;
        cell->bytes[MR_MAP_SLAB_USED] = used;
        cell->bytes[state] += (uint32_t)map->cell_bytes - used;
    }
}

static inline void story_gap(struct mr_ledger_map *map, uint64_t bytes)
{
    struct mr_ledger_gap *gap = &map->gaps[63 - __builtin_clzll(bytes)];
    gap->count++;
    gap->bytes += bytes;
    map->largest_gap = map->largest_gap > bytes ? map->largest_gap : bytes;
}

/* A map in two regions, made at `ms`: 24 MiB of slabs, large blocks and gaps, and 1 MiB of a second region. */
static inline struct mr_ledger_map *story_map(struct story *s, uint64_t ms)
{
    struct mr_ledger_map *map = test_ledger_at(&s->l, MR_SECTION_MAP, test_ledger_add(&s->l, MR_SECTION_MAP));
    const uint64_t base = 0x7f4000010000, cell = 65536;
    *map = (struct mr_ledger_map){ .ms = ms, .cell_bytes = cell };
    story_cells(map, base, 1, MR_MAP_OWN, 0);
    story_cells(map, base + cell, 99, MR_MAP_SLAB_FREE, 65536);
    story_cells(map, base + 100 * cell, 40, MR_MAP_SLAB_FREE, 40000);
    story_cells(map, base + 140 * cell, 10, MR_MAP_SLAB_FREE, 100);
    story_cells(map, base + 150 * cell, 20, MR_MAP_SLAB_FRESH, 4096);
    story_cells(map, base + 170 * cell, 150, MR_MAP_LARGE, 0);
    story_cells(map, base + 320 * cell, 30, MR_MAP_DIRTY, 0);
    story_cells(map, base + 350 * cell, 33, MR_MAP_CLEAN, 0);
    story_cells(map, base + 383 * cell, 1, MR_MAP_LARGE, 0);
    story_cells(map, 0x7f8000000000, 16, MR_MAP_LARGE, 0);
    story_gap(map, 30 * cell);
    story_gap(map, 32 * cell);
    story_gap(map, cell);
    map->figures.class_count = 2;
    map->figures.classes[0] = (struct mr_ledger_class){ .size = 400, .allocs = 20000, .frees = 1000, .slabs = 149,
        .in_use_bytes = 7600000, .free_blocks = 4000, .slab_bytes = 65536 };
    map->figures.classes[1] = (struct mr_ledger_class){ .size = 65536, .allocs = 4, .frees = 3, .slabs = 2,
        .in_use_bytes = 65536, .free_blocks = 3, .slab_bytes = 524288 };
    return map;
}

/* Writes the ledger and reads it back. */
static inline struct mr_reader *story_read(struct story *s)
{
    char path[] = "/tmp/memoir-story-XXXXXX", why[256];
    close(mkstemp(path));
    test_ledger_write(&s->l, path);
    struct mr_reader *reader = mr_reader_open(path, why, sizeof why);
    unlink(path);
    cr_assert(reader, "%s", why);
    return reader;
}

#endif
