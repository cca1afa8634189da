/* shadow_map.h: the pools of a shadow and the map beside them; see shadow.h. */
#ifndef TESTS_POOL_SHADOW_MAP_H
#define TESTS_POOL_SHADOW_MAP_H

#include <stdlib.h>
#include <string.h>

#include "pool.h"

#define SHADOW_WANT(cond, why) \
    do {                       \
        if (!(cond))           \
            return why;        \
    } while (0)

enum shadow_kind { SHADOW_TAKE, SHADOW_GIVE, SHADOW_RESIZE, SHADOW_GROW, SHADOW_TAKE_WHOLE, SHADOW_ASK,
                  SHADOW_KINDS };

struct shadow_op {
    enum shadow_kind kind;
    uint32_t units;
    uint32_t align, offset;
    uint32_t which; /* picks among the live or the free spans */
    uint32_t stamp;
};

struct shadow {
    struct mr_pool pools[2];
    char *memory[2];
    void *table[2]; /* the fit's, beside the pool */
    unsigned pool_count;
    uint32_t capacity, units, min_units;
    uint32_t unit; /* bytes, in band */
    uint32_t *owner; /* per unit: 1 + head of the taken span, 0 while free */
    uint32_t *stamp; /* per unit, while free */
    uint32_t *live;  /* heads of the taken spans */
    uint32_t live_count;
    uint32_t cursor;
    uint32_t every;  /* checks of everything once in so many steps; at 1 also choices against brute force */
    uint32_t steps;
};

static inline void shadow_add(struct shadow *s, enum mr_fit fit, size_t memory, size_t first_node,
                              size_t stride)
{
    unsigned k = s->pool_count++;
    s->memory[k] = malloc(memory);
    memset(s->memory[k], 0xa5, memory);
    s->table[k] = calloc(1, mr_pool_table_bytes(fit, s->capacity, s->capacity, 2) + 1);
    mr_pool_init(&s->pools[k], fit, s->memory[k] + first_node, stride, s->min_units, 12345);
    mr_pool_set_table(&s->pools[k], s->table[k], s->capacity);
}

/* min_units 1: a side table; 2: a side table and, beside it, in band with units of 16 bytes; more: of 8. */
static inline void shadow_init(struct shadow *s, enum mr_fit fit, uint32_t capacity, uint32_t min_units,
                               uint32_t every)
{
    *s = (struct shadow){ .capacity = capacity, .min_units = min_units, .every = every };
    s->owner = calloc(capacity, sizeof *s->owner);
    s->stamp = calloc(capacity, sizeof *s->stamp);
    s->live = calloc(capacity, sizeof *s->live);
    shadow_add(s, fit, (size_t)capacity * 64, 0, 64);
    s->unit = min_units == 2 ? 16 : 8;
    if (min_units >= 2)
        shadow_add(s, fit, (size_t)capacity * s->unit, s->unit - 8, s->unit);
}

static inline void shadow_free(struct shadow *s)
{
    for (unsigned k = 0; k < s->pool_count; k++) {
        free(s->memory[k]);
        free(s->table[k]);
    }
    free(s->owner);
    free(s->stamp);
    free(s->live);
}

/* --- what lies in a taken span belongs to its taker ------------------------------------------- */

static inline unsigned char *shadow_payload(struct shadow *s, uint32_t head, size_t *len)
{
    uint32_t end = head + mr_pool_size(&s->pools[1], head);
    *len = (size_t)(end - head) * s->unit - 8 - (end == s->capacity ? s->unit - 8 : 0);
    return (unsigned char *)s->memory[1] + (size_t)head * s->unit + s->unit;
}

static inline void shadow_fill(struct shadow *s, uint32_t head)
{
    size_t len;
    if (s->pool_count == 2) {
        unsigned char *p = shadow_payload(s, head, &len);
        memset(p, (unsigned char)(head * 31 + 7), len);
    }
}

static inline const char *shadow_filled(struct shadow *s, uint32_t head)
{
    size_t len;
    if (s->pool_count < 2)
        return NULL;
    const unsigned char *p = shadow_payload(s, head, &len);
    for (size_t i = 0; i < len; i++)
        SHADOW_WANT(p[i] == (unsigned char)(head * 31 + 7), "the engine wrote into a taken span");
    return NULL;
}

#endif
