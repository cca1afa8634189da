/* slab_depot.c: slabs: which of their objects are free, making them, and giving them back. */
#include "slab_inside.h"

enum { COMMIT = 256 << 10 };

/* ---- the list ------------------------------------------------------------------------------------------- */

static void link_front(struct mr_slab *s, uint32_t k)
{
    struct mr_slab_descriptor *d = &s->descriptors[k];
    d->prev = MR_SLAB_NONE;
    d->next = s->partial;
    *(s->partial == MR_SLAB_NONE ? &s->last_partial : &s->descriptors[s->partial].prev) = k;
    s->partial = k;
}

static void link_back(struct mr_slab *s, uint32_t k)
{
    struct mr_slab_descriptor *d = &s->descriptors[k];
    d->next = MR_SLAB_NONE;
    d->prev = s->last_partial;
    *(s->last_partial == MR_SLAB_NONE ? &s->partial : &s->descriptors[s->last_partial].next) = k;
    s->last_partial = k;
}

static void unlink_slab(struct mr_slab *s, uint32_t k)
{
    const struct mr_slab_descriptor *d = &s->descriptors[k];
    *(d->prev == MR_SLAB_NONE ? &s->partial : &s->descriptors[d->prev].next) = d->next;
    *(d->next == MR_SLAB_NONE ? &s->last_partial : &s->descriptors[d->next].prev) = d->prev;
}

/* ---- making slabs ----------------------------------------------------------------------------------------- */

static bool commit(struct mr_slab *s, uint32_t k)
{
    const char *end = s->face.base + (k + 1) * s->face.slab_bytes, *limit = (char *)s->memory + s->bytes;
    if (!s->memory || end <= s->committed)
        return true;
    size_t missing = mr_align_up((size_t)(end - s->committed), mr_os_page);
    size_t more = mr_min(mr_max(missing, COMMIT), (size_t)(limit - s->committed));
    if (!mr_vm_commit(s->committed, more))
        return false;
    s->committed += more;
    return true;
}

static void destruct(const struct mr_slab *s, uint32_t k, uint32_t n)
{
    while (s->options.destruct && n-- > 0)
        s->options.destruct(s->options.ctx, mr_slab_object(s, k, n));
}

static bool construct(const struct mr_slab *s, uint32_t k)
{
    for (uint32_t i = 0; s->options.construct && i < s->per_slab; i++)
        if (!s->options.construct(s->options.ctx, mr_slab_object(s, k, i))) {
            destruct(s, k, i);
            return false;
        }
    return true;
}

static void set_all_free(struct mr_slab *s, uint32_t k)
{
    uint64_t *bits = mr_slab_bits(s, k);
    for (uint32_t i = 0; i < s->per_slab; i++) {
        char *p = mr_slab_object(s, k, i);
        memoir_slab_set_key(&s->face, p, mr_slab_key(s, p));
        bits[i / 64] |= (uint64_t)1 << i % 64;
    }
    s->descriptors[k].free = s->per_slab;
    s->descriptors[k].hint = 0;
}

/* The number of a slab that has no objects, its memory usable; MR_SLAB_NONE: there is none. */
static uint32_t take_number(struct mr_slab *s)
{
    uint32_t k = s->blank;
    if (k != MR_SLAB_NONE) {
        s->blank = s->descriptors[k].next;
        return k;
    }
    return s->fresh < s->face.slabs && commit(s, s->fresh) ? s->fresh++ : MR_SLAB_NONE;
}

static void give_number(struct mr_slab *s, uint32_t k)
{
    s->descriptors[k].next = s->blank;
    s->blank = k;
}

static bool carve(struct mr_slab *s)
{
    uint32_t k = take_number(s);
    if (k == MR_SLAB_NONE)
        return false;
    if (!construct(s, k)) {
        give_number(s, k);
        return false;
    }
    set_all_free(s, k);
    s->carved[k] = 1;
    s->live++;
    s->empty++;
    link_back(s, k);
    return true;
}

/* ---- giving slabs back ------------------------------------------------------------------------------------ */

/* The OS pages that the slab does not share with its neighbours. */
static void purge(struct mr_slab *s, uint32_t k)
{
    char *from = mr_slab_object(s, k, 0), *to = from + s->face.slab_bytes;
    from = (char *)mr_align_up((uintptr_t)from, mr_os_page);
    to = (char *)mr_align_down((uintptr_t)to, mr_os_page);
    if (s->memory && from < to)
        mr_vm_purge(from, (size_t)(to - from));
}

static void retire(struct mr_slab *s, uint32_t k)
{
    unlink_slab(s, k);
    destruct(s, k, s->per_slab);
    memset(mr_slab_bits(s, k), 0, s->words * sizeof *s->bits);
    s->descriptors[k].free = 0;
    s->carved[k] = 0;
    s->live--;
    s->empty--;
    purge(s, k);
    give_number(s, k);
}

void mr_slab_depot_trim(struct mr_slab *s, uint32_t keep)
{
    while (s->empty > keep)
        retire(s, s->last_partial);
}

void mr_slab_depot_end(struct mr_slab *s)
{
    for (uint32_t k = 0; s->options.destruct && k < s->fresh; k++)
        if (s->carved[k])
            destruct(s, k, s->per_slab);
}

/* ---- objects ------------------------------------------------------------------------------------------------ */

/* From one word of the bitmap, the lowest addresses first into the array's end: they are taken from there. */
static unsigned take_from_word(struct mr_slab *s, uint32_t k, uint32_t w, void **rounds, unsigned want)
{
    uint64_t *word = &mr_slab_bits(s, k)[w];
    unsigned n = 0;
    for (; *word && n < want; n++) {
        rounds[want - 1 - n] = mr_slab_object(s, k, w * 64 + mr_lowest_bit(*word));
        *word &= *word - 1;
    }
    return n;
}

/* From the first slab of the list, which has some. */
static unsigned take_from_slab(struct mr_slab *s, void **rounds, unsigned want)
{
    uint32_t k = s->partial;
    struct mr_slab_descriptor *d = &s->descriptors[k];
    unsigned n = 0;
    s->empty -= d->free == s->per_slab;
    for (want = (unsigned)mr_min(want, d->free); n < want; d->hint += n < want)
        n += take_from_word(s, k, d->hint, rounds, want - n);
    d->free -= n;
    if (d->free == 0)
        unlink_slab(s, k);
    return n;
}

bool mr_slab_depot_fill(struct mr_slab *s, struct memoir_slab_magazine *m)
{
    if (s->partial == MR_SLAB_NONE && !carve(s)) {
        s->failures++;
        return false;
    }
    unsigned n = take_from_slab(s, m->rounds, MR_SLAB_BATCH);
    s->out += n;
    s->peak = mr_max(s->peak, s->out);
    MR_POKE(m->word, m->word + n);
    return true;
}

/* False: it is there already. It was freed twice, and its key overwritten in between. */
static bool put(struct mr_slab *s, const char *p)
{
    size_t offset = (size_t)(p - s->face.base);
    uint32_t k = (uint32_t)(offset / s->face.slab_bytes), i = (uint32_t)(offset % s->face.slab_bytes / s->stride);
    struct mr_slab_descriptor *d = &s->descriptors[k];
    uint64_t *word = &mr_slab_bits(s, k)[i / 64], bit = (uint64_t)1 << i % 64;
    if (*word & bit)
        return false;
    *word |= bit;
    d->hint = (uint32_t)mr_min(d->hint, i / 64);
    if (d->free++ == 0)
        link_front(s, k);
    if (d->free == s->per_slab) {
        unlink_slab(s, k);
        link_back(s, k);
        s->empty++;
    }
    return true;
}

void mr_slab_depot_drain(struct mr_slab *s, struct memoir_slab_magazine *m, unsigned n)
{
    unsigned left = mr_slab_rounds(m) - n;
    for (unsigned i = 0; i < n; i++)
        if (put(s, m->rounds[i]))
            s->out--;
        else
            s->twice = m->rounds[i];
    memmove(m->rounds, m->rounds + n, left * sizeof *m->rounds);
    MR_POKE(m->word, m->word - n);
    mr_slab_depot_trim(s, 1 + s->live / 8);
}

void mr_slab_depot_drain_all(struct mr_slab *s)
{
    for (struct memoir_slab_magazine *m = NULL; (m = mr_slab_next_magazine(s, m));)
        mr_slab_depot_drain(s, m, mr_slab_rounds(m));
}
