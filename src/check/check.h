/* check.h: the face of misuse: what a program did wrong with its heap, and what is said about it. */
#ifndef MR_CHECK_H
#define MR_CHECK_H

#include "base.h"
#include "conf.h"
#include "guard.h"
#include "ledger.h"
#include "heap.h"
#include "reach.h"
#include "usual.h"
#include "watch.h"

/* ---- findings (findings.c) ------------------------------------------------------------------------------
 * Each is one line on descriptor 2 where it is met first (its kind, at that call stack), an entry of the ledger, and what
 * MEMOIR_ON_ERROR says; where that is to go on, the functions return. None may be called in an entered heap. */

struct mr_finding {
    enum mr_finding_kind kind;
    const char *call;                    /* the function the program called; NULL: none, it was found later */
    const struct mr_unwind_start *from;  /* who called it; NULL likewise */
    uintptr_t address;                   /* of the block, or what was taken for one */
    size_t size;                         /* asked for; MR_SIZE_UNKNOWN */
    uint32_t allocation_stack, free_stack; /* FRAMES; 0 unknown */
};
#define MR_SIZE_UNKNOWN SIZE_MAX

/* `details`: the rest of the line, in words of findings.c. */
void mr_findings_tell(const struct mr_finding *finding, const char *details, ...) MR_PRINTF(2, 3);

/* No block in use starts at p, which lies in our memory: freed before, or a pointer into a block. */
void mr_findings_bad_pointer(const char *call, const void *p, const struct mr_unwind_start *from);

/* p is to be freed by the heap behind ours. True, and told, when it can be no heap's: it lies on the calling
 * thread's stack, in a loaded object, or nowhere. */
bool mr_findings_foreign(const char *call, const void *p, const struct mr_unwind_start *from);

/* A size or an alignment that was asked for and cannot be had; told when arguments are checked and it makes no sense. */
void mr_findings_size(size_t size, const struct mr_unwind_start *from);
void mr_findings_alignment(const char *call, size_t align, const struct mr_unwind_start *from);

/* In a fork child. */
void mr_findings_forked(void);

/* Blocks have zones (zone.h): whatever is checked but arguments alone, for which the tag says all. */
MR_INLINE bool mr_check_has_zones(void) { return mr_conf.check & ~(uint64_t)MR_CHECK_ARGUMENTS; }

/* ---- what belongs to what (family.c); does nothing unless that is checked ---------------------------------- */

enum mr_family {
    MR_FAMILY_MALLOC,
    MR_FAMILY_NEW,
    MR_FAMILY_NEW_ARRAY,
    MR_FAMILY_NEW_ALIGNED,
    MR_FAMILY_NEW_ARRAY_ALIGNED,
    MR_FAMILY_COUNT
};

/* What the caller of a function says of the block it gives back. */
struct mr_family_promise {
    enum mr_family family;  /* the function's */
    enum mr_family becomes; /* the block's from then on: that of the function it is handed on to */
    size_t size;            /* MR_SIZE_UNKNOWN */
    size_t align;           /* 0 unknown */
};
/* Whether blocks know their family, or the options were not read yet. */
MR_INLINE bool mr_family_is_known(void)
{
    return MR_UNLIKELY(mr_heap_watch) && !mr_usual_way && (mr_check_has_zones() || mr_heap_watch == MR_WATCH_UNKNOWN);
}

void mr_family_give(void *p, const struct mr_family_promise *promise, const struct mr_unwind_start *from);

/* The block at p, which came from a function of one family, is handed out by one of another. */
void mr_family_take(void *p, enum mr_family was, enum mr_family family);

/* ---- what is read and written at once (ranges.c): tells it when it leaves the block where it begins ---------- */
void mr_ranges_write(const char *call, const void *p, size_t n, const struct mr_unwind_start *from);
void mr_ranges_read(const char *call, const void *p, size_t n, const struct mr_unwind_start *from);

/* And when what is copied overlaps what it is copied to, by a function that must not be given such. */
void mr_ranges_apart(const char *call, const void *to, const void *p, size_t n, const struct mr_unwind_start *from);

/* ---- checked blocks (checked.c); does nothing unless some are ------------------------------------------------- */

/* Looks at every block in use and every one in quarantine. */
void mr_checked_verify(const char *call, unsigned patience_ms);

/* What is in quarantine was freed by the program: moves it in the heap's figures. */
void mr_checked_settle(struct mr_heap_stats *stats);

/* From a block of the heap to the program's part of it; false: the program has none. */
bool mr_checked_user(uintptr_t *start, size_t *size);

/* As mr_tag_get, by the program's part of a block. */
bool mr_checked_tag(const void *p, struct mr_tag *tag);

/* ---- the whole heap (integrity.c) -------------------------------------------------------------------------
 * NULL when every invariant holds, else the first that does not, in words that last until the next call. The other
 * threads are stopped meanwhile. Async-signal-safe. */
const char *mr_integrity_check(void);

/* ---- what the program says about its leaks (exempt.c) ----------------------------------------------------
 * Annotations that LeakSanitizer made common. All are async-signal-safe and take no lock. */

/* The block that holds the byte at p, and what it leads to, is no leak; false: there was no memory for the note. A
 * note outlives its block: another block in the same place is ignored too. */
bool mr_exempt_object(const void *p);

/* Words of [at, at + bytes) may be the only pointers to blocks; false: no room. Of equal regions one is withdrawn. */
bool mr_exempt_region(const void *at, size_t bytes);
bool mr_exempt_forget_region(const void *at, size_t bytes);

/* What the calling thread allocates between the two is no leak; they nest. Who hands out blocks asks mr_exempt_is_off
 * where that costs nothing. */
void mr_exempt_turn_off(void);
void mr_exempt_turn_on(void);
extern MR_HIDDEN _Atomic uint32_t mr_exempt_count; /* threads between the two */
bool mr_exempt_is_off_here(void);
MR_INLINE bool mr_exempt_is_off(void)
{
    return MR_UNLIKELY(atomic_load_explicit(&mr_exempt_count, memory_order_relaxed) != 0) && mr_exempt_is_off_here();
}

typedef void mr_exempt_visit(void *ctx, uintptr_t at, size_t bytes);
void mr_exempt_each_object(mr_exempt_visit *each, void *ctx);
void mr_exempt_each_region(mr_exempt_visit *each, void *ctx);

/* ---- leaks (leak.c) ----------------------------------------------------------------------------------------- */

struct mr_leak_block {
    uintptr_t start; /* as the program knows it */
    size_t size; /* usable bytes; of a checked block those asked for */
    enum mr_leak_kind kind;
    uintptr_t holder; /* INDIRECT: the definite block it hangs on, else 0 */
};

enum { MR_LEAK_TIDS = 8, MR_LEAK_EXCLUDED = 64 };

struct mr_leak_request {
    bool in_place;        /* mark while the other threads wait; else in a copy of the process, while they run on */
    unsigned patience_ms; /* for other threads and locks; 0: one second */

    /* May be NULL. Called for each block in use, lost heads before what hangs on them, in the process that marks: what
     * it writes is seen only in memory that the two share (mr_world_share). It must not allocate. */
    void (*each)(void *ctx, const struct mr_leak_block *block);

    /* May be NULL. Whether a block is to count as reachable whatever leads to it. Called likewise. */
    bool (*is_exempt)(void *ctx, uintptr_t block);
    void *ctx;

    const struct mr_range *excluded; /* memory that holds addresses of blocks and is no root: tables of ours */
    size_t excluded_count;           /* at most MR_LEAK_EXCLUDED */
};

struct mr_leak_result {
    const char *impossible; /* NULL, or why there is no result */
    struct mr_leak_sum { uint64_t blocks, bytes; } kinds[MR_LEAK_KIND_COUNT];
    bool in_place;          /* what was done; another request may have been refused by the system */
    bool unlisted;          /* the threads of the process could not be listed */
    bool cut;               /* there were more mappings than could be looked at */
    uint32_t threads;       /* others than the caller */
    uint32_t unstopped;     /* of these, so many ran on: what only their registers held may be called lost */
    int32_t unstopped_tids[MR_LEAK_TIDS]; /* the first of them */
    uint64_t faults;        /* places that could not be read */
    uint64_t scanned_bytes;
    uint64_t pause_ns, mark_ns;
};

/* Classifies every block in use. Stops the other threads, if only for a moment; one check at a time. False when it was
 * impossible. Never allocates; may be called in a signal handler. */
bool mr_leak_check(const struct mr_leak_request *request, struct mr_leak_result *result);

#endif
