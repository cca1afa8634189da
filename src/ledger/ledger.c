#include "ledger.h"

const struct mr_stat mr_stats[] = {
#define MR_STAT(name, unit, sentence) { #name, MR_UNIT_##unit, sentence, offsetof(struct mr_totals, name) },
#include "stats.def"
#undef MR_STAT
};
const size_t mr_stat_count = MR_COUNT(mr_stats);

struct mr_counters mr_counters;
