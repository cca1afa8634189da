/* reader.h: a ledger from outside, while its process runs or when it is gone.
 *
 * Opening reads what is there into memory of its own and checks it: whatever the file holds, hostile or torn,
 * every index, count and string that is handed out afterwards can be used as it is, and nothing that
 * happens to the file later matters. For the CLI: it allocates. */
#ifndef MR_LEDGER_READER_H
#define MR_LEDGER_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "format.h"
#include "sum.h"

struct mr_reader;

/* NULL on failure; `why` then holds one clear line (no newline) that begins with what was asked for. */
struct mr_reader *mr_reader_open(const char *path, char *why, size_t cap);
struct mr_reader *mr_reader_open_fd(int fd, char *why, size_t cap); /* the descriptor stays the caller's */
void mr_reader_close(struct mr_reader *reader);

/* Terminates the strings of a header that was read by other ways: where all of the ledger would be too much. */
void mr_reader_end_texts(struct mr_ledger_header *header);

/* Its strings are terminated, its enums in range. The counts of its sections are those of mr_reader_count. */
const struct mr_ledger_header *mr_reader_header(const struct mr_reader *reader);

/* Entries of a section. Entry 0 of STRINGS, MODULES, FRAMES, SITES stands for none and is not to be listed. */
uint64_t mr_reader_count(const struct mr_reader *reader, enum mr_section_kind kind);

/* A site with what its lanes add. `stack` is a valid index of FRAMES. Where the process holds more at its end than at
 * the moment header.peak_ms, the peak is the end: header.peak_bytes and peak_ms say so, too. */
struct mr_reader_site {
    uint32_t stack, flags;
    struct mr_sum sum;
    uint64_t peak_bytes, peak_blocks;
};
struct mr_reader_site mr_reader_site(const struct mr_reader *reader, uint64_t site); /* all zero if there is none */

/* All of them together, whether there was room for their sites or not. */
struct mr_sum mr_reader_total(const struct mr_reader *reader);

/* `caller` < the index asked for, `module` is valid. Zero for 0 and what does not exist. */
struct mr_ledger_frame mr_reader_frame(const struct mr_reader *reader, uint64_t frame);

/* NULL for 0 and what does not exist. */
const struct mr_ledger_module *mr_reader_module(const struct mr_reader *reader, uint64_t module);

/* Never NULL; "" for 0 and what does not exist. */
const char *mr_reader_string(const struct mr_reader *reader, uint64_t offset);

/* In use at header.history_ms, or NULL: the site came later, or the figures were torn. */
const struct mr_ledger_history *mr_reader_history(const struct mr_reader *reader, uint64_t site);

/* NULL: the site was not judged, or header.check is not MR_LEDGER_CHECKED. */
const struct mr_ledger_verdict *mr_reader_verdict(const struct mr_reader *reader, uint64_t site);

/* mr_reader_count(TIMELINE) moments, ascending. */
const struct mr_ledger_moment *mr_reader_timeline(const struct mr_reader *reader);

/* NULL for what does not exist. Its stacks, strings and count are valid. */
const struct mr_ledger_finding *mr_reader_finding(const struct mr_reader *reader, uint64_t finding);

/* NULL: never written, or torn. Counts in it are within its arrays. */
const struct mr_ledger_stats *mr_reader_stats(const struct mr_reader *reader);

/* Likewise. Its gaps add up without overflow. */
const struct mr_ledger_map *mr_reader_map(const struct mr_reader *reader);

#endif
