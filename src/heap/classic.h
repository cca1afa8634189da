/* classic.h: every request of the program through one coalescing free list.
 *
 * The pool engine in band: a block's size stands 8 bytes before it, neighbours merge when they are
 * free, and one rule (MEMOIR_STRATEGY) picks the free span. One lock. */
#ifndef MR_HEAP_CLASSIC_H
#define MR_HEAP_CLASSIC_H

#include "heap.h"
#include "os.h"

bool mr_classic_init(enum mr_fit fit);

void *mr_classic_take(size_t size, size_t align, bool *zero);
enum mr_freed mr_classic_free(void *p);
size_t mr_classic_usable(const void *p, enum mr_freed *known);

/* Where the tag of the block in use that starts at p stands (tag.h, as a large block's), and its usable bytes;
 * NULL: no block starts there, or blocks are not watched. */
uint64_t *mr_classic_tag(const void *p, size_t *bytes);

/* Gives the whole OS pages of free spans back to the system. Returns the bytes. */
size_t mr_classic_trim(void);

/* As mr_space_unreserve. */
void mr_classic_unreserve(void);

/* Where it stands, or NULL when it must move. */
void *mr_classic_resize(void *p, size_t size);

/* Fills rows and the byte totals of its part; the caller has the lock or knows why not. */
void mr_classic_look(struct mr_heap_stats *stats);
size_t mr_classic_resident(void);
bool mr_classic_walk(mr_heap_each *each, void *ctx);
const char *mr_classic_check(void);

/* Every span of region k, by address. */
typedef void mr_classic_each(void *ctx, uintptr_t address, size_t bytes, bool is_free);
void mr_classic_spans(uint32_t k, mr_classic_each *each, void *ctx);

/* Where region k lies, the OS page in front of it included; false: there are no more. */
bool mr_classic_region(uint32_t k, uintptr_t *from, uintptr_t *to);

/* Held by take, free, usable, resize and check. */
extern struct mr_lock mr_classic_lock;

#endif
