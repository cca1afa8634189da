/* facts.h: what the heap says of itself, and blocks that remember who filled them. */
#ifndef MR_TEST_FACTS_H
#define MR_TEST_FACTS_H

#include "../os/child.h"
#include "../os/memory.h"

#include "conf.h"
#include "heap.h"
#include "space.h"

static inline const struct mr_heap_stats *look(void)
{
    static struct mr_heap_stats stats;
    mr_heap_look(&stats, false, 1000);
    return &stats;
}

/* Every invariant of the whole heap; other threads are quiet. */
#define EXPECT_SOUND()                                     \
    do {                                                   \
        const char *wrong_ = mr_heap_check();              \
        cr_expect_null(wrong_, "%s", wrong_ ? wrong_ : ""); \
    } while (0)

static inline void expect_in_use(uint64_t blocks, uint64_t bytes)
{
    const struct mr_totals *t = &look()->totals;
    cr_expect_eq(t->in_use_blocks, blocks, "%lu blocks in use, not %lu", t->in_use_blocks, blocks);
    cr_expect_eq(t->in_use_bytes, bytes, "%lu bytes in use, not %lu", t->in_use_bytes, bytes);
}

/* The head of the slab or large block that p lies in. */
static inline struct mr_slab *head_of(const void *p)
{
    struct mr_slab *slice = mr_lookup_slice(p);
    return slice ? mr_lookup_head(slice) : NULL;
}

/* A span that was a slab or a large block and is neither any more: it is free, or a heap keeps it at hand. */
static inline bool is_gone(const struct mr_slab *head)
{
    enum mr_kind kind = mr_slab_kind(head);
    return kind != MR_KIND_SLAB && kind != MR_KIND_LARGE && kind != MR_KIND_INTERIOR;
}

/* The same sequence each time. */
static inline uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

/* Mostly small, some large. */
static inline size_t random_size(uint64_t *state)
{
    uint32_t kind = next_random(state) % 64;
    size_t most = kind == 0 ? 400000 : kind < 4 ? 60000 : kind < 16 ? 3000 : 300;
    return 1 + next_random(state) % most;
}

#endif
