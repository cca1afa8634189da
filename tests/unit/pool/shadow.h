/* shadow.h: drives pools beside a map that says, unit by unit, who owns what.
 *
 * Every operation goes to all pools of the shadow (one per layout), whose answers must be equal, and is
 * judged by the map alone: no overlap, alignment, the fit's choice against a search of all free spans.
 * Each function returns NULL or what went wrong. Used by the unit tests and by the fuzzer, so it
 * depends on neither. */
#ifndef TESTS_POOL_SHADOW_H
#define TESTS_POOL_SHADOW_H

#include <stdlib.h>
#include <string.h>

#include "pool.h"

#define SHADOW_WANT(cond, why) \
    do {                       \
        if (!(cond))           \
            return why;        \
    } while (0)

enum shadow_kind { SHADOW_TAKE, SHADOW_GIVE, SHADOW_RESIZE, SHADOW_GROW, SHADOW_TAKE_WHOLE, SHADOW_ASK, SHADOW_KINDS };

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
    unsigned pool_count;
    uint32_t capacity, units, min_units;
    uint32_t *owner; /* per unit: 1 + head of the taken span, 0 while free */
    uint32_t *stamp; /* per unit, while free */
    uint32_t *live;  /* heads of the taken spans */
    uint32_t live_count;
    uint32_t cursor;
    uint32_t every;  /* checks of everything once in so many steps; at 1 also choices against brute force */
    uint32_t steps;
};

static inline void shadow_add(struct shadow *s, enum mr_fit fit, size_t memory, size_t first_node, size_t stride)
{
    unsigned k = s->pool_count++;
    s->memory[k] = malloc(memory);
    memset(s->memory[k], 0xa5, memory);
    mr_pool_init(&s->pools[k], fit, s->memory[k] + first_node, stride, s->min_units, 12345);
}

/* min_units 1: a side table; 2: a side table and, beside it, in band. */
static inline void shadow_init(struct shadow *s, enum mr_fit fit, uint32_t capacity, uint32_t min_units, uint32_t every)
{
    *s = (struct shadow){ .capacity = capacity, .min_units = min_units, .every = every };
    s->owner = calloc(capacity, sizeof *s->owner);
    s->stamp = calloc(capacity, sizeof *s->stamp);
    s->live = calloc(capacity, sizeof *s->live);
    shadow_add(s, fit, (size_t)capacity * 64, 0, 64);
    if (min_units == 2)
        shadow_add(s, fit, (size_t)capacity * 16, 8, 16);
}

static inline void shadow_free(struct shadow *s)
{
    for (unsigned k = 0; k < s->pool_count; k++)
        free(s->memory[k]);
    free(s->owner);
    free(s->stamp);
    free(s->live);
}

/* --- what lies in a taken span belongs to its taker ------------------------------------------- */

static inline unsigned char *shadow_payload(struct shadow *s, uint32_t head, size_t *len)
{
    uint32_t end = head + mr_pool_size(&s->pools[1], head);
    *len = (size_t)(end - head) * 16 - 8 - (end == s->capacity ? 8 : 0);
    return (unsigned char *)s->memory[1] + (size_t)head * 16 + 16;
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

/* --- the free spans as the map has them ----------------------------------------------------------- */

/* Buddies do not merge with all neighbours: there the pool says where a free span ends. */
static inline uint32_t shadow_run_end(const struct shadow *s, uint32_t at)
{
    if (s->pools[0].fit == MR_FIT_BUDDY)
        return at + mr_pool_size(&s->pools[0], at);
    uint32_t end = at + 1;
    while (end < s->units && s->owner[end] == 0 && (s->stamp[end] != 0) == (s->stamp[at] != 0))
        end++;
    return end;
}

static inline uint32_t shadow_next_run(const struct shadow *s, uint32_t at)
{
    while (at < s->units && s->owner[at] != 0)
        at++;
    return at;
}

/* The lowest place in [head, end), tried one by one. */
static inline uint32_t shadow_place(const struct shadow *s, uint32_t head, uint32_t end, const struct shadow_op *op)
{
    bool buddy = s->pools[0].fit == MR_FIT_BUDDY;
    for (uint64_t at = head; at + op->units <= end; at++) {
        bool front = at == head || at - head >= s->min_units;
        if ((at + op->offset) % op->align == 0 && (buddy ? at % op->units == 0 : front))
            return (uint32_t)at;
    }
    return MR_POOL_NONE;
}

/* What a search of everything finds in one grade. */
struct shadow_choice {
    uint32_t at;         /* where the fit must put it */
    uint32_t holding;    /* spans that can hold it */
    uint32_t candidates; /* spans long enough */
    uint32_t smallest;   /* of those that can hold it */
};

/* Whether the fit would rather have the span at `at` than the one at `best`, both able to hold it. */
static inline bool shadow_prefers(const struct shadow *s, uint32_t at, uint32_t best)
{
    uint32_t size = shadow_run_end(s, at) - at, best_size = shadow_run_end(s, best) - best;
    switch (s->pools[0].fit) {
    case MR_FIT_BEST:
        return size < best_size;
    case MR_FIT_NEXT:
        return at >= s->cursor && best < s->cursor;
    default:
        return false;
    }
}

static inline struct shadow_choice shadow_choose(const struct shadow *s, unsigned grade, const struct shadow_op *op)
{
    struct shadow_choice c = { MR_POOL_NONE, 0, 0, UINT32_MAX };
    uint32_t best = MR_POOL_NONE, largest = MR_POOL_NONE, largest_size = 0;
    for (uint32_t at = shadow_next_run(s, 0), end; at < s->units; at = shadow_next_run(s, end)) {
        end = shadow_run_end(s, at);
        if ((s->stamp[at] != 0) != grade || end - at < op->units)
            continue;
        c.candidates++;
        if (end - at > largest_size) {
            largest_size = end - at;
            largest = at;
        }
        if (shadow_place(s, at, end, op) == MR_POOL_NONE)
            continue;
        c.holding++;
        c.smallest = (uint32_t)mr_min(c.smallest, end - at);
        if (best == MR_POOL_NONE || shadow_prefers(s, at, best))
            best = at;
    }
    if (s->pools[0].fit == MR_FIT_WORST && largest != MR_POOL_NONE &&
        shadow_place(s, largest, largest + largest_size, op) != MR_POOL_NONE)
        best = largest;
    if (best != MR_POOL_NONE)
        c.at = shadow_place(s, best, shadow_run_end(s, best), op);
    return c;
}

/* What a search of everything finds, made before the take: buddy's free spans are read from the pool. */
struct shadow_forecast {
    struct shadow_choice grade[2];
    uint32_t largest;
    uint64_t free_units;
    uint32_t sure[2]; /* per grade, the smallest span the segregated fit cannot miss, at least units * 9/8 + 1 long */
};

/* The smallest free span of the grade with at least `units`, or UINT32_MAX. */
static inline uint32_t shadow_smallest(const struct shadow *s, unsigned grade, uint64_t units)
{
    uint32_t smallest = UINT32_MAX;
    for (uint32_t at = shadow_next_run(s, 0), end; at < s->units; at = shadow_next_run(s, end)) {
        end = shadow_run_end(s, at);
        if ((s->stamp[at] != 0) == grade && end - at >= units)
            smallest = (uint32_t)mr_min(smallest, end - at);
    }
    return smallest;
}

static inline struct shadow_forecast shadow_foresee(const struct shadow *s, const struct shadow_op *op)
{
    struct shadow_forecast f = { .largest = mr_pool_largest(&s->pools[0]), .free_units = s->pools[0].free_units };
    if (s->every != 1)
        return f;
    for (unsigned grade = 0; grade < 2; grade++) {
        f.grade[grade] = shadow_choose(s, grade, op);
        f.sure[grade] = shadow_smallest(s, grade, op->units + op->units / 8 + 1);
    }
    return f;
}

/* Buddy: the halves left of a span of n units are n/2, n/4, ... down to the size taken. */
static inline const char *shadow_judge_buddy(const struct shadow *s, uint32_t cut, uint32_t at, uint32_t units)
{
    uint32_t base = at & ~(cut - 1), half = 0;
    for (uint32_t u = base; u < base + cut; u += mr_pool_size(&s->pools[0], u))
        half = (uint32_t)mr_max(half, mr_pool_size(&s->pools[0], u));
    return half == (cut > units ? cut / 2 : units) ? NULL : "buddy did not split the smallest span that holds it";
}

/* Segregated: of a bin, whose sizes differ by an eighth, not above that of the smallest sure one. */
static inline const char *shadow_judge_bin(const struct shadow *s, const struct shadow_forecast *f, unsigned grade, uint32_t at)
{
    uint32_t from = at;
    while (from > 0 && s->owner[from - 1] == 0 && (s->stamp[from - 1] != 0) == grade)
        from--;
    uint64_t size = shadow_run_end(s, from) - from, limit = (uint64_t)f->sure[grade] + f->sure[grade] / 8;
    return size <= limit ? NULL : "a bin of closer sizes was passed over";
}

/* Judges the answer `at` before the map has changed. */
static inline const char *shadow_judge(const struct shadow *s, const struct shadow_op *op, const struct shadow_forecast *f, uint32_t at)
{
    const struct shadow_choice *clean = &f->grade[0], *dirty = &f->grade[1];
    SHADOW_WANT((at == MR_POOL_NONE) == (dirty->holding + clean->holding == 0), "found none though one fits, or the reverse");
    if (at == MR_POOL_NONE)
        return NULL;
    enum mr_fit fit = s->pools[0].fit;
    unsigned grade = s->stamp[at] != 0;
    if (fit == MR_FIT_SEGREGATED && op->align == 1) {
        const char *why = shadow_judge_bin(s, f, grade, at);
        SHADOW_WANT(!why, why);
    }
    /* These look at 8 spans, then take one that is sure to hold it. */
    bool limited = op->align > 1 || fit == MR_FIT_SEGREGATED;
    if (limited && (dirty->candidates > 8 || clean->candidates > 8))
        return NULL;
    SHADOW_WANT(grade == (dirty->holding != 0), "a clean span was taken though a dirty one fits");
    if (fit == MR_FIT_BUDDY)
        return shadow_judge_buddy(s, f->grade[grade].smallest, at, op->units);
    return fit == MR_FIT_SEGREGATED || at == f->grade[grade].at ? NULL : "not the span the fit has to choose";
}

/* --- the map agrees with the pools ------------------------------------------------------------ */

static inline const char *shadow_agree_span(const struct shadow *s, const struct mr_pool *pool, uint32_t head, uint32_t size)
{
    bool is_free = mr_pool_is_free(pool, head);
    for (uint32_t u = head; u < head + size; u++) {
        SHADOW_WANT(s->owner[u] == (is_free ? 0 : head + 1), "a unit belongs to another than the pool says");
        SHADOW_WANT(!is_free || s->stamp[u] == mr_pool_stamp(pool, head), "a free span has another stamp");
    }
    return NULL;
}

static inline const char *shadow_agree(const struct shadow *s)
{
    for (unsigned k = 0; k < s->pool_count; k++) {
        const struct mr_pool *pool = &s->pools[k];
        const char *why = mr_pool_check(pool);
        SHADOW_WANT(!why, why);
        uint32_t live = 0;
        for (uint32_t at = mr_pool_first(pool); at != MR_POOL_NONE; at = mr_pool_next(pool, at)) {
            live += !mr_pool_is_free(pool, at);
            why = shadow_agree_span(s, pool, at, mr_pool_size(pool, at));
            SHADOW_WANT(!why, why);
        }
        SHADOW_WANT(live == s->live_count && pool->units == s->units, "the pool has spans the map does not know");
    }
    return NULL;
}

/* --- the operations ------------------------------------------------------------------------------ */

static inline void shadow_own(struct shadow *s, uint32_t head)
{
    uint32_t size = mr_pool_size(&s->pools[0], head);
    for (uint32_t u = head; u < head + size; u++)
        s->owner[u] = head + 1;
    s->live[s->live_count++] = head;
    shadow_fill(s, head);
}

/* Units [from, to) become free; the run they are then in shares the largest stamp. Buddy: the tails a
 * resize cuts off merge with nothing. */
static inline void shadow_release(struct shadow *s, uint32_t from, uint32_t to, uint32_t stamp)
{
    for (uint32_t u = from; u < to; u++) {
        s->owner[u] = 0;
        s->stamp[u] = stamp;
    }
    if (s->pools[0].fit == MR_FIT_BUDDY)
        return;
    while (from > 0 && s->owner[from - 1] == 0 && (s->stamp[from - 1] != 0) == (stamp != 0))
        from--;
    to = shadow_run_end(s, from);
    uint32_t max = 0;
    for (uint32_t u = from; u < to; u++)
        max = s->stamp[u] > max ? s->stamp[u] : max;
    for (uint32_t u = from; u < to; u++)
        s->stamp[u] = max;
}

static inline const char *shadow_judge_taken(const struct shadow *s, const struct shadow_op *op, uint32_t at, uint32_t stamp)
{
    uint32_t size = mr_pool_size(&s->pools[0], at);
    SHADOW_WANT(at < s->units && size <= s->units - at, "the span lies outside the pool");
    SHADOW_WANT((at + op->offset) % op->align == 0, "the span is not aligned");
    SHADOW_WANT(size >= op->units && size < op->units + s->min_units, "the span has another size than asked for");
    SHADOW_WANT(stamp == s->stamp[at], "the stamp is not that of the span it was cut from");
    for (uint32_t u = at; u < at + size; u++)
        SHADOW_WANT(s->owner[u] == 0 && (s->stamp[u] != 0) == (stamp != 0), "the span overlaps another");
    return NULL;
}

static inline uint32_t shadow_round(const struct shadow *s, uint32_t units)
{
    units = (uint32_t)mr_max(units, s->min_units);
    return s->pools[0].fit == MR_FIT_BUDDY ? 1u << mr_log2_ceil(units) : units;
}

static inline const char *shadow_judge_none(const struct shadow *s, const struct shadow_op *op, const struct shadow_forecast *f)
{
    bool exact = op->align == 1 && s->pools[0].fit != MR_FIT_SEGREGATED;
    SHADOW_WANT(s->pools[0].free_units == f->free_units, "a take that failed changed the pool");
    SHADOW_WANT(!exact || f->largest < op->units, "a take failed though a span is long enough");
    return NULL;
}

static inline const char *shadow_take(struct shadow *s, struct shadow_op op)
{
    uint32_t asked = op.units, at[2], stamp[2] = { 0, 0 };
    op.units = shadow_round(s, asked);
    struct shadow_forecast f = shadow_foresee(s, &op);
    for (unsigned k = 0; k < s->pool_count; k++)
        at[k] = mr_pool_take(&s->pools[k], asked, op.align, op.offset, &stamp[k]);
    SHADOW_WANT(s->pool_count == 1 || (at[0] == at[1] && stamp[0] == stamp[1]), "the layouts disagree on a take");
    const char *why = at[0] == MR_POOL_NONE ? shadow_judge_none(s, &op, &f) : shadow_judge_taken(s, &op, at[0], stamp[0]);
    if (!why && s->every == 1)
        why = shadow_judge(s, &op, &f, at[0]);
    SHADOW_WANT(!why, why);
    if (at[0] != MR_POOL_NONE) {
        s->cursor = at[0];
        shadow_own(s, at[0]);
    }
    return NULL;
}

/* Buddy: what was given or grown may have merged with some of its neighbours, never with taken ones or
 * ones of the other grade; the merged span carries the largest stamp. */
static inline const char *shadow_release_buddy(struct shadow *s, uint32_t from, uint32_t to, uint32_t owner, uint32_t stamp, uint32_t merged)
{
    uint32_t end = merged + mr_pool_size(&s->pools[0], merged), max = stamp;
    SHADOW_WANT(merged <= from && to <= end, "a span is not in what it was merged into");
    for (uint32_t u = merged; u < end; u++) {
        bool was_free = s->owner[u] == 0 && (u < from || u >= to);
        SHADOW_WANT(was_free || s->owner[u] == owner, "a span was merged with a taken one");
        SHADOW_WANT(!was_free || (s->stamp[u] != 0) == (stamp != 0), "spans of different grades were merged");
        max = was_free && s->stamp[u] > max ? s->stamp[u] : max;
    }
    for (uint32_t u = merged; u < end; u++) {
        s->owner[u] = 0;
        s->stamp[u] = max;
    }
    return NULL;
}

static inline const char *shadow_give(struct shadow *s, struct shadow_op op)
{
    if (s->live_count == 0)
        return NULL;
    uint32_t pick = op.which % s->live_count, head = s->live[pick], size = mr_pool_size(&s->pools[0], head);
    const char *why = shadow_filled(s, head);
    SHADOW_WANT(!why, why);
    s->live[pick] = s->live[--s->live_count];
    uint32_t merged[2];
    for (unsigned k = 0; k < s->pool_count; k++)
        merged[k] = mr_pool_give(&s->pools[k], head, op.stamp);
    SHADOW_WANT(s->pool_count == 1 || merged[0] == merged[1], "the layouts disagree on a give");
    if (s->pools[0].fit == MR_FIT_BUDDY)
        return shadow_release_buddy(s, head, head + size, head + 1, op.stamp, merged[0]);
    shadow_release(s, head, head + size, op.stamp);
    uint32_t merged_end = merged[0] + mr_pool_size(&s->pools[0], merged[0]);
    SHADOW_WANT(merged[0] <= head && head + size <= merged_end, "a span is not in what it was merged into");
    return NULL;
}

/* Free units behind `end` that a resize may absorb, at most `limit` spans of them. */
static inline uint32_t shadow_room(const struct shadow *s, uint32_t end, unsigned limit)
{
    uint32_t at = end;
    while (limit-- > 0 && at < s->units && s->owner[at] == 0)
        at = shadow_run_end(s, at);
    return at - end;
}

static inline const char *shadow_judge_resized(const struct shadow *s, uint32_t head, uint32_t old, uint32_t units, bool done, uint32_t room)
{
    uint32_t size = mr_pool_size(&s->pools[0], head);
    bool aligned = s->pools[0].fit != MR_FIT_BUDDY || head % units == 0;
    SHADOW_WANT(done == (units <= old || (aligned && units - old <= room)), "a resize failed with room, or the reverse");
    SHADOW_WANT(done ? size >= units && size < units + s->min_units : size == old, "a resize gave another size");
    return NULL;
}

static inline const char *shadow_resize(struct shadow *s, struct shadow_op op)
{
    if (s->live_count == 0)
        return NULL;
    uint32_t head = s->live[op.which % s->live_count], old = mr_pool_size(&s->pools[0], head), units = shadow_round(s, op.units);
    const char *why = shadow_filled(s, head);
    SHADOW_WANT(!why, why);
    uint32_t room = shadow_room(s, head + old, s->pools[0].fit == MR_FIT_BUDDY ? 64 : 2);
    bool done[2] = { false, false };
    uint32_t stamp[2] = { 0, 0 };
    for (unsigned k = 0; k < s->pool_count; k++)
        done[k] = mr_pool_resize(&s->pools[k], head, op.units, op.stamp, &stamp[k]);
    SHADOW_WANT(s->pool_count == 1 || (done[0] == done[1] && stamp[0] == stamp[1]), "the layouts disagree on a resize");
    why = shadow_judge_resized(s, head, old, units, done[0], room);
    SHADOW_WANT(!why, why);
    uint32_t size = mr_pool_size(&s->pools[0], head), largest = 0;
    for (uint32_t u = head + old; u < head + size; u++) {
        SHADOW_WANT(s->owner[u] == 0, "a resize absorbed what is taken");
        largest = s->stamp[u] > largest ? s->stamp[u] : largest;
        s->owner[u] = head + 1;
    }
    SHADOW_WANT(!done[0] || stamp[0] == largest, "a resize returned another stamp than the largest absorbed");
    if (size < old)
        shadow_release(s, head + size, head + old, op.stamp);
    shadow_fill(s, head);
    return NULL;
}

static inline const char *shadow_grow(struct shadow *s, struct shadow_op op)
{
    uint32_t units = op.units % 97 + s->min_units;
    if (units > s->capacity - s->units)
        return NULL;
    uint32_t old = s->units;
    for (unsigned k = 0; k < s->pool_count; k++)
        mr_pool_grow(&s->pools[k], units, op.stamp);
    s->units += s->pools[0].fit == MR_FIT_BUDDY ? units - units % s->min_units : units;
    if (s->pools[0].fit != MR_FIT_BUDDY) {
        shadow_release(s, old, s->units, op.stamp);
        return NULL;
    }
    for (uint32_t at = 0, size; at < s->units; at += size) {
        size = mr_pool_size(&s->pools[0], at);
        uint32_t from = (uint32_t)mr_max(at, old);
        if (from < at + size) {
            const char *why = shadow_release_buddy(s, from, at + size, 0, op.stamp, at);
            SHADOW_WANT(!why, why);
        }
    }
    return NULL;
}

static inline const char *shadow_take_whole(struct shadow *s, struct shadow_op op)
{
    uint32_t at = shadow_next_run(s, s->units ? op.which % s->units : 0);
    while (at < s->units && at > 0 && s->owner[at - 1] == 0)
        at--; /* back to where a free span begins */
    if (at >= s->units)
        return NULL;
    for (unsigned k = 0; k < s->pool_count; k++)
        mr_pool_take_whole(&s->pools[k], at);
    SHADOW_WANT(mr_pool_size(&s->pools[0], at) >= s->min_units, "a span taken whole is too short");
    shadow_own(s, at);
    return NULL;
}

/* What the pool says about itself, against the map. */
static inline const char *shadow_ask(const struct shadow *s, struct shadow_op op)
{
    uint32_t largest = 0, free_units = 0;
    bool any = false;
    for (uint32_t at = shadow_next_run(s, 0), end; at < s->units; at = shadow_next_run(s, end)) {
        end = shadow_run_end(s, at);
        largest = (uint32_t)mr_max(largest, end - at);
        free_units += end - at;
        any |= s->stamp[at] != 0 && s->stamp[at] <= op.stamp;
    }
    for (unsigned k = 0; k < s->pool_count; k++) {
        const struct mr_pool *pool = &s->pools[k];
        uint32_t found = mr_pool_find_dirty(pool, op.stamp);
        SHADOW_WANT(mr_pool_largest(pool) == largest, "the largest free span is another");
        SHADOW_WANT(pool->free_units == free_units, "free_units is not the sum of the free units");
        SHADOW_WANT((found != MR_POOL_NONE) == any, "find_dirty finds none though there is one, or the reverse");
        SHADOW_WANT(found == MR_POOL_NONE || (s->owner[found] == 0 && s->stamp[found] != 0 && s->stamp[found] <= op.stamp),
                    "find_dirty finds what is not dirty or too young");
    }
    return NULL;
}

static inline const char *shadow_apply(struct shadow *s, const struct shadow_op *op)
{
    const char *why = NULL;
    switch (op->kind) {
    case SHADOW_TAKE: why = shadow_take(s, *op); break;
    case SHADOW_GIVE: why = shadow_give(s, *op); break;
    case SHADOW_RESIZE: why = shadow_resize(s, *op); break;
    case SHADOW_GROW: why = shadow_grow(s, *op); break;
    case SHADOW_TAKE_WHOLE: why = shadow_take_whole(s, *op); break;
    default: why = s->every == 1 || s->steps % 64 == 0 ? shadow_ask(s, *op) : NULL;
    }
    if (!why && ++s->steps % s->every == 0)
        why = shadow_agree(s);
    return why;
}

#endif
