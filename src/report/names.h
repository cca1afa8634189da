/* names.h: the stacks of a ledger as frames with names. CLI only.
 *
 * Names are looked up when a stack is asked for, once per place: most stacks of a long run are never shown. */
#ifndef MR_REPORT_NAMES_H
#define MR_REPORT_NAMES_H

#include "report.h"
#include "symbol.h"

struct mr_names;

/* `symbols` gives answers that last as long as it does (mr_symbol_remember); NULL: no names. */
struct mr_names *mr_names_new(const struct mr_reader *ledger, struct mr_symbol_source *symbols);
void mr_names_free(struct mr_names *names);

/* A later look at the same ledger takes the place of the one before, which need not live on: what was appended is known
 * from here on. False without memory: the names can then only be freed. */
bool mr_names_follow(struct mr_names *names, const struct mr_reader *ledger);

/* The frames of a stack, innermost first, without those of memoir itself. Returns how many it filled. */
size_t mr_names_stack(struct mr_names *names, uint32_t stack, struct mr_report_frame *frames, size_t cap);

/* Equal for stacks that read the same: by names, or (cheaper) by modules and offsets. */
uint64_t mr_names_key(struct mr_names *names, uint32_t stack, bool by_name);

/* The names of all stacks that are wanted, looked up at once, file by file in the order of addresses: so a source need
 * not hold all it has read. Others can be asked for all the same. `progress` may be NULL. */
void mr_names_want(struct mr_names *names, uint32_t stack);
void mr_names_look_up(struct mr_names *names, void (*progress)(void *ctx, size_t done, size_t all), void *ctx);

/* A sentence per module whose file is gone or another by now, of those that were asked for. */
size_t mr_names_notes(struct mr_names *names, const char *const **notes);

#endif
