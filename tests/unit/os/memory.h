/* memory.h: what a range of memory is, asked of the system rather than by touching it. */
#ifndef MR_TEST_MEMORY_H
#define MR_TEST_MEMORY_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base.h"

/* The system reads the byte for us: EFAULT instead of SIGSEGV. */
static inline bool is_readable(const void *p)
{
    int ends[2];
    if (pipe(ends) != 0)
        return false;
    bool readable = write(ends[1], p, 1) == 1;
    close(ends[0]);
    close(ends[1]);
    return readable;
}

static inline bool is_zero(const void *p, size_t bytes)
{
    const unsigned char *c = p;
    return bytes == 0 || (c[0] == 0 && memcmp(c, c + 1, bytes - 1) == 0);
}

/* How many mappings of the process overlap [at, at + bytes). */
static inline int mappings_in(const void *at, size_t bytes)
{
    char line[512];
    int count = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof line, maps)) {
        unsigned long from, to;
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2 && from < (uintptr_t)at + bytes && to > (uintptr_t)at)
            count++;
    }
    if (maps)
        fclose(maps);
    return count;
}

/* Bytes that depend on where they are counted from, so that a shifted copy is noticed. */
static inline void fill_pattern(void *p, size_t bytes, unsigned seed)
{
    unsigned char *c = p;
    for (size_t i = 0; i < bytes; i++)
        c[i] = (unsigned char)((i * 31 + (i >> 12) + seed) | 1);
}

static inline bool has_pattern(const void *p, size_t bytes, unsigned seed)
{
    const unsigned char *c = p;
    for (size_t i = 0; i < bytes; i++)
        if (c[i] != (unsigned char)((i * 31 + (i >> 12) + seed) | 1))
            return false;
    return true;
}

#endif
