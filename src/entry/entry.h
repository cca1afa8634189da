/* entry.h: what the files of the top layer share. */
#ifndef MR_ENTRY_H
#define MR_ENTRY_H

#include "base.h"
#include "check.h"
#include "heap.h"
#include "report.h"

/* ---- other.c: the other heap of the process -----------------------------------------------------------
 * Blocks that are not ours come from whoever stands behind us in the symbol order (glibc, nearly
 * always): a library opened with RTLD_DEEPBIND binds to it. When somebody stands before us, so that
 * `malloc` is not ours, every request that still reaches us goes to them. */

struct mr_other {
    void *(*malloc)(size_t);
    void (*free)(void *);
    void *(*realloc)(void *, size_t);
    void *(*memalign)(size_t, size_t);
    size_t (*usable_size)(void *);
};

/* The malloc family of the other heap; members it lacks are NULL. */
const struct mr_other *mr_other_heap(void);

/* Whether `malloc` of this process is somebody else's. Settled at the first call. */
bool mr_other_rules(void);

/* ---- malloc.c, under names no program can replace --------------------------------------------------- */
void *mr_entry_malloc(size_t size);
void *mr_entry_memalign(size_t align, size_t size); /* any align, as glibc's memalign */
void mr_entry_free(void *p);

/* ---- tell.c: the report of this process ------------------------------------------------------------------ */

/* Whether a report was asked for. */
bool mr_tell_is_due(void);
bool mr_tell_is_due_at_end(void); /* not only when a signal asks */

/* The name of the strategy in force. */
const char *mr_tell_strategy(void);

/* Prepares what must be known before a report: where standard error leads, the time. Does nothing when
 * done already. */
void mr_tell_prepare(void);

/* In a fork child: the report is the child's own from now on. */
void mr_tell_forked(void);

/* Writes the report where it was asked for. In the process that prepared it, or a fork child of it; not in
 * a vfork child. At most one report is written at a time; async-signal-safe. */
void mr_tell_report(enum mr_exit_kind kind, int value);

/* Answers who asks through the ledger (enum mr_ledger_ask). Async-signal-safe. */
void mr_tell_asked(int what);

/* A last look at the blocks that are checked, in the process whose report it is. */
void mr_tell_verify(void);

/* ---- sites.c: call stacks and leaks in a report of the library's own; to be released after it is written -------------- */
void mr_sites_fill(struct mr_report *report);
void mr_sites_release(struct mr_report *report);

/* ---- misuse.c: the findings in a report; to be released after it is written --------------------------------------- */
void mr_misuse_fill(struct mr_report *report);
void mr_misuse_release(struct mr_report *report);
size_t mr_sites_frames(const struct mr_report *report, uint32_t stack, struct mr_report_frame *out, size_t cap);

/* ---- chart.c: the map of the heap -------------------------------------------------------------------------------- */

/* From now on the ledger gets a map now and then. */
void mr_chart_begin(void);

/* A fresh map, in the ledger if there is one. Async-signal-safe. */
void mr_chart_write(void);

/* The same for a report, which holds it until it is given back; without it when the heap cannot be looked at. */
void mr_chart_lend(struct mr_report *report);
void mr_chart_return(struct mr_report *report);

void mr_chart_forked(void);

/* ---- memcpy.c: leads calls there that are to be looked at. Before main. ------------------------------------------ */
void mr_memcpy_begin(void);

/* ---- story.c: what the ledger is told, beside what is booked as it happens ------------------------------------ */

/* Opens the ledger when one is asked for or call stacks are; complains when its file cannot be had. */
void mr_story_begin(void);

/* Classifies the blocks in use and writes down what was found. `ends`: the process will not go on. */
void mr_story_check(bool ends);
/* What tells blocks of sites that are to be ignored; NULL where there are no sites. For struct mr_leak_request. */
bool (*mr_story_exempt(void))(void *ctx, uintptr_t block);
bool mr_story_wants_leaks(void); /* at the end, and whenever a report is written */

/* The signal by which others may ask for a check. */
void mr_story_answers_to(int sig);

/* What the last check found; NULL: there was none. */
const struct mr_leak_result *mr_story_leaks(void);

/* Whether there is a ledger, and it is this process's own. */
bool mr_story_is_recorded(void);

/* As the ledger has them; all but seq and process_resident_bytes. */
void mr_story_copy_figures(struct mr_ledger_stats *to, const struct mr_heap_stats *from);

/* The figures of the heap as they are now. */
void mr_story_figures(const struct mr_heap_stats *stats);

/* How the process ended; nothing is booked any more. */
void mr_story_end(enum mr_exit_kind kind, int value);

/* In a fork child: its ledger is its own from now on. */
void mr_story_forked(void);

#endif
