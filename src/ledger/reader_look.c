/* reader_look.c: the entries of a ledger that was read. */
#include "reader_inside.h"

const struct mr_ledger_header *mr_reader_header(const struct mr_reader *r) { return &r->header; }
uint64_t mr_reader_count(const struct mr_reader *r, enum mr_section_kind kind)
{
    return r->header.sections[kind].count;
}

struct mr_reader_site mr_reader_site(const struct mr_reader *r, uint64_t site)
{
    if (site >= mr_reader_count(r, MR_SECTION_SITES))
        return (struct mr_reader_site){ 0 };
    const struct mr_ledger_site *s = &MR_READER_ENTRIES(r, MR_SECTION_SITES, mr_ledger_site)[site];
    struct mr_reader_site told = { s->stack, s->flags, { 0 }, s->peak_bytes, s->peak_blocks };
    const struct mr_ledger_lane *lanes = r->entries[MR_SECTION_LANES];
    mr_sum_site(&told.sum, s, (uint32_t)site, lanes, mr_reader_count(r, MR_SECTION_LANES));
    if (r->peak_is_now) {
        told.peak_bytes = mr_sum_bytes(&told.sum);
        told.peak_blocks = mr_sum_blocks(&told.sum);
    }
    return told;
}

struct mr_sum mr_reader_total(const struct mr_reader *r)
{
    return mr_sum_lanes(r->entries[MR_SECTION_LANES], mr_reader_count(r, MR_SECTION_LANES));
}

struct mr_ledger_frame mr_reader_frame(const struct mr_reader *r, uint64_t frame)
{
    bool exists = frame > 0 && frame < mr_reader_count(r, MR_SECTION_FRAMES);
    return exists ? MR_READER_ENTRIES(r, MR_SECTION_FRAMES, mr_ledger_frame)[frame] : (struct mr_ledger_frame){ 0 };
}

const struct mr_ledger_module *mr_reader_module(const struct mr_reader *r, uint64_t module)
{
    bool exists = module > 0 && module < mr_reader_count(r, MR_SECTION_MODULES);
    return exists ? &MR_READER_ENTRIES(r, MR_SECTION_MODULES, mr_ledger_module)[module] : NULL;
}

const char *mr_reader_string(const struct mr_reader *r, uint64_t offset)
{
    bool exists = offset > 0 && offset < mr_reader_count(r, MR_SECTION_STRINGS);
    return exists ? (const char *)r->entries[MR_SECTION_STRINGS] + offset : "";
}

const struct mr_ledger_history *mr_reader_history(const struct mr_reader *r, uint64_t site)
{
    bool exists = site < mr_reader_count(r, MR_SECTION_HISTORY);
    return exists ? &MR_READER_ENTRIES(r, MR_SECTION_HISTORY, mr_ledger_history)[site] : NULL;
}

const struct mr_ledger_verdict *mr_reader_verdict(const struct mr_reader *r, uint64_t site)
{
    bool exists = r->header.check == MR_LEDGER_CHECKED && site < mr_reader_count(r, MR_SECTION_VERDICTS);
    return exists ? &MR_READER_ENTRIES(r, MR_SECTION_VERDICTS, mr_ledger_verdict)[site] : NULL;
}

const struct mr_ledger_moment *mr_reader_timeline(const struct mr_reader *r)
{
    return MR_READER_ENTRIES(r, MR_SECTION_TIMELINE, mr_ledger_moment);
}

const struct mr_ledger_finding *mr_reader_finding(const struct mr_reader *r, uint64_t finding)
{
    bool exists = finding < mr_reader_count(r, MR_SECTION_FINDINGS);
    return exists ? &MR_READER_ENTRIES(r, MR_SECTION_FINDINGS, mr_ledger_finding)[finding] : NULL;
}

const struct mr_ledger_stats *mr_reader_stats(const struct mr_reader *r)
{
    return mr_reader_count(r, MR_SECTION_STATS) ? r->entries[MR_SECTION_STATS] : NULL;
}

const struct mr_ledger_map *mr_reader_map(const struct mr_reader *r)
{
    return mr_reader_count(r, MR_SECTION_MAP) ? r->entries[MR_SECTION_MAP] : NULL;
}
