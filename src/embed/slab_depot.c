/* slab_depot.c: slabs: which of their objects are free, making them, and giving them back. */
#include "slab_inside.h"

enum { COMMIT = 256 << 10 };

/* ---- the list --------------------------------------------------------------------------------------- */

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

/* ---- making slabs ----------------------------------------------------------------------------------- */

/* Over a caller's buffer everything is there already. */
static bool commit(struct mr_slab *s, uint32_t k)
{
    if (!s->memory)
        return true;
    const char *end = s->face.base + ((uint64_t)(k + 1) << s->slab_shift), *limit = (char *)s->memory + s->bytes;
    if (end <= s->committed)
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
    for (uint32_t i = 0; i < s->per_slab; i += 64)
        bits[i / 64] = s->per_slab - i < 64 ? ((uint64_t)1 << (s->per_slab - i)) - 1 : ~(uint64_t)0;
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
    return s->fresh < s->slabs && commit(s, s->fresh) ? s->fresh++ : MR_SLAB_NONE;
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
    s->descriptors[k].carved = true;
    s->live++;
    s->empty++;
    link_back(s, k);
    return true;
}

/* ---- giving slabs back ------------------------------------------------------------------------------ */

static void purge(struct mr_slab *s, uint32_t k)
{
    if (s->memory)
        mr_vm_purge(s->face.base + ((uint64_t)k << s->slab_shift), (size_t)1 << s->slab_shift);
}

static void retire(struct mr_slab *s, uint32_t k)
{
    unlink_slab(s, k);
    destruct(s, k, s->per_slab);
    memset(mr_slab_bits(s, k), 0, s->words * sizeof *s->bits);
    s->descriptors[k].free = 0;
    s->descriptors[k].carved = false;
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
        if (s->descriptors[k].carved)
            destruct(s, k, s->per_slab);
}

/* ---- objects ---------------------------------------------------------------------------------------- */

/* From one word of the bitmap, the lowest addresses into the end of the places wanted: they are taken from there. */
static unsigned take_from_word(struct mr_slab *s, uint32_t k, uint32_t w, void **rounds, unsigned want)
{
    uint64_t bits = mr_slab_bits(s, k)[w];
    char *first = mr_slab_object(s, k, w * 64);
    unsigned n = 0;
    for (; bits && n < want; n++, bits &= bits - 1)
        rounds[want - 1 - n] = first + mr_lowest_bit(bits) * s->stride;
    mr_slab_bits(s, k)[w] = bits;
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
    unsigned n = take_from_slab(s, m->rounds, (unsigned)mr_min(MR_SLAB_BATCH, s->capacity / 2));
    s->out += n;
    s->peak = mr_max(s->peak, s->out);
    MR_POKE(m->word, m->word + n);
    return true;
}

/* False: it is none of ours, or there already. */
static bool put(struct mr_slab *s, const void *p)
{
    struct mr_slab_place at;
    if (!mr_slab_find(s, p, &at))
        return false;
    struct mr_slab_descriptor *d = &s->descriptors[at.k];
    uint64_t *word = &mr_slab_bits(s, (uint32_t)at.k)[at.i / 64], bit = (uint64_t)1 << at.i % 64;
    if (*word & bit || !d->carved)
        return false;
    *word |= bit;
    d->hint = (uint32_t)mr_min(d->hint, at.i / 64);
    if (d->free++ == 0)
        link_front(s, (uint32_t)at.k);
    if (d->free == s->per_slab) {
        unlink_slab(s, (uint32_t)at.k);
        link_back(s, (uint32_t)at.k);
        s->empty++;
    }
    return true;
}

void mr_slab_depot_drain(struct mr_slab *s, struct memoir_slab_magazine *m, unsigned n)
{
    unsigned left = mr_slab_rounds(m) - n;
    for (unsigned i = 0; i < n; i++)
        if (MR_LIKELY(put(s, m->rounds[i])))
            s->out--;
        else
            s->wrong = m->rounds[i];
    memmove(m->rounds, m->rounds + n, left * sizeof *m->rounds);
    MR_POKE(m->word, m->word - n);
    mr_slab_depot_trim(s, 1 + s->live / 8);
}

void mr_slab_depot_drain_all(struct mr_slab *s)
{
    for (struct memoir_slab_magazine *m = NULL; (m = mr_slab_next_magazine(s, m));)
        mr_slab_depot_drain(s, m, mr_slab_rounds(m));
}
