/* direct.h: the malloc family for stress.c when it is linked with libmemoir.a: memoir's heap below
 * names the sanitizers leave alone, so ASan and TSan watch its insides. */
#ifndef MR_STRESS_DIRECT_H
#define MR_STRESS_DIRECT_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "heap.h"

static inline void *direct_malloc(size_t size)
{
    void *p = mr_heap_try_malloc(size);
    return p ? p : mr_heap_malloc(size);
}

static inline void direct_free(void *p)
{
    if (mr_heap_try_free(p) || mr_heap_free(p) == MR_FREED)
        return;
    dprintf(2, "stress: %p, a block in use, is not known to free\n", p);
    _exit(1);
}

static inline void *direct_realloc(void *p, size_t size)
{
    enum mr_freed known;
    if (!p)
        return direct_malloc(size);
    void *moved = mr_heap_realloc(p, size, &known);
    if (known == MR_FREED)
        return moved;
    dprintf(2, "stress: %p, a block in use, is not known to realloc\n", p);
    _exit(1);
}

static inline void *direct_calloc(size_t n, size_t size)
{
    return mr_heap_calloc(n * size);
}

static inline size_t direct_usable(void *p)
{
    return mr_heap_usable(p, NULL);
}

#define malloc direct_malloc
#define free direct_free
#define realloc direct_realloc
#define calloc direct_calloc
#define aligned_alloc mr_heap_aligned
#define malloc_usable_size direct_usable

#endif
