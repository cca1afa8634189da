/* slab_inside.h: what the files of memoir/slab.h share.
 *
 *   program  <->  magazine (up to 64 objects, of the handle or of a thread)  <->  depot: slabs with a bitmap each
 *
 *   | control | descriptors | carved | bits |  slab 0 | slab 1 | ...          slab_bytes each
 *                                           ^ base     objects_per_slab * stride, then perhaps a gap
 *
 * Invariants (memoir_slab_check tests them in this order):
 *   I1  a carved slab: free = number of bits set = free objects in the depot; not carved: free = 0
 *   I2  the list `partial` holds exactly the carved slabs with free > 0; `empty` of them have free = per_slab
 *   I3  out = objects of carved slabs - sum of free = in use + in magazines
 *   I4  every free object, in the depot or a magazine, has its key; those in magazines have no bit set and
 *       are objects */
#ifndef MR_EMBED_SLAB_INSIDE_H
#define MR_EMBED_SLAB_INSIDE_H

#include <pthread.h>

#include "base.h"
#include "os.h"

#include "memoir/slab.h"

enum { MR_SLAB_NONE = UINT32_MAX, MR_SLAB_BATCH = MEMOIR_SLAB_ROUNDS / 2 };

struct mr_slab_descriptor {
    uint32_t free;       /* objects in the depot */
    uint32_t hint;       /* no word of the bitmap below this one has a bit set */
    uint32_t next, prev; /* in `partial`; next also in `blank` */
};

/* Of a thread; guarded by the mutex but for the magazine, which is its thread's. */
struct mr_slab_cache {
    struct memoir_slab_magazine magazine;
    struct mr_slab *owner;
    struct mr_slab_cache *next; /* among `caches`, or `spare_caches` */
};

struct mr_slab {
    struct memoir_slab face;
    struct memoir_slab_options options;
    struct memoir_slab_magazine shared; /* with MEMOIR_SLAB_THREAD_SAFE */
    size_t stride;
    uint32_t per_slab, words; /* objects and words of the bitmap per slab */
    struct mr_slab_descriptor *descriptors;
    uint8_t *carved;
    uint64_t *bits;      /* 1: free, in the depot */
    uint32_t partial, last_partial; /* the empty ones behind the others */
    uint32_t blank;      /* slabs that were given back */
    uint32_t fresh;      /* slabs from here on were never carved */
    uint32_t live, empty; /* carved slabs; of these, empty ones */
    uint64_t out, peak, failures;
    const void *twice;   /* met by the depot, not told yet: freed twice */
    uint64_t taken_before; /* from magazines of threads that have ended */
    char *committed;     /* end of the memory that may be touched */
    void *memory;        /* of the system's, NULL over a caller's buffer */
    size_t bytes;
    pthread_mutex_t mutex;
    pthread_key_t key;   /* with thread caches */
    struct mr_slab_cache *caches, *spare_caches;
    char *cache_room, *cache_end; /* where caches are made */
};

struct mr_slab_fault {
    enum memoir_slab_error kind;
    const void *pointer;
    const char *words; /* NULL: no fault */
};
#define MR_SLAB_FAULT(kind, pointer, words) ((struct mr_slab_fault){ (kind), (pointer), (words) })

MR_INLINE bool mr_slab_has(const struct mr_slab *s, unsigned flags) { return (s->options.flags & flags) != 0; }
MR_INLINE unsigned mr_slab_rounds(const struct memoir_slab_magazine *m) { return (uint16_t)MR_PEEK(m->word); }

MR_INLINE uintptr_t mr_slab_key(const struct mr_slab *s, const void *p) { return (uintptr_t)p ^ s->face.secret; }
MR_INLINE bool mr_slab_is_free(const struct mr_slab *s, const void *p)
{
    return memoir_slab_key(&s->face, p) == mr_slab_key(s, p);
}

MR_INLINE char *mr_slab_object(const struct mr_slab *s, uint32_t k, uint32_t i)
{
    return s->face.base + k * s->face.slab_bytes + i * s->stride;
}

MR_INLINE uint64_t *mr_slab_bits(const struct mr_slab *s, uint32_t k) { return s->bits + (size_t)k * s->words; }

/* Tells the handler, with no lock held. slab may be NULL. */
void mr_slab_tell(const struct memoir_slab_options *options, struct memoir_slab *slab, struct mr_slab_fault f);

/* Unlock also tells what the depot met. */
void mr_slab_lock(struct mr_slab *s);
void mr_slab_unlock(struct mr_slab *s);

/* ---- slab_depot.c: under the lock ------------------------------------------------------------------------ */

/* Puts up to MR_SLAB_BATCH objects into an empty magazine; false: there are none to be had. */
bool mr_slab_depot_fill(struct mr_slab *s, struct memoir_slab_magazine *m);

/* Takes the `n` objects that lie in a magazine longest; all there are. */
void mr_slab_depot_drain(struct mr_slab *s, struct memoir_slab_magazine *m, unsigned n);
void mr_slab_depot_drain_all(struct mr_slab *s);

/* Gives all but `keep` of the empty slabs back. */
void mr_slab_depot_trim(struct mr_slab *s, uint32_t keep);

/* Destructs every object. */
void mr_slab_depot_end(struct mr_slab *s);

/* ---- slab.c --------------------------------------------------------------------------------------------------- */

/* What a thread that ends leaves. */
void mr_slab_cache_end(void *cache);

/* All magazines, one after the other; NULL starts, NULL ends. */
struct memoir_slab_magazine *mr_slab_next_magazine(struct mr_slab *s, struct memoir_slab_magazine *m);

#endif
