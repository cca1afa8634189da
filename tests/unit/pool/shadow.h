/* shadow.h: drives pools beside a map that says, unit by unit, who owns what.
 *
 * Every operation goes to all pools of the shadow (one per layout), whose answers must be equal, and is
 * judged by the map alone: no overlap, alignment, the fit's choice against a search of all free spans.
 * Each function returns NULL or what went wrong. Used by the unit tests and by the fuzzer, so it
 * depends on neither. */
#ifndef TESTS_POOL_SHADOW_H
#define TESTS_POOL_SHADOW_H

#include "shadow_judge.h"

/* --- the map agrees with the pools ------------------------------------------------------------ */

static inline const char *shadow_agree_span(const struct shadow *s, const struct mr_pool *pool, uint32_t head,
                                            uint32_t size)
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
        SHADOW_WANT(live == s->live_count && pool->units == s->units,
                    "the pool has spans the map does not know");
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

static inline const char *shadow_judge_taken(const struct shadow *s, const struct shadow_op *op, uint32_t at,
                                             uint32_t stamp)
{
    uint32_t size = mr_pool_size(&s->pools[0], at);
    SHADOW_WANT(at < s->units && size <= s->units - at, "the span lies outside the pool");
    SHADOW_WANT((at + op->offset) % op->align == 0, "the span is not aligned");
    SHADOW_WANT(size >= op->units && size < op->units + s->min_units,
                "the span has another size than asked for");
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

static inline const char *shadow_judge_none(const struct shadow *s, const struct shadow_op *op,
                                            const struct shadow_forecast *f)
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
    SHADOW_WANT(s->pool_count == 1 || (at[0] == at[1] && stamp[0] == stamp[1]),
                "the layouts disagree on a take");
    const char *why = at[0] == MR_POOL_NONE ? shadow_judge_none(s, &op, &f)
                                            : shadow_judge_taken(s, &op, at[0], stamp[0]);
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
static inline const char *shadow_release_buddy(struct shadow *s, uint32_t from, uint32_t to, uint32_t owner,
                                               uint32_t stamp, uint32_t merged)
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

static inline const char *shadow_judge_resized(const struct shadow *s, uint32_t head, uint32_t old,
                                               uint32_t units, bool done, uint32_t room)
{
    uint32_t size = mr_pool_size(&s->pools[0], head);
    bool aligned = s->pools[0].fit != MR_FIT_BUDDY || head % units == 0;
    SHADOW_WANT(done == (units <= old || (aligned && units - old <= room)),
                "a resize failed with room, or the reverse");
    SHADOW_WANT(done ? size >= units && size < units + s->min_units : size == old,
                "a resize gave another size");
    return NULL;
}

static inline const char *shadow_resize(struct shadow *s, struct shadow_op op)
{
    if (s->live_count == 0)
        return NULL;
    uint32_t head = s->live[op.which % s->live_count], units = shadow_round(s, op.units);
    uint32_t old = mr_pool_size(&s->pools[0], head);
    const char *why = shadow_filled(s, head);
    SHADOW_WANT(!why, why);
    uint32_t room = shadow_room(s, head + old, s->pools[0].fit == MR_FIT_BUDDY ? 64 : 2);
    bool done[2] = { false, false };
    uint32_t stamp[2] = { 0, 0 };
    for (unsigned k = 0; k < s->pool_count; k++)
        done[k] = mr_pool_resize(&s->pools[k], head, op.units, op.stamp, &stamp[k]);
    SHADOW_WANT(s->pool_count == 1 || (done[0] == done[1] && stamp[0] == stamp[1]),
                "the layouts disagree on a resize");
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
        SHADOW_WANT((found != MR_POOL_NONE) == any,
                    "find_dirty finds none though there is one, or the reverse");
        SHADOW_WANT(found == MR_POOL_NONE || (s->owner[found] == 0 && s->stamp[found] != 0 &&
                                              s->stamp[found] <= op.stamp),
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
