/* report.h: the face of the report: one model, one writer per format.
 *
 * Whoever knows the facts (the library at exit, model.c in the CLI) fills a struct mr_report; the
 * writers only read it and print through struct mr_fmt. Nothing here allocates: it runs inside
 * the host, at its end or in its signal handler.
 *
 * To add a format: one row in formats.c (formats_cli.c for those of the CLI alone), one file with its
 * writer. */
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
    uint64_t slab_bytes;    /* of each of them */
    uint64_t free_blocks;   /* free blocks in those slabs */
    bool large;             /* spans of their own: no slabs, sizes differ within the row */
    uint64_t in_use_bytes;
};

/* One block still in use. The first bytes at `address` are readable. */
struct mr_report_block {
    uintptr_t address;
    uint64_t size;
};

/* One frame of a call stack. Strings live as long as the report; NULL where unknown. */
struct mr_report_frame {
    uint64_t address;       /* of the call; 0 for a mark (then `function` says in words why the stack ends here) */
    const char *function;   /* demangled */
    const char *linkage;    /* the same as the linker has it (C++ and Rust: mangled) */
    const char *file;       /* source file */
    uint32_t line;          /* 0 unknown */
    const char *module;     /* path of the object */
    const char *build_id;   /* of the module, in hex */
    uint64_t offset;        /* of the address in the module's file */
    bool inlined;           /* into the frame that follows */
    const char *directory;  /* where the compiler ran: a relative `file` begins there */
};

/* Blocks of one class asked for by one distinct call stack. */
enum mr_site_kind {
    MR_SITE_DEFINITELY_LOST, /* as enum mr_leak_kind */
    MR_SITE_INDIRECTLY_LOST,
    MR_SITE_POSSIBLY_LOST,
    MR_SITE_STILL_REACHABLE,
    MR_SITE_IN_USE,          /* no leak check was made */
    MR_SITE_GONE,            /* nothing in use any more: only in the rankings by totals and peak */
    MR_SITE_KIND_COUNT
};
extern const char *const mr_site_kind_names[MR_SITE_KIND_COUNT];  /* "definitely_lost" */
extern const char *const mr_site_kind_words[MR_SITE_KIND_COUNT];  /* "definitely lost" */

MR_INLINE bool mr_site_kind_is_lost(enum mr_site_kind kind) { return kind <= MR_SITE_POSSIBLY_LOST; }

struct mr_report_site {
    enum mr_site_kind kind;
    uint64_t bytes, blocks;          /* of this kind, at the end */
    /* The rest is of the whole stack, whatever became of its blocks; in each of its rows if it has several. */
    uint64_t allocations, frees, allocated_bytes, temporary;
    uint64_t peak_bytes, peak_blocks;
    uint64_t growing_bytes_per_second; /* 0: does not grow */
    uint32_t stack;                  /* what mr_report.frames is asked with */
    uint32_t held_by;                /* indirectly lost: stack of the block it hangs on; 0 unknown */
    const char *suppressed_by;       /* name of the suppression; NULL: none */
    bool is_new;                     /* not in the baseline; true when there is none */
};

struct mr_report_sum { uint64_t bytes, blocks; };

struct mr_report_finding {
    const char *kind, *message;
    uint64_t count, address, size, ms;
    uint32_t stack, allocation_stack, free_stack; /* 0 unknown */
};

struct mr_report_moment {
    uint64_t ms, in_use_bytes, in_use_blocks, resident_bytes, allocations, allocated_bytes;
};

/* The heap at one moment, by address: what MEMOIR_MAP and `memoir map` draw. Cells, gaps and states are as the ledger has
 * them (format.h). The classes are of the moment of the map, which need not be that of the report's own. */
struct mr_report_map {
    uint64_t ms;                         /* when; counted as mr_report.elapsed_ms is */
    uint64_t cell_bytes;                 /* address space per cell, but for the last of a region: a cell that does not
                                            begin where the one before it ends begins another region */
    const struct mr_ledger_cell *cells;  /* .address, .bytes[enum mr_map_state], whose sum is the cell's length */
    size_t cell_count;
    const struct mr_ledger_gap *gaps;    /* MR_LEDGER_GAPS rows: [i] .count and .bytes of free spans of 2^i and more */
    uint64_t largest_gap;                /* bytes */
    const struct mr_report_class *classes;
    size_t class_count;
};

/* The names of enum mr_map_state for programs that read reports. */
extern const char *const mr_report_map_states[MR_MAP_STATE_COUNT];

/* What a ledger says, for a report (report_map.c). `classes` has room for MR_LEDGER_CLASSES and lives as long as *to, as
 * `from` does. The first is the classes alone; it returns how many there are. */
size_t mr_report_map_classes(struct mr_report_class *to, const struct mr_ledger_stats *stats);
void mr_report_map_take(struct mr_report_map *to, const struct mr_ledger_map *from, struct mr_report_class *classes);

enum mr_report_trace { MR_REPORT_TRACE_OFF, MR_REPORT_TRACE_SAMPLE, MR_REPORT_TRACE_FULL };

enum mr_report_cost { MR_COST_IN_USE, MR_COST_PEAK, MR_COST_LEAKED, MR_COST_ALLOCATIONS, MR_COST_TEMPORARY, MR_COST_COUNT };
extern const char *const mr_report_cost_names[MR_COST_COUNT]; /* "in_use" */

/* What counts as a leak where nobody chose: what is lost. */
#define MR_REPORT_LEAK_KINDS (1u << MR_SITE_DEFINITELY_LOST | 1u << MR_SITE_INDIRECTLY_LOST | 1u << MR_SITE_POSSIBLY_LOST)

struct mr_report {
    const char *version;
    int64_t pid;
    const char *command;      /* the program and its arguments, separated by blanks; never NULL */
    enum mr_exit_kind exit_kind;
    int exit_value;           /* exit code or signal number */
    uint64_t elapsed_ms;
    uint64_t start_wall;      /* seconds since 1970; 0 unknown */
    const char *strategy;     /* name of the strategy in force */
    bool threads_running;     /* other threads ran while the numbers were taken */

    bool integrity_checked;
    const char *integrity;    /* NULL: every invariant of the heap held; else what did not */

    bool show_stats;          /* which parts were asked for */
    bool show_leaks;
    bool show_blocks;         /* each block in use, not only their sums */
    bool show_map;            /* the picture of `map` */

    struct mr_totals totals;
    uint64_t process_resident_bytes; /* of the whole process; 0 when unknown */
    const struct mr_report_class *classes; /* ascending size; rows with no allocation are left out */
    size_t class_count;
    const struct mr_report_map *map;       /* NULL: none was made */
    const struct mr_report_block *blocks;  /* in use, largest first, then by address */
    size_t block_count;
    uint64_t blocks_left_out;              /* in use but not in `blocks` for want of memory */

    /* Call stacks; empty unless traced. */
    enum mr_report_trace trace;
    uint64_t sample_interval;
    const struct mr_report_site *sites;    /* those that passed the filters, sorted as asked for */
    size_t site_count;
    size_t listed_count;                   /* sites[0, listed_count) are to be listed; those behind were not asked for,
                                              are suppressed or gone: they only enter sums and rankings */
    struct mr_report_sum filtered;         /* in use at sites that did not pass a filter: in `leaks`, not in `sites` */
    size_t sites_filtered;
    /* The frames of a stack, innermost first, inlined ones included: fills `out` up to `cap`, returns how many it
     * filled. No stack has more than MR_REPORT_FRAMES_MOST. */
    size_t (*frames)(const struct mr_report *report, uint32_t stack, struct mr_report_frame *out, size_t cap);
    void *frames_ctx;
    /* A source file as it is now, until the next call; NULL where it cannot be read. NULL: source is not to be shown. */
    const char *(*source)(void *ctx, const char *path, size_t *len);
    void *source_ctx;
    bool leaks_checked;                    /* blocks were classified; else every site is MR_SITE_IN_USE */
    uint32_t check_doubts;                 /* threads that could not be stopped for it */
    uint32_t leak_kinds;                   /* bit 1 << kind: such sites count as leaks for CI; 0: MR_REPORT_LEAK_KINDS */
    enum mr_report_cost cost;              /* what folded stacks weigh */
    /* As requested (estimated, when sampled): the sum of leaks[] + suppressed = what the sites have in use. The
     * totals count whole blocks; the difference is rounding. */
    struct mr_report_sum leaks[MR_SITE_KIND_COUNT], suppressed;
    size_t leak_sites[MR_SITE_KIND_COUNT], suppressed_sites;
    const struct mr_report_finding *findings;
    size_t finding_count;
    const struct mr_report_moment *timeline; /* ascending */
    size_t timeline_count;
    const char *ledger;                    /* where the whole story can be read again; NULL nowhere */
    const char *const *notes;              /* whole sentences: what this report could not find out */
    size_t note_count;
    bool colour;                           /* text for a terminal that wants colours */
    unsigned width;                        /* columns of the map; 0: 80 */
};

#define MR_REPORT_FRAMES_MOST 1152

/* The frames of a stack in memory that the next call overwrites. One caller at a time. */
const struct mr_report_frame *mr_frames_of(const struct mr_report *report, uint32_t stack, size_t *count);

/* The frame to name where there is room for one: the innermost that is not the C or C++ library's. NULL
 * only when there are none. */
const struct mr_report_frame *mr_frames_culprit(const struct mr_report_frame *frames, size_t count);

/* Of the C or C++ library, or of memoir. */
bool mr_frames_is_library(const struct mr_report_frame *frame);

/* What follows the last slash. */
const char *mr_frames_base(const char *path);

/* Writes the parts of the report that are asked for and flushes `out`. */
typedef void mr_report_writer(const struct mr_report *report, struct mr_fmt *out);

/* One row per format. The library has those of mr_report_formats, in the order of the FORMAT option's values;
 * the CLI has these and those of mr_report_cli_formats (formats_cli.c). */
struct mr_report_format {
    const char *name;
    mr_report_writer *write;
    bool binary;          /* not for a terminal */
};
extern const struct mr_report_format mr_report_formats[];
extern const size_t mr_report_format_count;
extern const struct mr_report_format mr_report_cli_formats[];
extern const size_t mr_report_cli_format_count;

/* The writers. */
mr_report_writer mr_text_write;
mr_report_writer mr_text_write_map; /* nothing but the map, for `memoir map` */
mr_report_writer mr_json_write;
mr_report_writer mr_pprof_write;
mr_report_writer mr_folded_write;
mr_report_writer mr_massif_write;
mr_report_writer mr_openmetrics_write;
mr_report_writer mr_github_write;
mr_report_writer mr_sarif_write;
mr_report_writer mr_html_write;

/* The rest of the face: what only the CLI links. */
#include "baseline.h"
#include "diff.h"
#include "html.h"
#include "model.h"
#include "names.h"
#include "saved.h"
#include "suppress.h"

#endif
