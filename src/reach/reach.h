/* reach.h: the face of reachability: where a program keeps pointers, and which blocks they lead to.
 *
 * Conservative marking (Boehm and Weiser, 1988): each aligned word that lies where blocks lie is taken for
 * a pointer. What a block is the caller says (`find`); the marker keeps one byte of state for each.
 *
 * A block's state only ever rises:
 *
 *   UNSEEN -> INTERIOR -> POSSIBLE            roots lead to it, but somewhere on every way by a pointer into
 *      |          |                           the middle of a block
 *      |          `-----> REACHABLE           roots lead to it by pointers to the beginnings of blocks
 *      |
 *      `-> LOST -> DEFINITE                   no root leads to it, nor does any other lost block that it does
 *            |                                not lead to itself
 *            `---> INDIRECT                   no root leads to it, but a definite one does: its holder
 *
 * The definite ones are the least that one must free to lose nothing: one for each source of the graph
 * of lost blocks, where a cycle counts as one vertex and is spoken for by its lowest number. They
 * are found as "mother vertices": flooding from unvisited blocks in ascending order gives heads, among them
 * the lowest block of each source; flooding again from the heads in descending order, a head that a later
 * one leads to is taken by that one first. */
#ifndef MR_REACH_H
#define MR_REACH_H

#include "base.h"
#include "os.h"

enum mr_reach_state {
    MR_REACH_FREE, /* not a block in use */
    MR_REACH_UNSEEN,
    MR_REACH_INTERIOR, /* while marking */
    MR_REACH_POSSIBLE,
    MR_REACH_REACHABLE,
    MR_REACH_LOST, /* while marking */
    MR_REACH_DEFINITE,
    MR_REACH_INDIRECT,
};

struct mr_reach_block {
    uintptr_t start;
    size_t size;
    uint32_t index;
};

/* The block that holds the byte at `word`; whether it is in use its state says. */
typedef bool mr_reach_find(const void *ctx, uintptr_t word, struct mr_reach_block *block);

/* How many bytes the program may have asked for when it got that block. */
struct mr_reach_asked { size_t least, most; };
typedef struct mr_reach_asked mr_reach_ask(const void *ctx, const struct mr_reach_block *block);

struct mr_range { uintptr_t from, to; };

/* A place where pointers are looked for. */
struct mr_root {
    uintptr_t from, to;
    bool own; /* only OS pages that are not a file's can hold any */
};

/* ---- roots.c ------------------------------------------------------------------------------------------
 * Every readable private mapping and every writable shared one, but for code, devices, what the caller
 * excludes, and the dead parts of stacks: below the stack pointer of a stopped thread, and the stacks
 * glibc keeps of threads that have ended. */
struct mr_roots {
    struct mr_root *roots;
    size_t count;
    struct mr_range *constants; /* mappings of files that nobody writes: tables of virtual functions lie there */
    size_t constant_count;
    uintptr_t *vectors;         /* of thread-local blocks, of threads that have ended: for mr_mark_vector */
    size_t vector_count;
    bool cut;                   /* there were more than there was room for */
    /* Within the module: */
    struct mr_range *excluded;
    size_t excluded_count;
    char *text;
    void *memory;
    size_t bytes;
};

/* The thread that asks: its stack pointer where the caller's frames begin, its mr_thread_self() and its id (in a copy:
 * the original's, for that is what its memory says). */
struct mr_reach_self {
    uintptr_t sp, self;
    int32_t tid;
};

/* The world is stopped (or is a copy of a stopped one). Returns NULL, or why it is impossible. */
const char *mr_roots_collect(struct mr_roots *roots, const struct mr_world *world, const struct mr_reach_self *self,
                             const struct mr_range *excluded, size_t excluded_count);
void mr_roots_release(struct mr_roots *roots);

/* Where the frame of the calling function ends. */
MR_INLINE uintptr_t mr_reach_stack_pointer(void)
{
    uintptr_t sp;
#if defined(__x86_64__)
    __asm__ volatile("mov %%rsp, %0" : "=r"(sp));
#elif defined(__aarch64__)
    __asm__ volatile("mov %0, sp" : "=r"(sp));
#else
    sp = (uintptr_t)__builtin_frame_address(0);
#endif
    return sp;
}

enum { MR_REACH_MEETINGS = 16 };

/* ---- mark.c --------------------------------------------------------------------------------------------- */
struct mr_reach {
    mr_reach_find *find;
    mr_reach_ask *ask;
    const void *ctx;
    uintptr_t low, high;     /* every block lies in [low, high) */
    uint8_t *states;         /* by index; enum mr_reach_state, from UNSEEN on */
    uint32_t count;
    const struct mr_range *constants;
    size_t constant_count;
    int pages, shared_pages; /* from mr_maps_open_pages: for own pages, and for those shared */
    /* Within the module: */
    uintptr_t *holders;      /* by index: of INDIRECT blocks */
    uintptr_t *work, *later; /* blocks to be looked through, and those put aside: at most `count` each */
    size_t work_count, later_count;
    uintptr_t at, end;       /* what is being looked through, */
    uintptr_t rest, rest_end; /* and what comes behind it, without its empty OS pages: */
    int rest_pages;
    bool rest_own;
    struct mr_reach_meeting { uintptr_t word; struct mr_reach_block block; } meetings[MR_REACH_MEETINGS];
    uint32_t met, settled;   /* meetings: met - settled are open */
    int phase;
    uintptr_t head;
    uint64_t scanned;        /* bytes looked through */
    uint64_t faults;         /* places that could not be read */
    void *memory;
    size_t bytes;
    struct mr_world_guard guard;
};

/* Takes the memory it needs (24 bytes per block, touched as far as it is used), and guards the calling thread
 * against faults until close. The members above "within the module" are set. False: no memory. */
bool mr_mark_open(struct mr_reach *reach);
void mr_mark_close(struct mr_reach *reach);

/* Marks what the words of a range lead to. Called between open and possible. */
void mr_mark_root(struct mr_reach *reach, const struct mr_root *root);

/* Marks a block, and what it leads to, as reachable: what the program told us to ignore. */
void mr_mark_block(struct mr_reach *reach, const struct mr_reach_block *block);

/* Marks a vector of thread-local blocks that glibc keeps, and the blocks, as reachable, but not what they lead to. */
void mr_mark_vector(struct mr_reach *reach, uintptr_t vector);

/* After all roots: what interior pointers lead to becomes POSSIBLE. */
void mr_mark_possible(struct mr_reach *reach);

/* After that, with every block in ascending order: those still UNSEEN become heads of what they lead to; then
 * mr_mark_lost_done makes the heads DEFINITE or INDIRECT. */
void mr_mark_lost(struct mr_reach *reach, const struct mr_reach_block *block);
void mr_mark_lost_done(struct mr_reach *reach);

/* Where the definite block begins that an INDIRECT one hangs on. */
MR_INLINE uintptr_t mr_mark_holder(const struct mr_reach *reach, uint32_t index) { return reach->holders[index]; }

#endif
