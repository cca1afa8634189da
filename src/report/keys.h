/* keys.h: stacks by what they are called, so that those of two builds or two runs can be compared. CLI only.
 *
 * A key is a kind and the names of the MR_KEYS_FRAMES innermost frames: no address, no line, no path. Marks,
 * which depend on how far a stack could be walked, are passed over, and so are the suffixes and hashes
 * that compilers put behind a name and change with each build. Template arguments stay. */
#ifndef MR_REPORT_KEYS_H
#define MR_REPORT_KEYS_H

#include "report.h"

#define MR_KEYS_FRAMES 16

/* Kinds that chance and optimisation may swap (a stale pointer turns lost into possibly lost) are one. */
enum mr_keys_group { MR_KEYS_LOST, MR_KEYS_REACHABLE, MR_KEYS_IN_USE, MR_KEYS_GROUP_COUNT };
enum mr_keys_group mr_keys_group(enum mr_site_kind kind);

/* The part of the key that names the stack: a line of text, frames separated by ';'. */
void mr_keys_write(struct mr_fmt *out, const struct mr_report_frame *frames, size_t count);

#define MR_KEYS_MOST 16384 /* bytes of a key; longer ones are cut, on both sides alike */

/* The same into memory, zero-terminated; returns its length. */
size_t mr_keys_make(char key[MR_KEYS_MOST], const struct mr_report_frame *frames, size_t count);

#endif
