/* test_ledger.h: a ledger made by hand, through format.h alone: for tests of what reads and renders ledgers. */
#ifndef TEST_LEDGER_H
#define TEST_LEDGER_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"

/* The file in memory. Sections lie behind each other, each with room for `TEST_LEDGER_ROOM` entries. */
struct test_ledger {
    unsigned char *bytes;
    size_t size;
    struct mr_ledger_header *header;
};

static const uint32_t test_ledger_entry_bytes[MR_SECTION_COUNT] = {
    [MR_SECTION_STATS] = sizeof(struct mr_ledger_stats),       [MR_SECTION_STRINGS] = 1,
    [MR_SECTION_MODULES] = sizeof(struct mr_ledger_module),    [MR_SECTION_FRAMES] = sizeof(struct mr_ledger_frame),
    [MR_SECTION_SITES] = sizeof(struct mr_ledger_site),        [MR_SECTION_HISTORY] = sizeof(struct mr_ledger_history),
    [MR_SECTION_VERDICTS] = sizeof(struct mr_ledger_verdict),  [MR_SECTION_LANES] = sizeof(struct mr_ledger_lane),
    [MR_SECTION_TIMELINE] = sizeof(struct mr_ledger_moment),   [MR_SECTION_FINDINGS] = sizeof(struct mr_ledger_finding),
    [MR_SECTION_MAP] = sizeof(struct mr_ledger_map),
};

static inline struct mr_ledger_section *test_ledger_section(struct test_ledger *l, enum mr_section_kind kind)
{
    return &l->header->sections[kind];
}

static inline void *test_ledger_at(struct test_ledger *l, enum mr_section_kind kind, uint64_t i)
{
    struct mr_ledger_section *s = test_ledger_section(l, kind);
    return l->bytes + s->offset + i * s->entry_bytes;
}

/* The index of one more entry, all zero. */
static inline uint32_t test_ledger_add(struct test_ledger *l, enum mr_section_kind kind)
{
    struct mr_ledger_section *s = test_ledger_section(l, kind);
    if (s->count == s->capacity)
        abort();
    return (uint32_t)s->count++;
}

static inline struct test_ledger test_ledger_new(uint64_t sites, uint64_t frames)
{
    const uint64_t room[MR_SECTION_COUNT] = { 1, 65536, 64, frames, sites, sites, sites, 4, 512, 16, 1 };
    struct test_ledger l = { .size = MR_LEDGER_HEADER_BYTES };
    for (int i = 0; i < MR_SECTION_COUNT; i++)
        l.size += (room[i] * test_ledger_entry_bytes[i] + 4095) & ~4095ull;
    l.bytes = calloc(1, l.size);
    l.header = (struct mr_ledger_header *)l.bytes;
    *l.header = (struct mr_ledger_header){
        .magic = MR_LEDGER_MAGIC, .version = MR_LEDGER_VERSION, .header_bytes = MR_LEDGER_HEADER_BYTES, .file_bytes = l.size,
        .pid = 4242, .start_wall = 1700000000, .trace = MR_LEDGER_TRACE_FULL, .sample_interval = 1,
        .memoir_version = "9.8.7", .strategy = "slab", .executable = "/opt/app/server",
        .command = "/opt/app/server --port 8080", .directory = "/",
    };
    uint64_t offset = MR_LEDGER_HEADER_BYTES;
    for (uint32_t i = 0; i < MR_SECTION_COUNT; i++) {
        l.header->sections[i] = (struct mr_ledger_section){ offset, room[i], 0, test_ledger_entry_bytes[i], i };
        offset += (room[i] * test_ledger_entry_bytes[i] + 4095) & ~4095ull;
    }
    for (enum mr_section_kind k = MR_SECTION_STRINGS; k <= MR_SECTION_VERDICTS; k++)
        test_ledger_add(&l, k);
    return l;
}

static inline uint32_t test_ledger_string(struct test_ledger *l, const char *text)
{
    uint32_t at = (uint32_t)test_ledger_section(l, MR_SECTION_STRINGS)->count;
    for (const char *p = text;; p++) {
        *(char *)test_ledger_at(l, MR_SECTION_STRINGS, test_ledger_add(l, MR_SECTION_STRINGS)) = *p;
        if (!*p)
            return at;
    }
}

/* A module of 1 MiB at `start`. Its build id is 20 bytes of `id`; none when id is 0. */
static inline uint32_t test_ledger_module(struct test_ledger *l, const char *path, uint64_t start, uint8_t id)
{
    uint32_t i = test_ledger_add(l, MR_SECTION_MODULES);
    struct mr_ledger_module *m = test_ledger_at(l, MR_SECTION_MODULES, i);
    *m = (struct mr_ledger_module){ .start = start, .end = start + 0x100000, .bias = start, .build_id_bytes = id ? 20 : 0 };
    memset(m->build_id, id, m->build_id_bytes);
    m->path = test_ledger_string(l, path);
    return i;
}

/* A frame called from `caller` (0: none). `offset` is that of the call in the module. */
static inline uint32_t test_ledger_frame(struct test_ledger *l, uint32_t caller, uint32_t module, uint64_t offset)
{
    const struct mr_ledger_module *m = test_ledger_at(l, MR_SECTION_MODULES, module);
    uint32_t i = test_ledger_add(l, MR_SECTION_FRAMES);
    *(struct mr_ledger_frame *)test_ledger_at(l, MR_SECTION_FRAMES, i) =
        (struct mr_ledger_frame){ .pc = module ? m->bias + offset + 1 : offset, .caller = caller, .module = module };
    return i;
}

/* A site with `allocs` blocks of `size` bytes, of which `frees` came back. Its history and verdict are zero. */
static inline uint32_t test_ledger_site(struct test_ledger *l, uint32_t stack, uint64_t size, uint64_t allocs, uint64_t frees)
{
    uint32_t i = test_ledger_add(l, MR_SECTION_SITES);
    test_ledger_add(l, MR_SECTION_HISTORY);
    test_ledger_add(l, MR_SECTION_VERDICTS);
    *(struct mr_ledger_site *)test_ledger_at(l, MR_SECTION_SITES, i) = (struct mr_ledger_site){
        .stack = stack, .allocs = allocs, .frees = frees, .alloc_bytes = allocs * size, .freed_bytes = frees * size,
        .peak_bytes = (allocs - frees) * size, .peak_blocks = allocs - frees,
    };
    return i;
}

static inline struct mr_ledger_verdict *test_ledger_verdict(struct test_ledger *l, uint32_t site)
{
    l->header->check = MR_LEDGER_CHECKED;
    return test_ledger_at(l, MR_SECTION_VERDICTS, site);
}

static inline void test_ledger_judge(struct test_ledger *l, uint32_t site, enum mr_leak_kind kind, uint32_t blocks, uint64_t bytes)
{
    struct mr_ledger_verdict *v = test_ledger_verdict(l, site);
    v->blocks[kind] = blocks;
    v->bytes[kind] = bytes;
}

static inline void test_ledger_end(struct test_ledger *l, enum mr_ledger_end end, int64_t value, uint64_t ms)
{
    l->header->end = end;
    l->header->end_value = value;
    l->header->end_ms = l->header->alive_ms = ms;
}

/* One lane that has counted all that the sites have: as if it had handed everything over. */
static inline void test_ledger_book(struct test_ledger *l)
{
    struct mr_ledger_lane *lane = test_ledger_at(l, MR_SECTION_LANES, test_ledger_add(l, MR_SECTION_LANES));
    for (uint64_t i = 1; i < test_ledger_section(l, MR_SECTION_SITES)->count; i++) {
        const struct mr_ledger_site *s = test_ledger_at(l, MR_SECTION_SITES, i);
        lane->allocs += s->allocs;
        lane->frees += s->frees;
        lane->alloc_bytes += s->alloc_bytes;
        lane->freed_bytes += s->freed_bytes;
    }
}

/* Writes it, and gives the memory back. */
static inline void test_ledger_write(struct test_ledger *l, const char *path)
{
    FILE *f = fopen(path, "we");
    if (!f || fwrite(l->bytes, 1, l->size, f) != l->size || fclose(f) != 0)
        abort();
    free(l->bytes);
}

#endif
