/* reader_fix.c: makes what was read fit for use, whatever it was. */
#include "reader_inside.h"

static void limit(uint32_t *index, uint64_t count) { *index = *index < count ? *index : 0; }

static void fix_frames(struct mr_reader *r)
{
    struct mr_ledger_frame *frames = MR_READER_ENTRIES(r, MR_SECTION_FRAMES, mr_ledger_frame);
    for (uint64_t i = 0; i < mr_reader_count(r, MR_SECTION_FRAMES); i++) {
        limit(&frames[i].caller, i);
        limit(&frames[i].module, mr_reader_count(r, MR_SECTION_MODULES));
    }
}

static void fix_modules(struct mr_reader *r)
{
    struct mr_ledger_module *modules = MR_READER_ENTRIES(r, MR_SECTION_MODULES, mr_ledger_module);
    for (uint64_t i = 0; i < mr_reader_count(r, MR_SECTION_MODULES); i++) {
        limit(&modules[i].path, mr_reader_count(r, MR_SECTION_STRINGS));
        modules[i].end = mr_max(modules[i].start, modules[i].end);
        modules[i].build_id_bytes = (uint32_t)mr_min(modules[i].build_id_bytes, sizeof modules[i].build_id);
    }
}

static void fix_sites(struct mr_reader *r)
{
    struct mr_ledger_site *sites = MR_READER_ENTRIES(r, MR_SECTION_SITES, mr_ledger_site);
    struct mr_ledger_verdict *verdicts = MR_READER_ENTRIES(r, MR_SECTION_VERDICTS, mr_ledger_verdict);
    for (uint64_t i = 0; i < mr_reader_count(r, MR_SECTION_SITES); i++)
        limit(&sites[i].stack, mr_reader_count(r, MR_SECTION_FRAMES));
    for (uint64_t i = 0; i < mr_reader_count(r, MR_SECTION_VERDICTS); i++)
        limit(&verdicts[i].held_by, mr_reader_count(r, MR_SECTION_SITES));
}

static void fix_findings(struct mr_reader *r)
{
    struct mr_ledger_finding *findings = MR_READER_ENTRIES(r, MR_SECTION_FINDINGS, mr_ledger_finding);
    for (uint64_t i = 0; i < mr_reader_count(r, MR_SECTION_FINDINGS); i++) {
        limit(&findings[i].message, mr_reader_count(r, MR_SECTION_STRINGS));
        limit(&findings[i].stack, mr_reader_count(r, MR_SECTION_FRAMES));
        limit(&findings[i].allocation_stack, mr_reader_count(r, MR_SECTION_FRAMES));
        limit(&findings[i].free_stack, mr_reader_count(r, MR_SECTION_FRAMES));
    }
}

void mr_reader_fix(struct mr_reader *r)
{
    fix_frames(r);
    fix_modules(r);
    fix_sites(r);
    fix_findings(r);
}
