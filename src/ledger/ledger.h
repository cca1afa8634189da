/* ledger.h: the face of the ledger: the numbers of a run, and where they live.
 *
 * The totals of the heap are counted in memory (below). What is told of call stacks lives in a file that
 * outlives the process: format.h is its layout, writer.h the side inside the process, reader.h the
 * side of those who look at it. */
#ifndef MR_LEDGER_H
#define MR_LEDGER_H

#include "base.h"
#include "format.h"
#include "sum.h"
#include "reader.h"
#include "stackhash.h"
#include "writer.h"

enum mr_unit { MR_UNIT_COUNT, MR_UNIT_BYTES, MR_UNIT_MILLIS };

/* The process-wide totals at one moment: one member per row of stats.def. */
struct mr_totals {
#define MR_STAT(name, unit, sentence) uint64_t name;
#include "stats.def"
#undef MR_STAT
};

/* One row of stats.def. */
struct mr_stat {
    const char *name;
    enum mr_unit unit;
    const char *sentence;
    size_t offset; /* in struct mr_totals */
};
extern const struct mr_stat mr_stats[];
extern const size_t mr_stat_count;

MR_INLINE uint64_t mr_stat_value(const struct mr_totals *totals, const struct mr_stat *stat)
{
    return *(const uint64_t *)((const char *)totals + stat->offset);
}

/* Kinds of findings: rows of findings.def. */
enum mr_finding_kind {
#define MR_FINDING(KIND, name, action, what) MR_FINDING_##KIND,
#include "findings.def"
#undef MR_FINDING
    MR_FINDING_KIND_COUNT
};
enum mr_finding_action { MR_FINDING_REPORT, MR_FINDING_ABORT };

struct mr_finding_row {
    const char *name, *what;
    enum mr_finding_action action;
};
extern const struct mr_finding_row mr_finding_rows[MR_FINDING_KIND_COUNT];

/* The name of a kind as a ledger has it, which may be newer than we are. */
MR_INLINE const char *mr_finding_name(uint32_t kind)
{
    return kind < MR_FINDING_KIND_COUNT ? mr_finding_rows[kind].name : "misuse";
}

/* Events counted as they happen, by any thread, off the fast paths. Relaxed atomics. */
struct mr_counters {
    _Atomic uint64_t failed;
    _Atomic uint64_t foreign_frees;
    _Atomic uint64_t purged_bytes;
    _Atomic uint64_t peak_bytes;
    _Atomic uint64_t peak_ms;
};
extern struct mr_counters mr_counters;

#endif
