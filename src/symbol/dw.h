/* dw.h: what dw.c and die.c share. Nobody else includes elfutils. */
#ifndef MR_SYMBOL_DW_H
#define MR_SYMBOL_DW_H

#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>

#include "symbol.h"

#define MR_DW_FRAMES 64 /* functions inlined into each other at one place, at most */

/* When libdw has read and decoded about so many bytes, all files are closed. Tests want that sooner. */
extern size_t mr_dw_open_most;

/* The debug information of one module, read unit by unit as it is asked for. What is kept here knows entries by their
 * offsets: `dwarf` may be closed, and opened again, between two questions. */
struct mr_die_reader {
    Dwarf *dwarf;
    unsigned opened;          /* how often it was */
    size_t spent;             /* about how many bytes libdw has read and decoded; the user may set it to 0 */
    void *units;              /* tree of the units met so far */
    struct mr_die_range *cus; /* of the units .debug_aranges does not tell of; NULL until it is needed */
    size_t cu_count;
    bool cus_read;
};

/* The functions `pc` is in (as the DWARF counts), innermost first, without demangling: `function` is NULL where a
 * linkage name says more. Returns how many it filled. */
size_t mr_die_find(struct mr_die_reader *reader, Dwarf_Addr pc, struct mr_symbol_frame *frames, size_t cap);
void mr_die_close(struct mr_die_reader *reader);

#endif
