/* report.h: the face of the report: one model, one writer per format.
 *
 * Whoever knows the facts (the library at exit, the CLI later) fills a struct mr_report; the
 * writers only read it and print through struct mr_fmt. Nothing here allocates: it runs inside
 * the host, at its end or in its signal handler.
 *
 * To add a format: one row in formats.c, one file with its writer. */
#ifndef MR_REPORT_H
#define MR_REPORT_H

#include "base.h"
#include "ledger.h"

enum mr_exit_kind { MR_EXIT_UNKNOWN, MR_EXIT_EXITED, MR_EXIT_SIGNALLED, MR_EXIT_RUNNING };

/* One size class: blocks of up to `size` bytes. Large blocks stand under the power of two that holds them. */
struct mr_report_class {
    uint64_t size;
    uint64_t below;         /* size of the next smaller class, with a row here or not: a block of this class was
                               asked for with more than that; 0 when unknown */
    uint64_t allocations;
    uint64_t frees;
    uint64_t in_use_blocks; /* = allocations - frees */
    uint64_t slabs;         /* slabs held by the class now; for large blocks 0 */
    uint64_t free_blocks;   /* free blocks in those slabs */
    bool large;             /* spans of their own: no slabs, sizes differ within the row */
    uint64_t in_use_bytes;
};

/* One block still in use. The first bytes at `address` are readable. */
struct mr_report_block {
    uintptr_t address;
    uint64_t size;
};

struct mr_report {
    const char *version;
    int64_t pid;
    const char *command;      /* the program and its arguments, separated by blanks; never NULL */
    enum mr_exit_kind exit_kind;
    int exit_value;           /* exit code or signal number */
    uint64_t elapsed_ms;
    const char *strategy;     /* name of the strategy in force */
    bool threads_running;     /* other threads ran while the numbers were taken */

    bool show_stats;          /* which parts were asked for */
    bool show_leaks;
    bool show_blocks;         /* each block in use, not only their sums */

    struct mr_totals totals;
    uint64_t process_resident_bytes; /* of the whole process; 0 when unknown */
    const struct mr_report_class *classes; /* ascending size; rows with no allocation are left out */
    size_t class_count;
    const struct mr_report_block *blocks;  /* in use, largest first, then by address */
    size_t block_count;
    uint64_t blocks_left_out;              /* in use but not in `blocks` for want of memory */
};

/* Writes the parts of the report that are asked for and flushes `out`. */
typedef void mr_report_writer(const struct mr_report *report, struct mr_fmt *out);

/* One row per format, in the order of the FORMAT option's values. */
struct mr_report_format {
    const char *name;
    mr_report_writer *write;
};
extern const struct mr_report_format mr_report_formats[];
extern const size_t mr_report_format_count;

/* The writers. */
mr_report_writer mr_text_write;
mr_report_writer mr_json_write;

#endif
