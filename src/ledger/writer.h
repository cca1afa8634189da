/* writer.h: the ledger from inside the process it tells of.
 *
 * The sections are at fixed addresses once the ledger is open; whoever owns a section writes its
 * entries there and raises its count with mr_writer_publish. Without a file (none asked for, or it
 * cannot be had) the same memory is anonymous: nobody needs to ask.
 *
 * Nothing is accessible past what was reserved: room is made in growing steps, in the file too, so a disk
 * that fills up is a section that is full and not a SIGBUS. */
#ifndef MR_LEDGER_WRITER_H
#define MR_LEDGER_WRITER_H

#include <stdatomic.h>
#include <stdbool.h>

#include "format.h"

/* The mapped ledger: NULL before mr_writer_open. */
extern struct mr_ledger_header *mr_writer_header;

/* First entry of a section. The ledger is open. */
void *mr_writer_entries(enum mr_section_kind kind);

/* Room for `n` more entries at the end of a section: index of the first, or -1 when it is full. They read as
 * zero. The caller holds whatever lock serialises this section's appends; the entries count after
 * mr_writer_publish. */
int64_t mr_writer_reserve(enum mr_section_kind kind, uint64_t n);
void mr_writer_publish(enum mr_section_kind kind, uint64_t n);
uint64_t mr_writer_count(enum mr_section_kind kind);

/* Takes entries off the end of a section, under the same lock. What they held stays until it is overwritten. */
void mr_writer_cut(enum mr_section_kind kind, uint64_t count);

/* Appends a string (cut at 4095 bytes), or finds it if it is among the last few; its offset, 0 when full or NULL, or
 * when a signal handler asks that interrupted this very function. */
uint32_t mr_writer_string(const char *text);

/* Whether the calling thread is inside mr_writer_string: it is a handler, and must not wait for whoever may want a
 * string. */
bool mr_writer_is_busy(void);

/* Opens the ledger, once: at `path` (created 0600, never an existing file: a number is put behind a name that is
 * taken; "" or NULL: in anonymous memory). The path may contain %p, %e, %t and %%. On failure falls back
 * to anonymous memory and sets *why (else NULL). False: no memory either, tracing is impossible. */
bool mr_writer_open(const char *path, enum mr_ledger_trace trace, uint64_t sample_interval, const char **why);

/* In a fork child, other threads gone: the child goes on in a ledger of its own, a copy of the parent's sections
 * under its own pid (a file beside the parent's if that was a file). Figures stay: blocks the parent allocated
 * are the child's too; what the parent books while the copy is made may be among them. The addresses do not
 * change. False: no memory for it; nothing may be booked any more. */
bool mr_writer_forked(void);

/* The moment of the end; first caller wins. The file stays. */
void mr_writer_end(enum mr_ledger_end end, int64_t value);

/* Milliseconds since header.start_ms, by the coarse clock. */
uint64_t mr_writer_now_ms(void);

/* The path of the file with everything put in; "" for anonymous memory. */
const char *mr_writer_path(void);

#endif
