/* slab_look.c: statistics, the walk and the check. */
#include "slab_inside.h"

void memoir_slab_stats(struct memoir_slab *slab, struct memoir_slab_stats *stats)
{
    struct mr_slab *s = mr_slab_whole(slab);
    mr_slab_lock(s);
    uint64_t taken = s->taken_before, at_hand = 0;
    for (struct memoir_slab_magazine *m = NULL; (m = mr_slab_next_magazine(s, m));) {
        taken += MR_PEEK(m->word) >> 16;
        at_hand += mr_slab_rounds(m);
    }
    *stats = (struct memoir_slab_stats){
        .allocs = taken, .in_use = s->out - at_hand, .frees = taken - (s->out - at_hand), .peak = s->peak,
        .failures = s->failures, .slabs = s->live, .empty_slabs = s->empty,
        
        .bytes = (uint64_t)s->live << s->slab_shift, .limit = (uint64_t)s->slabs * s->per_slab,
            .object_bytes = s->stride,
    };
    mr_slab_unlock(s);
}

void memoir_slab_reset_stats(struct memoir_slab *slab)
{
    struct mr_slab *s = mr_slab_whole(slab);
    mr_slab_lock(s);
    s->peak = s->out;
    s->failures = 0;
    mr_slab_unlock(s);
}

/* ---- the walk --------------------------------------------------------------------------------------- */

static bool walk_slab(const struct mr_slab *s, uint32_t k, memoir_slab_visit *visit, void *ctx)
{
    for (uint32_t i = 0; i < s->per_slab; i++)
        if (mr_slab_is_out(s, k, i) && !visit(ctx, mr_slab_object(s, k, i)))
            return false;
    return true;
}

/* With the magazines empty, what is out of the slabs is in use. What a visitor frees is behind the walk, which
 * therefore meets nothing that is in a magazine. */
bool memoir_slab_walk(struct memoir_slab *slab, memoir_slab_visit *visit, void *ctx)
{
    struct mr_slab *s = mr_slab_whole(slab);
    bool whole_way = true;
    mr_slab_lock(s);
    mr_slab_depot_drain_all(s);
    for (uint32_t k = 0; k < s->fresh && whole_way; k++)
        whole_way = walk_slab(s, k, visit, ctx);
    mr_slab_unlock(s);
    return whole_way;
}

/* ---- the check -------------------------------------------------------------------------------------- */

static const char *check_slab(const struct mr_slab *s, uint32_t k, uint64_t *in_use, const void **where)
{
    uint32_t free = 0;
    for (uint32_t w = 0; w < s->words; w++)
        free += (uint32_t)__builtin_popcountl(mr_slab_bits(s, k)[w]);
    if (free != s->descriptors[k].free || (!s->descriptors[k].carved && free != 0))
        return "a slab's count of free objects is not that of its bitmap";
    for (uint32_t i = 0; mr_slab_has(s, MEMOIR_SLAB_CHECKED) && i < s->per_slab; i++)
        if (MR_PEEK(s->in_use[mr_slab_slot(s, k, i)])) {
            *where = mr_slab_object(s, k, i);
            if (!mr_slab_is_out(s, k, i))
                return "an object is in use and free at once";
            ++*in_use;
        }
    *where = NULL;
    return NULL;
}

static const char *check_list(const struct mr_slab *s, uint64_t *free)
{
    uint32_t slabs = 0, empty = 0, before = MR_SLAB_NONE;
    for (uint32_t k = s->partial; k != MR_SLAB_NONE; before = k, k = s->descriptors[k].next) {
        if (k >= s->fresh || slabs++ > s->fresh || s->descriptors[k].prev != before || s->descriptors[k].free == 0)
            return "the list of slabs with free objects is broken";
        empty += s->descriptors[k].free == s->per_slab;
        *free += s->descriptors[k].free;
    }
    return before != s->last_partial || empty != s->empty ? "the list of slabs with free objects is broken" : NULL;
}

static const char *check_magazine(const struct mr_slab *s, const struct memoir_slab_magazine *m, const void **where)
{
    for (unsigned n = 0; n < mr_slab_rounds(m); n++) {
        struct mr_slab_place at;
        *where = m->rounds[n];
        if (!mr_slab_find(s, *where, &at))
            return "what is at hand is no object";
        if (!mr_slab_is_out(s, (uint32_t)at.k, (uint32_t)at.i) ||
            (mr_slab_has(s, MEMOIR_SLAB_CHECKED) && MR_PEEK(s->in_use[mr_slab_slot(s, at.k, at.i)])))
            return "an object is in two places at once";
    }
    *where = NULL;
    return NULL;
}

static const char *check_magazines(struct mr_slab *s, uint64_t *at_hand, const void **where)
{
    const char *why = NULL;
    for (struct memoir_slab_magazine *m = NULL; !why && (m = mr_slab_next_magazine(s, m));) {
        why = check_magazine(s, m, where);
        *at_hand += mr_slab_rounds(m);
    }
    return why;
}

static const char *check(struct mr_slab *s, const void **where)
{
    const char *why = NULL;
    uint64_t free = 0, sum = 0, in_use = 0, at_hand = 0;
    *where = NULL;
    for (uint32_t k = 0; k < s->fresh && !why; k++) {
        why = check_slab(s, k, &in_use, where);
        sum += s->descriptors[k].free;
    }
    why = why ? why : check_list(s, &free);
    why = why ? why : check_magazines(s, &at_hand, where);
    bool counted = !mr_slab_has(s, MEMOIR_SLAB_CHECKED) || s->out == in_use + at_hand;
    if (!why && (free != sum || s->out != (uint64_t)s->live * s->per_slab - free || !counted))
        why = "the count of objects out of the slabs is not what is missing in them";
    return why;
}

const char *memoir_slab_check(struct memoir_slab *slab, const void **where)
{
    struct mr_slab *s = mr_slab_whole(slab);
    const void *at;
    mr_slab_lock(s);
    const char *why = check(s, &at);
    mr_slab_unlock(s);
    if (where)
        *where = at;
    return why;
}
