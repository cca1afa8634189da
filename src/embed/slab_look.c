/* slab_look.c: statistics, the walk and the check. */
#include "slab_inside.h"

static struct mr_slab *whole(struct memoir_slab *slab) { return (struct mr_slab *)(void *)slab; }

void memoir_slab_stats(struct memoir_slab *slab, struct memoir_slab_stats *stats)
{
    struct mr_slab *s = whole(slab);
    mr_slab_lock(s);
    uint64_t taken = s->taken_before, at_hand = 0;
    for (struct memoir_slab_magazine *m = NULL; (m = mr_slab_next_magazine(s, m));) {
        taken += MR_PEEK(m->word) >> 16;
        at_hand += mr_slab_rounds(m);
    }
    *stats = (struct memoir_slab_stats){
        .allocs = taken, .in_use = s->out - at_hand, .frees = taken - (s->out - at_hand), .peak = s->peak,
        .failures = s->failures, .slabs = s->live, .empty_slabs = s->empty,
        .bytes = s->live * s->face.slab_bytes, .limit = s->face.slabs * s->per_slab, .object_bytes = s->stride,
    };
    mr_slab_unlock(s);
}

void memoir_slab_reset_stats(struct memoir_slab *slab)
{
    struct mr_slab *s = whole(slab);
    mr_slab_lock(s);
    s->peak = s->out;
    s->failures = 0;
    mr_slab_unlock(s);
}

/* ---- the walk --------------------------------------------------------------------------------------------- */

static bool is_in_use(const struct mr_slab *s, uint32_t k, uint32_t i)
{
    return (mr_slab_bits(s, k)[i / 64] >> i % 64 & 1) == 0 && !mr_slab_is_free(s, mr_slab_object(s, k, i));
}

static bool walk_slab(const struct mr_slab *s, uint32_t k, memoir_slab_visit *visit, void *ctx)
{
    for (uint32_t i = 0; i < s->per_slab && s->carved[k]; i++)
        if (is_in_use(s, k, i) && !visit(ctx, mr_slab_object(s, k, i)))
            return false;
    return true;
}

/* What is free shows by its key, in a magazine too: so a visitor may free, which changes nothing that is still to
 * come. */
bool memoir_slab_walk(struct memoir_slab *slab, memoir_slab_visit *visit, void *ctx)
{
    struct mr_slab *s = whole(slab);
    bool whole_way = true;
    mr_slab_lock(s);
    for (uint32_t k = 0; k < s->fresh && whole_way; k++)
        whole_way = walk_slab(s, k, visit, ctx);
    mr_slab_unlock(s);
    return whole_way;
}

/* ---- the check ---------------------------------------------------------------------------------------------- */

static const void *first_without_key(const struct mr_slab *s, uint32_t k)
{
    for (uint32_t i = 0; i < s->per_slab; i++)
        if (mr_slab_bits(s, k)[i / 64] >> i % 64 & 1 && !mr_slab_is_free(s, mr_slab_object(s, k, i)))
            return mr_slab_object(s, k, i);
    return NULL;
}

static const char *check_slab(const struct mr_slab *s, uint32_t k, const void **where)
{
    uint32_t free = 0;
    for (uint32_t w = 0; w < s->words; w++)
        free += (uint32_t)__builtin_popcountl(mr_slab_bits(s, k)[w]);
    if (free != s->descriptors[k].free || (!s->carved[k] && free != 0))
        return "a slab's count of free objects is not that of its bitmap";
    *where = s->carved[k] ? first_without_key(s, k) : NULL;
    return *where ? "a free object was written to" : NULL;
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

static const char *check_magazines(struct mr_slab *s, const void **where)
{
    for (struct memoir_slab_magazine *m = NULL; (m = mr_slab_next_magazine(s, m));)
        for (unsigned i = 0; i < mr_slab_rounds(m); i++) {
            *where = m->rounds[i];
            if (!memoir_slab_is_object(&s->face, *where))
                return "what is at hand is no object";
            if (!mr_slab_is_free(s, *where))
                return "a free object was written to";
        }
    *where = NULL;
    return NULL;
}

static const char *check(struct mr_slab *s, const void **where)
{
    const char *why = NULL;
    uint64_t free = 0, sum = 0;
    *where = NULL;
    for (uint32_t k = 0; k < s->fresh && !why; k++) {
        why = check_slab(s, k, where);
        sum += s->descriptors[k].free;
    }
    if (!why)
        why = check_list(s, &free);
    if (!why && (free != sum || s->out != (uint64_t)s->live * s->per_slab - free))
        why = "the count of objects out of the slabs is not what is missing in them";
    return why ? why : check_magazines(s, where);
}

const char *memoir_slab_check(struct memoir_slab *slab, const void **where)
{
    struct mr_slab *s = whole(slab);
    const void *at;
    mr_slab_lock(s);
    const char *why = check(s, &at);
    mr_slab_unlock(s);
    if (where)
        *where = at;
    return why;
}
