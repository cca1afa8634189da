#include "ledger.h"

const struct mr_stat mr_stats[] = {
#define MR_STAT(name, unit, sentence) { #name, MR_UNIT_##unit, sentence, offsetof(struct mr_totals, name) },
#include "stats.def"
#undef MR_STAT
};
const size_t mr_stat_count = MR_COUNT(mr_stats);

const struct mr_finding_row mr_finding_rows[MR_FINDING_KIND_COUNT] = {
#define MR_FINDING(KIND, name, action, what) [MR_FINDING_##KIND] = { #name, what, MR_FINDING_##action },
#include "findings.def"
#undef MR_FINDING
};

struct mr_counters mr_counters;
