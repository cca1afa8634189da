/* lives.h: how many heaps there are, and a thread's ordinary life. */
#ifndef MR_TEST_LIVES_H
#define MR_TEST_LIVES_H

#include "company.h"

static inline uint64_t made(void)
{
    uint64_t live, ever;
    mr_heaps_count(&live, &ever);
    return ever;
}

static inline uint64_t live(void)
{
    uint64_t now, ever;
    mr_heaps_count(&now, &ever);
    return now;
}

/* Returns the first block when it is to keep it. */
static inline void *work_a_little(void *keep)
{
    void *blocks[50];
    for (size_t i = 0; i < 50; i++)
        blocks[i] = mr_heap_malloc(i * i + 1);
    for (size_t i = keep ? 1 : 0; i < 50; i++)
        mr_heap_free(blocks[i]);
    return keep ? blocks[0] : NULL;
}

#endif
