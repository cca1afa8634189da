/* slab.c: objects of one size: magazines, and what goes wrong with a pointer. */
#include "slab_inside.h"

#include <errno.h>

#include "complain.h"

/* ---- telling ---------------------------------------------------------------------------------------------- */

MR_COLD void mr_slab_tell(const struct memoir_slab_options *options, struct memoir_slab *slab, struct mr_slab_fault f)
{
    struct mr_complaint complaint = { "slab", options->name, f.pointer, f.words };
    if (options->on_error)
        options->on_error(options->ctx, slab, f.kind, f.pointer, f.words);
    else if (slab)
        mr_complain_fatally(&complaint);
    else
        mr_complain(&complaint);
}

static struct mr_slab *whole(struct memoir_slab *slab) { return (struct mr_slab *)slab; }

static bool has_threads(const struct mr_slab *s)
{
    return mr_slab_has(s, MEMOIR_SLAB_THREAD_SAFE | MEMOIR_SLAB_THREAD_CACHES);
}

void mr_slab_lock(struct mr_slab *s)
{
    if (has_threads(s))
        pthread_mutex_lock(&s->mutex);
}

void mr_slab_unlock(struct mr_slab *s)
{
    const void *twice = s->twice;
    s->twice = NULL;
    if (has_threads(s))
        pthread_mutex_unlock(&s->mutex);
    if (MR_UNLIKELY(twice != NULL))
        mr_slab_tell(&s->options, &s->face,
                     MR_SLAB_FAULT(MEMOIR_SLAB_DOUBLE_FREE, twice, "an object was freed twice, and written to in between"));
}

/* ---- magazines -------------------------------------------------------------------------------------------- */

/* The object on top, whose key is gone, stays out: who wrote to it may do so again. */
static MR_COLD void leave_out(struct mr_slab *s, struct memoir_slab_magazine *m)
{
    const void *p = m->rounds[mr_slab_rounds(m) - 1];
    MR_POKE(m->word, m->word - 1);
    mr_slab_tell(&s->options, &s->face,
                 MR_SLAB_FAULT(MEMOIR_SLAB_WRITTEN, p, "an object was written to after it was freed"));
}

/* NULL: the magazine is empty. */
static void *pop(struct mr_slab *s, struct memoir_slab_magazine *m)
{
    while (mr_slab_rounds(m) > 0) {
        void *p = m->rounds[mr_slab_rounds(m) - 1];
        if (MR_LIKELY(mr_slab_is_free(s, p))) {
            memoir_slab_set_key(&s->face, p, 0);
            MR_POKE(m->word, m->word + 65535);
            return p;
        }
        leave_out(s, m);
    }
    return NULL;
}

static void push(struct mr_slab *s, struct memoir_slab_magazine *m, void *p)
{
    memoir_slab_set_key(&s->face, p, mr_slab_key(s, p));
    m->rounds[mr_slab_rounds(m)] = p;
    MR_POKE(m->word, m->word + 1);
}

static void *fail(void)
{
    errno = ENOMEM;
    return NULL;
}

/* Whoever has the magazine to himself. */
static void *alloc_from(struct mr_slab *s, struct memoir_slab_magazine *m)
{
    void *p;
    while (!(p = pop(s, m))) {
        mr_slab_lock(s);
        bool filled = mr_slab_depot_fill(s, m);
        mr_slab_unlock(s);
        if (!filled)
            return fail();
    }
    return p;
}

static void free_to(struct mr_slab *s, struct memoir_slab_magazine *m, void *p)
{
    push(s, m, p);
    if (mr_slab_rounds(m) < MEMOIR_SLAB_ROUNDS)
        return;
    mr_slab_lock(s);
    mr_slab_depot_drain(s, m, MR_SLAB_BATCH);
    mr_slab_unlock(s);
}

/* The same under the lock. A handler that is told of something wrong must find it open. */
static void *alloc_shared(struct mr_slab *s)
{
    struct memoir_slab_magazine *m = &s->shared;
    for (;;) {
        pthread_mutex_lock(&s->mutex);
        if (mr_slab_rounds(m) == 0 && !mr_slab_depot_fill(s, m)) {
            pthread_mutex_unlock(&s->mutex);
            return fail();
        }
        void *p = m->rounds[mr_slab_rounds(m) - 1];
        bool sound = mr_slab_is_free(s, p);
        if (sound)
            memoir_slab_set_key(&s->face, p, 0);
        MR_POKE(m->word, m->word + (sound ? 65535 : (uint64_t)-1));
        mr_slab_unlock(s);
        if (MR_LIKELY(sound))
            return p;
        mr_slab_tell(&s->options, &s->face,
                     MR_SLAB_FAULT(MEMOIR_SLAB_WRITTEN, p, "an object was written to after it was freed"));
    }
}

/* ---- threads with magazines of their own -------------------------------------------------------------------- */

static struct mr_slab_cache *take_cache_locked(struct mr_slab *s)
{
    struct mr_slab_cache *cache = s->spare_caches;
    if (cache) {
        s->spare_caches = cache->next;
    } else if ((size_t)(s->cache_end - s->cache_room) >= sizeof *cache) {
        cache = (struct mr_slab_cache *)(void *)s->cache_room;
        s->cache_room += mr_align_up(sizeof *cache, MR_CACHE_LINE);
    }
    return cache;
}

static struct mr_slab_cache *make_cache(struct mr_slab *s)
{
    pthread_mutex_lock(&s->mutex);
    struct mr_slab_cache *cache = take_cache_locked(s);
    if (cache) {
        cache->owner = s;
        cache->magazine.word = 0;
        cache->next = s->caches;
        s->caches = cache;
    }
    pthread_mutex_unlock(&s->mutex);
    if (cache && pthread_setspecific(s->key, cache) != 0) {
        mr_slab_cache_end(cache);
        return NULL;
    }
    return cache;
}

void mr_slab_cache_end(void *ended)
{
    struct mr_slab_cache *cache = ended, **at;
    struct mr_slab *s = cache->owner;
    pthread_mutex_lock(&s->mutex);
    mr_slab_depot_drain(s, &cache->magazine, mr_slab_rounds(&cache->magazine));
    s->taken_before += cache->magazine.word >> 16;
    for (at = &s->caches; *at != cache; at = &(*at)->next)
        continue;
    *at = cache->next;
    cache->next = s->spare_caches;
    s->spare_caches = cache;
    mr_slab_unlock(s);
}

/* NULL: there is no room for one more, and the thread uses what all share. */
static struct mr_slab_cache *my_cache(struct mr_slab *s)
{
    struct mr_slab_cache *cache = pthread_getspecific(s->key);
    return MR_LIKELY(cache != NULL) ? cache : make_cache(s);
}

struct memoir_slab_magazine *mr_slab_next_magazine(struct mr_slab *s, struct memoir_slab_magazine *m)
{
    if (!m)
        return &s->face.magazine;
    if (m == &s->face.magazine)
        return &s->shared;
    struct mr_slab_cache *next = m == &s->shared ? s->caches : ((struct mr_slab_cache *)(void *)m)->next;
    return next ? &next->magazine : NULL;
}

/* ---- the slow halves ------------------------------------------------------------------------------------------ */

void *memoir_slab_alloc_slow(struct memoir_slab *slab)
{
    struct mr_slab *s = whole(slab);
    if (!has_threads(s))
        return alloc_from(s, &s->face.magazine);
    struct mr_slab_cache *cache = mr_slab_has(s, MEMOIR_SLAB_THREAD_CACHES) ? my_cache(s) : NULL;
    return cache ? alloc_from(s, &cache->magazine) : alloc_shared(s);
}

static struct mr_slab_fault what_is_wrong(const struct mr_slab *s, const void *p)
{
    size_t offset = (size_t)((const char *)p - s->face.base);
    if (offset / s->face.slab_bytes >= s->fresh)
        return MR_SLAB_FAULT(MEMOIR_SLAB_FOREIGN_POINTER, p, "free of a pointer that does not lead into these slabs");
    if (!s->carved[offset / s->face.slab_bytes])
        return MR_SLAB_FAULT(MEMOIR_SLAB_DOUBLE_FREE, p, "free of an object that is free, and its whole slab with it");
    if (!memoir_slab_is_object(&s->face, p))
        return MR_SLAB_FAULT(MEMOIR_SLAB_NOT_AN_OBJECT, p, "free of a pointer that does not lead to the start of an object");
    if (mr_slab_is_free(s, p))
        return MR_SLAB_FAULT(MEMOIR_SLAB_DOUBLE_FREE, p, "free of an object that is free");
    return MR_SLAB_FAULT(0, NULL, NULL);
}

static void free_shared(struct mr_slab *s, void *p)
{
    pthread_mutex_lock(&s->mutex);
    struct mr_slab_fault f = what_is_wrong(s, p);
    if (!f.words) {
        push(s, &s->shared, p);
        if (mr_slab_rounds(&s->shared) == MEMOIR_SLAB_ROUNDS)
            mr_slab_depot_drain(s, &s->shared, MR_SLAB_BATCH);
    }
    mr_slab_unlock(s);
    if (f.words)
        mr_slab_tell(&s->options, &s->face, f);
}

static void free_alone(struct mr_slab *s, struct memoir_slab_magazine *m, void *p)
{
    bool right = memoir_slab_is_object(&s->face, p) && !mr_slab_is_free(s, p);
    if (MR_LIKELY(right))
        free_to(s, m, p);
    else
        mr_slab_tell(&s->options, &s->face, what_is_wrong(s, p));
}

void memoir_slab_free_slow(struct memoir_slab *slab, void *p)
{
    struct mr_slab *s = whole(slab);
    if (!p)
        return;
    struct mr_slab_cache *cache = mr_slab_has(s, MEMOIR_SLAB_THREAD_CACHES) ? my_cache(s) : NULL;
    if (!has_threads(s))
        free_alone(s, &s->face.magazine, p);
    else if (cache)
        free_alone(s, &cache->magazine, p);
    else
        free_shared(s, p);
}

void memoir_slab_trim(struct memoir_slab *slab)
{
    struct mr_slab *s = whole(slab);
    struct mr_slab_cache *cache = mr_slab_has(s, MEMOIR_SLAB_THREAD_CACHES) ? pthread_getspecific(s->key) : NULL;
    mr_slab_lock(s);
    mr_slab_depot_drain(s, &s->face.magazine, mr_slab_rounds(&s->face.magazine));
    mr_slab_depot_drain(s, &s->shared, mr_slab_rounds(&s->shared));
    if (cache)
        mr_slab_depot_drain(s, &cache->magazine, mr_slab_rounds(&cache->magazine));
    mr_slab_depot_trim(s, 0);
    mr_slab_unlock(s);
}
