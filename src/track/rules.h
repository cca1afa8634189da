/* rules.h: how to leave a function, 16 bytes per return address, found by one probe.
 *
 * A row (pc, rule) is filled when its pc is first met, from the call frame information of the object that
 * pc - 1 lies in. Rows are shared by all threads. Slot states: key 0 free, 1 dropped, 2 being written, else
 * the pc. A writer claims a free or dropped slot (compare-and-swap to 2), stores the rule, then the key;
 * a reader looks at the key on both sides of the rule, and nobody waits. Two rows of one pc do no harm.
 *
 * A rule, 64 bits:   | cfa offset 32 | bp offset / 8: 20 | tag 7 | bp_of_bp 1 | bp_saved 1 | kind 3 |
 * For MR_ROW_AT_*, the upper 32 are two signed halves: offset / 8 of the word, and what is added to it. */
#ifndef MR_TRACK_RULES_H
#define MR_TRACK_RULES_H

#include <stdatomic.h>

#include "base.h"

enum mr_row_kind {
    MR_ROW_SP,     /* cfa = sp + offset */
    MR_ROW_BP,     /* cfa = bp + offset */
    MR_ROW_AT_SP,  /* cfa = *(sp + offset) + then */
    MR_ROW_AT_BP,  /* cfa = *(bp + offset) + then */
    MR_ROW_END,    /* the outermost frame */
    MR_ROW_SIGNAL, /* the caller's registers are in the signal frame at sp */
    MR_ROW_EXACT,  /* takes registers that walks do not follow */
    MR_ROW_NONE,   /* nothing is known */
};

MR_INLINE unsigned mr_row_kind(uint64_t rule) { return rule & 7; }
MR_INLINE bool mr_row_saves_bp(uint64_t rule) { return rule >> 3 & 1; }
MR_INLINE bool mr_row_bp_of_bp(uint64_t rule) { return rule >> 4 & 1; } /* its place is bp + offset, else cfa + offset */
MR_INLINE intptr_t mr_row_bp_offset(uint64_t rule) { return (intptr_t)((int32_t)rule >> 12) * 8; }
MR_INLINE intptr_t mr_row_offset(uint64_t rule) { return (int32_t)(rule >> 32); }
MR_INLINE intptr_t mr_row_word(uint64_t rule) { return (intptr_t)(int16_t)(rule >> 48) * 8; }
MR_INLINE intptr_t mr_row_then(uint64_t rule) { return (int16_t)(rule >> 32); }

enum { MR_RULES_FREE, MR_RULES_DROPPED, MR_RULES_CLAIMED };

struct mr_row {
    _Atomic uintptr_t key;
    _Atomic uint64_t rule;
};

struct mr_rules_table {
    size_t mask;           /* (rows - 1) * 16; the rows are a power of two */
    _Atomic uint32_t used; /* slots that are not free, at most 3/4 of all */
    struct mr_row rows[];
};

extern MR_HIDDEN struct mr_rules_table *_Atomic mr_rules_table;

/* The number of a pc's row, were it the only one, times the size of a row. Every step of a walk waits for this, so it is
 * but a shift, an exclusive or and a mask; addresses differ enough in their low bits. */
MR_INLINE size_t mr_rules_home(const struct mr_rules_table *t, uintptr_t pc)
{
    return (pc * sizeof(struct mr_row) ^ pc >> 11) & t->mask;
}

MR_INLINE struct mr_row *mr_rules_row(const struct mr_rules_table *t, size_t home)
{
    return (struct mr_row *)((uintptr_t)t->rows + home);
}

/* The one to look at next. */
MR_INLINE size_t mr_rules_next(const struct mr_rules_table *t, size_t home) { return (home + sizeof(struct mr_row)) & t->mask; }

/* The rule for a pc without a row, which it gets. */
uint64_t mr_rules_fill(uintptr_t pc);

MR_INLINE uint64_t mr_rules_find(const struct mr_rules_table *t, uintptr_t pc)
{
    for (size_t home = mr_rules_home(t, pc);; home = mr_rules_next(t, home)) {
        const struct mr_row *row = mr_rules_row(t, home);
        uintptr_t key = atomic_load_explicit(&row->key, memory_order_acquire);
        if (MR_LIKELY(key == pc)) {
            uint64_t rule = atomic_load_explicit(&row->rule, memory_order_acquire);
            if (MR_LIKELY(atomic_load_explicit(&row->key, memory_order_relaxed) == pc))
                return rule;
        }
        if (key == MR_RULES_FREE)
            return mr_rules_fill(pc);
    }
}

/* Drops the rows of objects that are gone. Never waits: when another thread is at the table, that one does it. */
void mr_rules_flush(void);
void mr_rules_after_fork(void);

#endif
