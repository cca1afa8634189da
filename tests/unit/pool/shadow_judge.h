/* shadow_judge.h: which span a fit had to choose, by a search of all that are free; see shadow.h. */
#ifndef TESTS_POOL_SHADOW_JUDGE_H
#define TESTS_POOL_SHADOW_JUDGE_H

#include "shadow_map.h"

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
static inline uint32_t shadow_place(const struct shadow *s, uint32_t head, uint32_t end,
                                    const struct shadow_op *op)
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

static inline struct shadow_choice shadow_choose(const struct shadow *s, unsigned grade,
                                                 const struct shadow_op *op)
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
    uint32_t sure[2]; /* per grade, the smallest span the segregated fit cannot miss,
        at least units * 9/8 + 1 long */
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
    struct shadow_forecast f = { .largest = mr_pool_largest(&s->pools[0]),
                                .free_units = s->pools[0].free_units };
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
    return half == (cut > units ? cut / 2 : units) ? NULL
        : "buddy did not split the smallest span that holds it";
}

/* Segregated: of a bin, whose sizes differ by an eighth, not above that of the smallest sure one. */
static inline const char *shadow_judge_bin(const struct shadow *s, const struct shadow_forecast *f,
                                           unsigned grade, uint32_t at)
{
    uint32_t from = at;
    while (from > 0 && s->owner[from - 1] == 0 && (s->stamp[from - 1] != 0) == grade)
        from--;
    uint64_t size = shadow_run_end(s, from) - from, limit = (uint64_t)f->sure[grade] + f->sure[grade] / 8;
    return size <= limit ? NULL : "a bin of closer sizes was passed over";
}

/* Best: any of the smallest spans that hold it, at the lowest place there. */
static inline const char *shadow_judge_best(const struct shadow *s, const struct shadow_op *op, uint32_t smallest,
                                            uint32_t at)
{
    uint32_t from = at;
    while (from > 0 && s->owner[from - 1] == 0 && (s->stamp[from - 1] != 0) == (s->stamp[at] != 0))
        from--;
    uint32_t end = shadow_run_end(s, from);
    SHADOW_WANT(end - from == smallest, "not one of the smallest spans that hold it");
    return shadow_place(s, from, end, op) == at ? NULL : "not the lowest place in its span";
}

/* Judges the answer `at` before the map has changed. */
static inline const char *shadow_judge(const struct shadow *s, const struct shadow_op *op,
                                       const struct shadow_forecast *f, uint32_t at)
{
    const struct shadow_choice *clean = &f->grade[0], *dirty = &f->grade[1];
    SHADOW_WANT((at == MR_POOL_NONE) == (dirty->holding + clean->holding == 0),
                "found none though one fits, or the reverse");
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
    if (fit == MR_FIT_BEST)
        return shadow_judge_best(s, op, f->grade[grade].smallest, at);
    return fit == MR_FIT_SEGREGATED || at == f->grade[grade].at ? NULL : "not the span the fit has to choose";
}

#endif
