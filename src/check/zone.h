/* zone.h: a checked block: the program's part of it, and what surrounds that. Internal to check/.
 *
 *   block                        user = block + front                     block + usable
 *   | info | canary | canary ... |   the program's `size` bytes   | canary ...  |
 *
 *   front = the alignment asked for, at least 16;  front + size + MR_ZONE_BACK <= usable
 *   tag.size == size, but where its slack is cut: then info has it
 *   tag.label == MR_ZONE_HIDDEN  <=>  the block is being made, or freed and in quarantine
 *   tag.label == MR_ZONE_MOVING  <=>  it is in use, and what surrounds it is being written anew
 *
 * The tag lies out of reach, so it is believed before info, which an underflow may have overwritten. */
#ifndef MR_CHECK_ZONE_H
#define MR_CHECK_ZONE_H

#include "check.h"
#include "conf.h"

#define MR_ZONE_BACK 8
#define MR_ZONE_HIDDEN (MR_TAG_LABELS - 1)
#define MR_ZONE_MOVING (MR_TAG_LABELS - 2) /* sites are below that */

struct mr_zone {
    char *block, *user;
    size_t size, usable;       /* the program's bytes; the block's */
    uint32_t *tag;             /* where it is, if that is known */
    uint32_t label;            /* of its tag: the site */
    enum mr_family family : 8; /* MR_FAMILY_COUNT: no longer to be told */
    bool torn;                 /* info was overwritten */
};

MR_INLINE bool mr_zone_is_checked(enum mr_check part) { return mr_conf.check & part; }

/* info = size | log2(front) << 48 | family << 56 */
#define MR_ZONE_SIZE_BITS 48
#define MR_ZONE_SHIFT_LEAST 4

/* info says what it does in front of a block without an alignment of its own. */
MR_INLINE bool mr_zone_is_usual(const char *block, size_t size)
{
    uint64_t info = *(const uint64_t *)(const void *)block;
    return info << 8 == (size | (uint64_t)MR_ZONE_SHIFT_LEAST << MR_ZONE_SIZE_BITS) << 8 &&
           info >> (MR_ZONE_SIZE_BITS + 8) <= MR_FAMILY_COUNT;
}

/* The tag goes on saying what was asked for. */
MR_INLINE void mr_zone_set_label(const struct mr_zone *zone, uint32_t label)
{
    if (MR_LIKELY(zone->tag != NULL))
        *zone->tag = mr_tag_make(label, zone->usable - zone->size);
    else
        mr_tag_set(zone->block, label, zone->size);
}

/* ---- canary.c ---------------------------------------------------------------------------------------------- */

/* Bytes to ask the heap for; SIZE_MAX when no heap has so many. */
size_t mr_canary_total(size_t size, size_t align);

/* Fills in what surrounds the program's part, whose address it returns. */
char *mr_canary_seal(char *block, size_t usable, size_t size, size_t align, enum mr_family family);

/* The block whose program part starts at p. False: none in use does, or it is not checked. One that is hidden is found. */
bool mr_canary_find(const void *p, struct mr_zone *zone);

/* The same for where the heap's block starts, which has that tag. */
void mr_canary_open(char *block, const struct mr_tag *tag, struct mr_zone *zone);

/* The same for the block that holds the byte at p, where the heap can tell. */
bool mr_canary_around(const void *p, struct mr_zone *zone);

/* The family an intact block says it is of is overwritten. */
void mr_canary_set_family(const struct mr_zone *zone, enum mr_family family);

/* What is written around the program's part, if anything: tells it, and repairs the damage, so that it is told once. */
void mr_canary_verify(const struct mr_zone *zone, const char *call, const struct mr_unwind_start *from);

/* Whether there is anything to tell. */
bool mr_canary_is_whole(const struct mr_zone *zone);

/* ---- fill.c -------------------------------------------------------------------------------------------------- */

enum { MR_FILL_NEW = 0xCC, MR_FILL_FREED = 0xDD };

/* So many bytes of a block, at its start, are filled and looked at: a program may ask for much more than it touches. */
#define MR_FILL_MOST ((size_t)64 << 10)

void mr_fill_set(void *p, size_t size, unsigned char byte);

/* Offset of the first byte that is another, or `size` when none is. */
size_t mr_fill_difference(const void *p, size_t size, unsigned char byte);

/* ---- quarantine.c: freed blocks that the heap does not have yet, oldest first. ---------------------------------- */

struct mr_gone {
    struct mr_zone zone;
    uint32_t free_stack;
    uint64_t freed_ms;
};
_Static_assert(sizeof(struct mr_gone) == MR_CACHE_LINE, "an entry of the quarantine is a cache line");

/* One goes in, and the oldest comes out if there are more bytes than may be then. */
struct mr_quarantine_passed {
    bool in;  /* false: it is too large, or a handler interrupted this very thread in here; and nothing happened */
    bool out; /* *out is out of the quarantine; there may be more such */
};
struct mr_quarantine_passed mr_quarantine_pass(const struct mr_gone *gone, struct mr_gone *out);

/* The oldest, if there are more bytes than may be; false: there are not. It is out of the quarantine then. */
bool mr_quarantine_take_excess(struct mr_gone *gone);

/* The block that holds the byte at p. */
bool mr_quarantine_find(const void *p, struct mr_gone *gone);

/* Calls `each` for all of them, newest first, while other threads may change them: each is a copy. `own` leaves out what was
 * freed before this process was forked: its parent looks after that. */
typedef void mr_quarantine_visit(void *ctx, const struct mr_gone *gone);
void mr_quarantine_each(mr_quarantine_visit *each, void *ctx, bool own);

/* Where the copies are: they are no pointers of the program. False: there are none. */
bool mr_quarantine_table(struct mr_range *range);

void mr_quarantine_forked(void);

/* ---- family.c ---------------------------------------------------------------------------------------------------- */

/* Tells it when a block of another family is given to that function. */
void mr_family_verify(const struct mr_zone *zone, enum mr_family wanted, const char *call, const struct mr_unwind_start *from);

/* ---- checked.c: the malloc family while blocks are checked (watch.h) ------------------------------------------------ */

void *mr_checked_take(const struct mr_unwind_start *from, size_t size, size_t align, bool *zero);
enum mr_freed mr_checked_free(const struct mr_unwind_start *from, void *p);
void *mr_checked_realloc(const struct mr_unwind_start *from, void *p, size_t size, enum mr_freed *freed);
size_t mr_checked_usable(const void *p, enum mr_freed *known);

/* A finding about a block: with its stacks. */
struct mr_finding mr_checked_finding(enum mr_finding_kind kind, const struct mr_zone *zone, const char *call,
                                     const struct mr_unwind_start *from);
struct mr_finding mr_checked_gone_finding(enum mr_finding_kind kind, const struct mr_gone *gone, const char *call,
                                          const struct mr_unwind_start *from);

/* Tells of a pointer that no block in use starts at what is known of the checked block around it. False: nothing. */
bool mr_checked_bad_pointer(const char *call, const void *p, const struct mr_unwind_start *from);

/* ---- bury.c: what a program has freed: filled, kept back, looked at again, given to the heap -------------------------- */

void mr_bury_block(const struct mr_zone *zone, const struct mr_unwind_start *from);

/* Tells it when it was written to since. */
void mr_bury_verify(const struct mr_gone *gone);

/* ---- findings.c: the kind that a call of that name makes of a block that was freed before, of any other pointer; and where
 * the heap's block around p starts, in use or not. 0: there is none, or the strategy cannot tell. */
enum mr_finding_kind mr_findings_again(const char *call);
enum mr_finding_kind mr_findings_bad(const char *call);
uintptr_t mr_findings_block_around(const void *p);

/* ---- watch.c: taking; booking, in an entered heap ------------------------------------------------------------------------------ */

/* A block for a request that is not made to fail (fail.h). */
void *mr_watch_take(const struct mr_unwind_start *from, size_t size, size_t align, bool *zero);

uint32_t mr_watch_site(struct mr_heap *heap, const struct mr_unwind_start *from);
uint32_t mr_watch_stack_in(struct mr_heap *heap, const struct mr_unwind_start *from); /* as mr_watch_stack */
void mr_watch_book(struct mr_heap *heap, uint32_t site, size_t size, const void *p);
void mr_watch_unbook(struct mr_heap *heap, const struct mr_tag *tag, const void *p);

#endif
