/* slab_inside.h: what the files of memoir/slab.h share.
 *
 *   program  <->  magazine (of the handle, or of a thread)  <->  depot: slabs with a bitmap each
 *
 *   | control | descriptors | in_use | bits | caches |  slab 0 | slab 1 | ...          1 << slab_shift bytes each
 *                                                    ^ base     colour, objects, slack
 *
 * Invariants (memoir_slab_check tests them in this order):
 *   I1  a carved slab: free = number of bits set = free objects in the depot; not carved: free = 0
 *   I2  the list `partial` holds exactly the carved slabs with free > 0; `empty` of them have free = per_slab
 *   I3  out = objects of carved slabs - sum of free = in use + in magazines
 *   I4  objects in magazines have no bit; with MEMOIR_SLAB_CHECKED, in_use = 1 exactly for those in use */
#ifndef MR_EMBED_SLAB_INSIDE_H
#define MR_EMBED_SLAB_INSIDE_H

#include <pthread.h>
#include <string.h>

#include "base.h"
#include "os.h"

#include "memoir/slab.h"

enum { MR_SLAB_NONE = UINT32_MAX, MR_SLAB_BATCH = 64, MR_SLAB_THREAD_ROUNDS = 128 };

struct mr_slab_descriptor {
    uint32_t free;       /* objects in the depot */
    uint32_t hint;       /* no word of the bitmap below this one has a bit set */
    uint32_t next, prev; /* in `partial`; next also in `blank` */
    bool carved;         /* it has objects */
};

/* Of a thread; guarded by the mutex but for the magazine, which is its thread's. Only MR_SLAB_THREAD_ROUNDS of
 * its rounds have memory. */
struct mr_slab_cache {
    struct mr_slab *owner;
    struct mr_slab_cache *next; /* among `caches`, or `spare_caches` */
    struct memoir_slab_magazine magazine;
};
#define MR_SLAB_CACHE_BYTES \
    mr_align_up(offsetof(struct mr_slab_cache, magazine.rounds) + MR_SLAB_THREAD_ROUNDS * sizeof(void *), 64)

struct mr_slab {
    struct memoir_slab_options options;
    struct memoir_slab_magazine *shared; /* of those whose inline halves miss, and have no cache; else the face's */
    unsigned capacity;       /* of it */
    unsigned slab_shift, slot_shift, colour_shift;
    uint64_t colour_mask;    /* colour(k) = k << colour_shift & colour_mask */
    uint64_t stride_inverse; /* ceil(2^64 / stride) */
    uint8_t *in_use;         /* by slot, (k << slot_shift) + i; with MEMOIR_SLAB_CHECKED */
    size_t stride;
    uint32_t slabs;          /* that there may be */
    uint32_t per_slab, words; /* objects and words of the bitmap per slab */
    struct mr_slab_descriptor *descriptors;
    uint64_t *bits;      /* 1: free, in the depot */
    uint32_t partial, last_partial; /* the empty ones behind the others */
    uint32_t blank;      /* slabs that were given back */
    uint32_t fresh;      /* slabs from here on were never carved */
    uint32_t live, empty; /* carved slabs; of these, empty ones */
    uint64_t out, peak, failures;
    const void *wrong;   /* the depot was given what is no object, or free: not told yet */
    uint64_t taken_before; /* from magazines of threads that have ended */
    char *committed;     /* end of the memory that may be touched */
    void *memory;        /* of the system's, NULL over a caller's buffer */
    size_t bytes;
    pthread_mutex_t mutex;
    pthread_key_t key;   /* with thread caches */
    struct mr_slab_cache *caches, *spare_caches;
    char *cache_room, *cache_end; /* where caches are made */
    struct memoir_slab face; /* only the rounds of one magazine have memory: behind it, or of the face */
};
MR_INLINE struct mr_slab *mr_slab_whole(struct memoir_slab *slab)
{
    return (struct mr_slab *)(void *)((char *)slab - offsetof(struct mr_slab, face));
}
#define MR_SLAB_MAGAZINE_BYTES(n) (offsetof(struct memoir_slab_magazine, rounds) + (n) * sizeof(void *))

struct mr_slab_fault {
    enum memoir_slab_error kind;
    const void *pointer;
    const char *words; /* NULL: no fault */
};
#define MR_SLAB_FAULT(kind, pointer, words) ((struct mr_slab_fault){ (kind), (pointer), (words) })

MR_INLINE bool mr_slab_has(const struct mr_slab *s, unsigned flags) { return (s->options.flags & flags) != 0; }
MR_INLINE unsigned mr_slab_rounds(const struct memoir_slab_magazine *m) { return (uint16_t)MR_PEEK(m->word); }

MR_INLINE uint64_t mr_slab_colour(const struct mr_slab *s, uint64_t k)
{
    return k << s->colour_shift & s->colour_mask;
}
MR_INLINE size_t mr_slab_slot(const struct mr_slab *s, uint64_t k, uint64_t i) { return (k << s->slot_shift) + i; }
MR_INLINE char *mr_slab_object(const struct mr_slab *s, uint64_t k, uint64_t i)
{
    return s->face.base + (k << s->slab_shift) + mr_slab_colour(s, k) + i * s->stride;
}

/* Object i of slab k. */
struct mr_slab_place { uint64_t k, i; };

/* Where p is an object; false: it is none, or of no slab that was ever made. One multiplication tells both which
 * multiple of the stride an offset is and whether it is one (Lemire, Kaser, Kurz 2019). */
MR_INLINE bool mr_slab_find(const struct mr_slab *s, const void *p, struct mr_slab_place *place)
{
    uint64_t offset = (uint64_t)((const char *)p - s->face.base), k = offset >> s->slab_shift;
    uint64_t inside = offset - (k << s->slab_shift) - mr_slab_colour(s, k);
    unsigned __int128 quotient = (unsigned __int128)inside * s->stride_inverse;
    *place = (struct mr_slab_place){ k, (uint64_t)(quotient >> 64) };
    return k < s->fresh && place->i < s->per_slab && (uint64_t)quotient < s->stride_inverse;
}

MR_INLINE uint64_t *mr_slab_bits(const struct mr_slab *s, uint32_t k) { return s->bits + (size_t)k * s->words; }

/* Tells the handler, with no lock held. slab may be NULL. */
void mr_slab_tell(const struct memoir_slab_options *options, struct memoir_slab *slab, struct mr_slab_fault f);

/* Unlock also tells what the depot met. */
void mr_slab_lock(struct mr_slab *s);
void mr_slab_unlock(struct mr_slab *s);

/* ---- slab_depot.c: under the lock ------------------------------------------------------------------- */

/* Puts up to MR_SLAB_BATCH objects into an empty magazine; false: there are none to be had. */
bool mr_slab_depot_fill(struct mr_slab *s, struct memoir_slab_magazine *m);

/* Takes the `n` objects that lie in a magazine longest; all there are. */
void mr_slab_depot_drain(struct mr_slab *s, struct memoir_slab_magazine *m, unsigned n);
void mr_slab_depot_drain_all(struct mr_slab *s);

/* Gives all but `keep` of the empty slabs back. */
void mr_slab_depot_trim(struct mr_slab *s, uint32_t keep);

/* Destructs every object. */
void mr_slab_depot_end(struct mr_slab *s);

/* Whether an object is out of its slab: in use, or in a magazine. */
MR_INLINE bool mr_slab_is_out(const struct mr_slab *s, uint32_t k, uint32_t i)
{
    return s->descriptors[k].carved && (mr_slab_bits(s, k)[i / 64] >> i % 64 & 1) == 0;
}

/* ---- slab.c ----------------------------------------------------------------------------------------- */

/* What a thread that ends leaves. */
void mr_slab_cache_end(void *cache);

/* All magazines, one after the other; NULL starts, NULL ends. */
struct memoir_slab_magazine *mr_slab_next_magazine(struct mr_slab *s, struct memoir_slab_magazine *m);

#endif
