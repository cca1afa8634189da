/* stackhash.h: a number for a call stack that is the same in every run of the same files, wherever they are loaded:
 * frames count by the name of their object and the place in it. */
#ifndef MR_LEDGER_STACKHASH_H
#define MR_LEDGER_STACKHASH_H

#include <stdint.h>
#include <string.h>

/* FNV-1a (G. Fowler, L. C. Noll, P. Vo, 1991), 64 bits. */
#define MR_STACKHASH_BEGIN UINT64_C(0xcbf29ce484222325)

static inline uint64_t mr_stackhash_byte(uint64_t hash, unsigned char byte)
{
    return (hash ^ byte) * UINT64_C(0x100000001b3);
}

/* From the innermost frame to the outermost. `path`: of the object, "" for code that is in none, whose addresses mean
 * nothing in another run. */
static inline uint64_t mr_stackhash_frame(uint64_t hash, const char *path, uint64_t offset)
{
    const char *slash = strrchr(path, '/');
    for (const char *c = slash ? slash + 1 : path; *c; c++)
        hash = mr_stackhash_byte(hash, (unsigned char)*c);
    for (unsigned i = 0; i < 8 && *path; i++)
        hash = mr_stackhash_byte(hash, (unsigned char)(offset >> 8 * i));
    return mr_stackhash_byte(hash, '\n');
}

#endif
