#include "intern.h"

#include <stdlib.h>
#include <string.h>

void *mr_intern_grow(void *array, size_t *cap, size_t need, size_t element)
{
    if (need <= *cap)
        return array;
    size_t grown = mr_max(need, mr_max(16, *cap * 2));
    array = realloc(array, grown * element);
    MR_REQUIRE(array, "out of memory while making a report");
    memset((char *)array + *cap * element, 0, (grown - *cap) * element);
    *cap = grown;
    return array;
}

uint64_t mr_intern_hash(const void *key, size_t len)
{
    const unsigned char *p = key;
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ p[i]) * 0x100000001b3u;
    return hash;
}

/* The slot that holds the key, or the empty one where it belongs. */
static uint32_t *find_slot(const struct mr_intern *table, uint64_t hash, const void *key, size_t len)
{
    size_t mask = table->slot_count - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        uint32_t *slot = &table->slots[i];
        if (*slot == 0)
            return slot;
        const struct mr_intern_entry *entry = &table->entries[*slot - 1];
        if (entry->hash == hash && entry->len == len && memcmp(table->bytes + entry->at, key, len) == 0)
            return slot;
    }
}

static void rehash(struct mr_intern *table)
{
    free(table->slots);
    table->slots = NULL;
    size_t none = 0, wanted = mr_max(64, table->slot_count * 2);
    table->slots = mr_intern_grow(table->slots, &none, wanted, sizeof *table->slots);
    table->slot_count = wanted;
    for (size_t i = 0; i < table->count; i++) {
        const struct mr_intern_entry *entry = &table->entries[i];
        *find_slot(table, entry->hash, table->bytes + entry->at, entry->len) = (uint32_t)(i + 1);
    }
}

static void append(struct mr_intern *table, uint64_t hash, const void *key, size_t len)
{
    table->entries = mr_intern_grow(table->entries, &table->entry_cap, table->count + 1, sizeof *table->entries);
    table->bytes = mr_intern_grow(table->bytes, &table->byte_cap, table->byte_count + len + 1, 1);
    table->entries[table->count++] = (struct mr_intern_entry){ hash, table->byte_count, len };
    if (len)
        memcpy(table->bytes + table->byte_count, key, len);
    table->byte_count += len;
    table->bytes[table->byte_count++] = '\0';
}

uint32_t mr_intern_id(struct mr_intern *table, const void *key, size_t len)
{
    uint64_t hash = mr_intern_hash(key, len);
    if (2 * (table->count + 1) > table->slot_count)
        rehash(table);
    uint32_t *slot = find_slot(table, hash, key, len);
    if (*slot == 0) {
        append(table, hash, key, len);
        *slot = (uint32_t)table->count;
    }
    return *slot - 1;
}

int64_t mr_intern_find(const struct mr_intern *table, const void *key, size_t len)
{
    return table->slot_count ? (int64_t)*find_slot(table, mr_intern_hash(key, len), key, len) - 1 : -1;
}

bool mr_intern_add(struct mr_intern *table, const void *key, size_t len)
{
    size_t before = table->count;
    mr_intern_id(table, key, len);
    return table->count > before;
}

const char *mr_intern_key(const struct mr_intern *table, uint32_t id)
{
    return table->bytes + table->entries[id].at;
}

void mr_intern_free(struct mr_intern *table)
{
    free(table->entries);
    free(table->bytes);
    free(table->slots);
    *table = (struct mr_intern){ 0 };
}
