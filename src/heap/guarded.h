/* guarded.h: blocks with OS pages of their own and an inaccessible one on either side, which stay inaccessible when they
 * are free.
 *
 * The idea is Electric Fence's (B. Perens, 1987); a few of all blocks, and a report at the instruction, are GWP-ASan's
 * (LLVM, 2019). One piece of address space holds them all:
 *
 *   |none|data.data|none|data|none|data.data.data|none|  (free)  |
 *        `------ span -------'`-- span -'
 *
 * A span is the OS pages of a block and the inaccessible one behind them; the one in front is the previous span's. Freed
 * spans wait, first in, first out, until no other place is left: the pool then gets the oldest back.
 *
 *   live + waiting + spans of the pool = the address space          live <= a quarter of the mappings a process may have
 *
 * What a block's neighbourhood holds and what is noted about it is the watcher's business (check/guard.c). */
#ifndef MR_HEAP_GUARDED_H
#define MR_HEAP_GUARDED_H

#include "base.h"
#include "slab.h"

/* When something was done to a block, and by whom. */
struct mr_guarded_event {
    uint64_t ms;
    int32_t thread;
    uint32_t stack; /* the watcher's */
};

enum mr_guarded_state { MR_GUARDED_NONE, MR_GUARDED_IN_USE, MR_GUARDED_LATER /* being freed */, MR_GUARDED_FREED };

struct mr_guarded {
    uintptr_t start;
    size_t size;            /* asked for, and usable */
    uintptr_t from, to;     /* its OS pages; to: where the inaccessible one behind begins */
    enum mr_guarded_state state;
    struct mr_guarded_event taken, freed;
};

/* All of them lie in [base, base + bytes); empty until mr_guarded_boot. */
extern MR_HIDDEN uintptr_t mr_guarded_base;
extern MR_HIDDEN size_t mr_guarded_bytes;
MR_INLINE bool mr_guarded_holds(const void *p)
{
    return MR_UNLIKELY((uintptr_t)p - mr_guarded_base < MR_PEEK(mr_guarded_bytes));
}

/* Once. False: there is no address space for it. */
bool mr_guarded_boot(size_t bytes);

/* A block whose end, or (at_start) whose start is where its OS pages end; `align`: a power of two. block->start is NULL
 * without room. What lies around it on its OS pages is zero, as is (*zero) perhaps the block. */
struct mr_guarded_wish {
    size_t size, align;
    bool at_start;
    struct mr_guarded_event taken;
};
void *mr_guarded_take(const struct mr_guarded_wish *wish, bool *zero, struct mr_guarded *block);

enum mr_freed mr_guarded_free(void *p);

/* Writes down who is about to free the block in use at p. */
void mr_guarded_note(void *p, const struct mr_guarded_event *freed);

/* The block in use or waiting whose OS pages hold the address, or else the one that is nearest to it; false: none is
 * near. May be called in a signal handler. */
bool mr_guarded_find(uintptr_t address, struct mr_guarded *block);

/* Makes the OS page of an address accessible, and all of a freed block's; until the place is used again. False: it was
 * already. Likewise. */
bool mr_guarded_open(uintptr_t address);

/* The word that tag.h keeps for the block in use at p, and its usable bytes; NULL: there is none. */
uint64_t *mr_guarded_tag(const void *p, size_t *usable);
size_t mr_guarded_usable(const void *p, bool *known);

struct mr_heap_stats;
typedef bool mr_guarded_each(void *ctx, const void *block, size_t size);
void mr_guarded_look(struct mr_heap_stats *stats);
bool mr_guarded_walk(mr_guarded_each *each, void *ctx);

/* The address space with the table, which holds addresses of blocks: no root. False: there is none. */
bool mr_guarded_own(uintptr_t *from, uintptr_t *to);

extern struct mr_lock mr_guarded_lock;

/* NULL, or the first broken invariant in words. */
const char *mr_guarded_check(void);

#endif
