/* reader.c: reads a ledger into memory and makes it fit for use.
 *
 * The file may belong to a process that writes to it at this moment. Appended entries are whole once they
 * count; sections that refer to others are read first, those they refer to later, so what they name
 * is there. What is rewritten in place has a sequence number, and is read until that stood still. */
#include "reader_inside.h"

#include <stdlib.h>
#include <string.h>

#include "os.h"

enum { TRIES = 20, MOST_BYTES = 1 << 30 };

static const uint32_t entry_sizes[MR_SECTION_COUNT] = {
    [MR_SECTION_STATS] = sizeof(struct mr_ledger_stats),
    [MR_SECTION_STRINGS] = 1,
    [MR_SECTION_MODULES] = sizeof(struct mr_ledger_module),
    [MR_SECTION_FRAMES] = sizeof(struct mr_ledger_frame),
    [MR_SECTION_SITES] = sizeof(struct mr_ledger_site),
    [MR_SECTION_HISTORY] = sizeof(struct mr_ledger_history),
    [MR_SECTION_VERDICTS] = sizeof(struct mr_ledger_verdict),
    [MR_SECTION_LANES] = sizeof(struct mr_ledger_lane),
    [MR_SECTION_TIMELINE] = sizeof(struct mr_ledger_moment),
    [MR_SECTION_FINDINGS] = sizeof(struct mr_ledger_finding),
    [MR_SECTION_MAP] = sizeof(struct mr_ledger_map),
};

static bool refuse(struct mr_reader *r, const char *reason)
{
    mr_fmt_print(r->why, "%s: %s", r->name, reason);
    return false;
}

/* ---- the header --------------------------------------------------------------------------------- */

static bool read_at(const struct mr_reader *r, void *bytes, size_t n, uint64_t offset)
{
    return mr_file_read_at(r->fd, bytes, n, offset) == n;
}

static bool check_section(struct mr_reader *r, uint32_t kind)
{
    struct mr_ledger_section *s = &r->header.sections[kind];
    if (s->kind != kind || s->entry_bytes != entry_sizes[kind])
        return refuse(r, "is a ledger of another layout; read it with the memoir that wrote it");
    if (s->count > s->capacity || s->count > MOST_BYTES / s->entry_bytes)
        return refuse(r, "is damaged: a section has more entries than it can have");
    if (s->offset > r->file_bytes || s->count > (r->file_bytes - s->offset) / s->entry_bytes)
        return refuse(r, "is cut off: a section ends behind the end of the file");
    return true;
}

static bool check_identity(struct mr_reader *r)
{
    const struct mr_ledger_header *h = &r->header;
    if (memcmp(h->magic, MR_LEDGER_MAGIC, sizeof h->magic) != 0)
        return refuse(r, "is not a memoir ledger");
    if (h->version != MR_LEDGER_VERSION)
        return refuse(r, "is a ledger of another version; read it with the memoir that wrote it");
    if (h->trace > MR_LEDGER_TRACE_FULL || h->end > MR_LEDGER_EXECED || h->check > MR_LEDGER_CHECKED)
        return refuse(r, "is damaged: its header makes no sense");
    return true;
}

static void terminate(char *text, size_t cap) { text[cap - 1] = '\0'; }

void mr_reader_end_texts(struct mr_ledger_header *h)
{
    terminate(h->memoir_version, sizeof h->memoir_version);
    terminate(h->strategy, sizeof h->strategy);
    terminate(h->executable, sizeof h->executable);
    terminate(h->command, sizeof h->command);
    terminate(h->directory, sizeof h->directory);
}

static bool read_header(struct mr_reader *r)
{
    struct mr_ledger_header *h = &r->header;
    if (!mr_file_size(r->fd, &r->file_bytes))
        return refuse(r, "is not a regular file, so not a ledger");
    if (r->file_bytes < sizeof *h || !read_at(r, h, sizeof *h, 0))
        return refuse(r, "is not a memoir ledger: too short");
    if (!check_identity(r))
        return false;
    for (uint32_t kind = 0; kind < MR_SECTION_COUNT; kind++)
        if (!check_section(r, kind))
            return false;
    mr_reader_end_texts(h);
    h->sample_interval = mr_max(h->sample_interval, 1);
    return true;
}

/* ---- sections ----------------------------------------------------------------------------------- */

/* How many entries there are by now. */
static bool refresh_count(struct mr_reader *r, enum mr_section_kind kind)
{
    uint64_t at = offsetof(struct mr_ledger_header, sections) + kind * sizeof(struct mr_ledger_section) +
                  offsetof(struct mr_ledger_section, count);
    uint64_t count;
    if (!read_at(r, &count, sizeof count, at))
        return refuse(r, "is cut off while it is read");
    r->header.sections[kind].count = count;
    return check_section(r, kind);
}

/* One byte more than the entries: a last string without its end gets one. */
static bool read_section(struct mr_reader *r, enum mr_section_kind kind)
{
    if (!refresh_count(r, kind))
        return false;
    struct mr_ledger_section *s = &r->header.sections[kind];
    size_t bytes = s->count * s->entry_bytes;
    free(r->entries[kind]);
    r->entries[kind] = calloc(1, bytes + 1);
    if (!r->entries[kind])
        return refuse(r, "cannot be read: out of memory");
    return read_at(r, r->entries[kind], bytes, s->offset) || refuse(r, "is cut off while it is read");
}

static uint32_t read_seq(const struct mr_reader *r, uint64_t offset)
{
    uint32_t seq;
    return read_at(r, &seq, sizeof seq, offset) ? seq : 1;
}

/* Reads sections under a sequence number in the file. *steady: it stood still and even. */
static bool read_under_seq(struct mr_reader *r, uint64_t seq_at, const enum mr_section_kind *kinds, size_t n,
                           bool *steady)
{
    *steady = false;
    for (int i = 0; i < TRIES && !*steady; i++) {
        uint32_t before = read_seq(r, seq_at);
        for (size_t k = 0; k < n; k++)
            if (!read_section(r, kinds[k]))
                return false;
        *steady = before % 2 == 0 && read_seq(r, seq_at) == before;
    }
    return true;
}

/* ---- sites and lanes ---------------------------------------------------------------------------- */

static uint64_t delta_offset(const struct mr_reader *r, uint64_t lane, uint32_t slot)
{
    return r->header.sections[MR_SECTION_LANES].offset + lane * sizeof(struct mr_ledger_lane) +
           offsetof(struct mr_ledger_lane, deltas) + slot * sizeof(struct mr_ledger_delta);
}

static bool slot_moved(const struct mr_reader *r, const struct mr_ledger_lane *before, uint32_t slot)
{
    const struct mr_ledger_lane *now = MR_READER_ENTRIES(r, MR_SECTION_LANES, mr_ledger_lane);
    for (uint64_t i = 0; i < mr_reader_count(r, MR_SECTION_LANES); i++)
        if (now[i].deltas[slot].seq % 2 || now[i].deltas[slot].seq != before[i].deltas[slot].seq)
            return true;
    return false;
}

static bool seqs_stand(const struct mr_reader *r, uint32_t slot)
{
    const struct mr_ledger_lane *lanes = MR_READER_ENTRIES(r, MR_SECTION_LANES, mr_ledger_lane);
    for (uint64_t i = 0; i < mr_reader_count(r, MR_SECTION_LANES); i++) {
        uint64_t at = delta_offset(r, i, slot) + offsetof(struct mr_ledger_delta, seq);
        if (read_seq(r, at) != lanes[i].deltas[slot].seq)
            return false;
    }
    return true;
}

/* All that shares this slot: the lanes' entries, then the sites they may have moved to. */
static void read_slot(struct mr_reader *r, uint32_t slot)
{
    struct mr_ledger_lane *lanes = MR_READER_ENTRIES(r, MR_SECTION_LANES, mr_ledger_lane);
    struct mr_ledger_site *sites = MR_READER_ENTRIES(r, MR_SECTION_SITES, mr_ledger_site);
    uint64_t sites_at = r->header.sections[MR_SECTION_SITES].offset, head = offsetof(struct mr_ledger_lane, deltas);
    for (uint64_t i = 0; i < mr_reader_count(r, MR_SECTION_LANES); i++) {
        read_at(r, &lanes[i].deltas[slot], sizeof lanes[i].deltas[slot], delta_offset(r, i, slot));
        read_at(r, &lanes[i], head, delta_offset(r, i, 0) - head);
    }
    for (uint64_t i = slot; i < mr_reader_count(r, MR_SECTION_SITES); i += MR_LANE_ENTRIES)
        read_at(r, &sites[i], sizeof sites[i], sites_at + i * sizeof sites[i]);
}

/* Entries that moved to their sites while both were read would be told twice or not at all: those are read
 * again. One that never stops moving belonged to a thread that was killed in the middle of it. */
static void settle_slots(struct mr_reader *r, const struct mr_ledger_lane *before)
{
    for (uint32_t slot = 0; slot < MR_LANE_ENTRIES; slot++)
        if (slot_moved(r, before, slot))
            for (int i = 0; i < TRIES; i++) {
                read_slot(r, slot);
                if (seqs_stand(r, slot))
                    break;
            }
}

static bool read_sites(struct mr_reader *r)
{
    static const enum mr_section_kind sites[] = { MR_SECTION_SITES };
    bool steady;
    if (!read_section(r, MR_SECTION_LANES))
        return false;
    void *before = r->entries[MR_SECTION_LANES];
    uint64_t lanes_before = mr_reader_count(r, MR_SECTION_LANES);
    r->entries[MR_SECTION_LANES] = NULL;
    bool done = read_under_seq(r, offsetof(struct mr_ledger_header, peak_seq), sites, 1, &steady) &&
                read_section(r, MR_SECTION_LANES);
    if (done) {
        r->header.sections[MR_SECTION_LANES].count = mr_min(lanes_before, mr_reader_count(r, MR_SECTION_LANES));
        settle_slots(r, before);
        struct mr_ledger_lane *lanes = MR_READER_ENTRIES(r, MR_SECTION_LANES, mr_ledger_lane);
        for (uint64_t i = 0; i < mr_reader_count(r, MR_SECTION_LANES); i++)
            mr_sum_repair(&lanes[i], r->entries[MR_SECTION_SITES], mr_reader_count(r, MR_SECTION_SITES));
        read_at(r, &r->header.peak_bytes, 2 * sizeof(uint64_t), offsetof(struct mr_ledger_header, peak_bytes));
    }
    free(before);
    return done;
}

/* ---- the rest ----------------------------------------------------------------------------------- */

/* What was torn is not told: the moments up to where time runs backwards stay. */
static void cut_timeline(struct mr_reader *r)
{
    const struct mr_ledger_moment *moments = MR_READER_ENTRIES(r, MR_SECTION_TIMELINE, mr_ledger_moment);
    uint64_t n = mr_min(mr_reader_count(r, MR_SECTION_TIMELINE), 1);
    while (n < mr_reader_count(r, MR_SECTION_TIMELINE) && moments[n].ms >= moments[n - 1].ms)
        n++;
    r->header.sections[MR_SECTION_TIMELINE].count = n;
}

static bool read_timeline(struct mr_reader *r)
{
    static const enum mr_section_kind kinds[] = { MR_SECTION_TIMELINE, MR_SECTION_HISTORY };
    bool steady;
    if (!read_under_seq(r, offsetof(struct mr_ledger_header, timeline_seq), kinds, MR_COUNT(kinds), &steady))
        return false;
    uint64_t *when = r->header.history_ms;
    read_at(r, when, sizeof r->header.history_ms, offsetof(struct mr_ledger_header, history_ms));
    if (!steady)
        r->header.sections[MR_SECTION_HISTORY].count = 0;
    cut_timeline(r);
    return true;
}

static bool read_stats(struct mr_reader *r)
{
    static const enum mr_section_kind kinds[] = { MR_SECTION_STATS };
    uint64_t offset = r->header.sections[MR_SECTION_STATS].offset;
    bool steady = false;
    if (mr_reader_count(r, MR_SECTION_STATS) == 0)
        return true;
    if (!read_under_seq(r, offset + offsetof(struct mr_ledger_stats, seq), kinds, 1, &steady))
        return false;
    struct mr_ledger_stats *s = MR_READER_ENTRIES(r, MR_SECTION_STATS, mr_ledger_stats);
    if (!steady || mr_reader_count(r, MR_SECTION_STATS) == 0 || r->header.stats_ms == 0) {
        r->header.sections[MR_SECTION_STATS].count = 0;
        return true;
    }
    s->total_count = mr_min(s->total_count, MR_LEDGER_TOTALS);
    s->class_count = mr_min(s->class_count, MR_LEDGER_CLASSES);
    return true;
}

/* Its figures are within its arrays, its gaps can be added up. */
static void fit_map(struct mr_ledger_map *map)
{
    map->figures.total_count = mr_min(map->figures.total_count, MR_LEDGER_TOTALS);
    map->figures.class_count = mr_min(map->figures.class_count, MR_LEDGER_CLASSES);
    map->cell_count = mr_min(map->cell_count, MR_LEDGER_CELLS);
    for (int i = 0; i < MR_LEDGER_GAPS; i++) {
        map->gaps[i].bytes = mr_min(map->gaps[i].bytes, (uint64_t)1 << 50);
        map->gaps[i].count = mr_min(map->gaps[i].count, map->gaps[i].bytes);
    }
}

static bool read_map(struct mr_reader *r)
{
    static const enum mr_section_kind kinds[] = { MR_SECTION_MAP };
    uint64_t offset = r->header.sections[MR_SECTION_MAP].offset;
    bool steady = false;
    if (mr_reader_count(r, MR_SECTION_MAP) == 0)
        return true;
    if (!read_under_seq(r, offset + offsetof(struct mr_ledger_map, seq), kinds, 1, &steady))
        return false;
    if (steady && mr_reader_count(r, MR_SECTION_MAP) > 0)
        fit_map(r->entries[MR_SECTION_MAP]);
    else
        r->header.sections[MR_SECTION_MAP].count = 0;
    return true;
}

/* ---- opening ------------------------------------------------------------------------------------ */

static bool read_all(struct mr_reader *r)
{
    static const enum mr_section_kind first[] = { MR_SECTION_FINDINGS, MR_SECTION_VERDICTS },
                                      then[] = { MR_SECTION_FRAMES, MR_SECTION_MODULES, MR_SECTION_STRINGS };
    if (!read_header(r) || !read_stats(r) || !read_map(r) || !read_timeline(r))
        return false;
    for (size_t i = 0; i < MR_COUNT(first); i++)
        if (!read_section(r, first[i]))
            return false;
    if (!read_sites(r))
        return false;
    for (size_t i = 0; i < MR_COUNT(then); i++)
        if (!read_section(r, then[i]))
            return false;
    mr_reader_fix(r);
    return true;
}

static void find_peak(struct mr_reader *r)
{
    struct mr_sum total = mr_reader_total(r);
    r->peak_is_now = mr_sum_bytes(&total) > r->header.peak_bytes;
    if (!r->peak_is_now)
        return;
    r->header.peak_bytes = mr_sum_bytes(&total);
    r->header.peak_ms = r->header.end_ms ? r->header.end_ms : r->header.alive_ms;
}

static struct mr_reader *open_named(int fd, const char *name, struct mr_fmt *why)
{
    struct mr_reader *r = calloc(1, sizeof *r);
    if (!r) {
        mr_fmt_print(why, "%s: cannot be read: out of memory", name);
        return NULL;
    }
    r->fd = fd;
    r->name = name;
    r->why = why;
    if (!read_all(r)) {
        mr_reader_close(r);
        return NULL;
    }
    r->name = NULL;
    r->why = NULL;
    find_peak(r);
    return r;
}

struct mr_reader *mr_reader_open_fd(int fd, char *why, size_t cap)
{
    struct mr_fmt f = mr_fmt_to_buffer(why, cap);
    struct mr_reader *r = open_named(fd, "the ledger", &f);
    mr_fmt_end_string(&f);
    return r;
}

struct mr_reader *mr_reader_open(const char *path, char *why, size_t cap)
{
    struct mr_fmt f = mr_fmt_to_buffer(why, cap);
    struct mr_reader *r = NULL;
    const char *reason;
    int fd = mr_file_open(path, &reason);
    if (fd >= 0) {
        r = open_named(fd, path, &f);
        mr_file_close(fd);
    } else {
        mr_fmt_print(&f, "%s: cannot be opened: %s", path, reason);
    }
    mr_fmt_end_string(&f);
    return r;
}

void mr_reader_close(struct mr_reader *r)
{
    for (int kind = 0; r && kind < MR_SECTION_COUNT; kind++)
        free(r->entries[kind]);
    free(r);
}
