/* cfi.h: reads call frame information (.eh_frame): where a function's caller left its registers.
 *
 * The format is that of DWARF 5, section 6.4, with the changes of the Linux Standard Base (augmentations,
 * .eh_frame_hdr). Of DWARF expressions those are understood that come down to one place:
 *
 *   place = base + offset   or   *(base + offset) + then
 *
 * which covers what compilers emit for realigned stacks, linkers for PLT stubs (there the pc, known here, is part of
 * it) and the C library for signal frames. Anything else is MR_CFI_UNKNOWN. */
#ifndef MR_TRACK_CFI_H
#define MR_TRACK_CFI_H

#include "base.h"

/* DWARF's numbers for the registers of x86-64. */
enum {
    MR_CFI_RBX = 3,
    MR_CFI_RBP = 6,
    MR_CFI_RSP = 7,
    MR_CFI_RIP = 16,
    MR_CFI_REGISTERS,
    MR_CFI_CFA = MR_CFI_REGISTERS, /* as the base of a place: the frame address itself */
};

enum mr_cfi_how {
    MR_CFI_SAME,      /* the caller has what the register holds; also: nothing is said of it */
    MR_CFI_UNDEFINED, /* lost; of RIP: this is the outermost frame */
    MR_CFI_AT,        /* in memory at the place */
    MR_CFI_IS,        /* the place itself */
    MR_CFI_UNKNOWN,
};

struct mr_cfi_rule {
    uint8_t how, base;
    bool deref;
    int32_t offset, then;
};

struct mr_cfi_rules {
    struct mr_cfi_rule cfa; /* how = MR_CFI_IS or MR_CFI_UNKNOWN; base is a register */
    struct mr_cfi_rule registers[MR_CFI_REGISTERS];
    bool signal;            /* the frame a signal handler returns to */
};

/* Where it is: the header at `hdr`; nothing outside [start, end) is read. */
struct mr_cfi_data {
    const uint8_t *hdr, *start, *end;
};

/* The rules for the instruction at pc. False when none are given for it, or the data makes no sense. */
bool mr_cfi_find(const struct mr_cfi_data *data, uintptr_t pc, struct mr_cfi_rules *rules);

#endif
