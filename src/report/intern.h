/* intern.h: small numbers for byte strings, and arrays that grow. CLI only.
 *
 * A command that has no memory left for its report has nothing else to do: both end the process with
 * one line then. */
#ifndef MR_REPORT_INTERN_H
#define MR_REPORT_INTERN_H

#include "base.h"

/* Ids count from 0 in the order of first sight. All zero is an empty table.
 *   slots: open addressing, id + 1, 0 is empty; a power of two; at most half of them taken */
struct mr_intern {
    struct mr_intern_entry { uint64_t hash; size_t at, len; } *entries;
    char *bytes;      /* of all keys, each followed by a zero */
    uint32_t *slots;
    size_t count, entry_cap, byte_count, byte_cap, slot_count;
};

uint32_t mr_intern_id(struct mr_intern *table, const void *key, size_t len);

/* The id of a key that is there, else -1. */
int64_t mr_intern_find(const struct mr_intern *table, const void *key, size_t len);

/* True when the key is new; it is there afterwards. */
bool mr_intern_add(struct mr_intern *table, const void *key, size_t len);

/* The key, zero-terminated, until the next one is added. */
const char *mr_intern_key(const struct mr_intern *table, uint32_t id);

void mr_intern_free(struct mr_intern *table);

/* 64 bits of FNV-1a (Fowler, Noll, Vo): the same for the same bytes in every run and version. */
uint64_t mr_intern_hash(const void *key, size_t len);

/* The array with room for `need` elements, moved if need be; what is new in it is zero. */
void *mr_intern_grow(void *array, size_t *cap, size_t need, size_t element);

#endif
