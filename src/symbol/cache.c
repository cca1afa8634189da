#include "symbol.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

/* One place that was asked for. A module is known by the address of its path: who asks keeps one path
 * string per module. */
struct known {
    const char *module;
    uint64_t offset;
    struct mr_symbol_answer answer;
    struct mr_symbol_frame frames[];
};

struct cache {
    struct mr_symbol_source source;
    struct mr_symbol_source *behind;
    void *known; /* tree */
};

static int by_place(const void *a, const void *b)
{
    const struct known *x = a, *y = b;
    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return ((uintptr_t)x->module > (uintptr_t)y->module) - ((uintptr_t)x->module < (uintptr_t)y->module);
}

static struct known *remember(const struct known *key, const struct mr_symbol_answer *answer)
{
    size_t bytes = answer->count * sizeof *answer->frames;
    struct known *known = malloc(sizeof *known + bytes);
    if (!known)
        return NULL;
    *known = *key;
    known->answer = (struct mr_symbol_answer){ known->frames, answer->count, answer->state };
    if (bytes)
        memcpy(known->frames, answer->frames, bytes);
    return known;
}

static void find(struct mr_symbol_source *source, const struct mr_symbol_place *place, struct mr_symbol_answer *answer)
{
    struct cache *cache = (struct cache *)source;
    struct known key = { .module = place->module, .offset = place->offset };
    struct known **slot = tsearch(&key, &cache->known, by_place);
    if (slot && *slot != &key) {
        *answer = (*slot)->answer;
        return;
    }
    cache->behind->find(cache->behind, place, answer);
    struct known *known = slot ? remember(&key, answer) : NULL;
    if (known)
        *slot = known;
    else if (slot)
        tdelete(&key, &cache->known, by_place);
}

static void shut(struct mr_symbol_source *source)
{
    struct cache *cache = (struct cache *)source;
    tdestroy(cache->known, free);
    if (cache->behind->close)
        cache->behind->close(cache->behind);
    free(cache);
}

struct mr_symbol_source *mr_symbol_remember(struct mr_symbol_source *behind)
{
    struct cache *cache = behind ? malloc(sizeof *cache) : NULL;
    if (!cache)
        return NULL;
    *cache = (struct cache){ { find, shut }, behind, NULL };
    return &cache->source;
}
