/* slab.c: objects of one size: magazines, and what goes wrong with a pointer. */
#include "slab_inside.h"

#include <errno.h>

#include "complain.h"

/* ---- telling ---------------------------------------------------------------------------------------- */

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

static bool has_threads(const struct mr_slab *s)
{
    return mr_slab_has(s, MEMOIR_SLAB_THREAD_SAFE | MEMOIR_SLAB_THREAD_CACHES);
}

void mr_slab_lock(struct mr_slab *s)
{
    if (has_threads(s))
        pthread_mutex_lock(&s->mutex);
}

static struct mr_slab_fault what_is_wrong(const struct mr_slab *s, const void *p)
{
    uint64_t offset = (uint64_t)((const char *)p - s->face.base), k = offset >> s->slab_shift;
    struct mr_slab_place at;
    if (k >= s->fresh)
        return MR_SLAB_FAULT(MEMOIR_SLAB_FOREIGN_POINTER, p, "free of a pointer that does not lead into these slabs");
    if (!mr_slab_find(s, p, &at))
        return MR_SLAB_FAULT(MEMOIR_SLAB_NOT_AN_OBJECT, p,
                             "free of a pointer that does not lead to the start of an object");
    return MR_SLAB_FAULT(MEMOIR_SLAB_DOUBLE_FREE, p, "free of an object that is free");
}

static MR_COLD void accuse(struct mr_slab *s, const void *p)
{
    mr_slab_tell(&s->options, &s->face, what_is_wrong(s, p));
}

void mr_slab_unlock(struct mr_slab *s)
{
    const void *wrong = s->wrong;
    s->wrong = NULL;
    if (has_threads(s))
        pthread_mutex_unlock(&s->mutex);
    if (MR_UNLIKELY(wrong != NULL))
        accuse(s, wrong);
}

/* ---- magazines -------------------------------------------------------------------------------------- */

/* With checks: says that an object is in use (or not), unless it was already. */
static bool change(struct mr_slab *s, const void *p, bool in_use)
{
    struct mr_slab_place at;
    if (!mr_slab_has(s, MEMOIR_SLAB_CHECKED))
        return true;
    if (!mr_slab_find(s, p, &at) || MR_PEEK(s->in_use[mr_slab_slot(s, at.k, at.i)]) == in_use)
        return false;
    MR_POKE(s->in_use[mr_slab_slot(s, at.k, at.i)], in_use);
    return true;
}

/* As the inline halves do, for magazines that others look at. */
static void *pop(struct mr_slab *s, struct memoir_slab_magazine *m)
{
    void *p = m->rounds[mr_slab_rounds(m) - 1];
    MR_POKE(m->word, m->word + 65535);
    change(s, p, true);
    return p;
}

static void push(struct memoir_slab_magazine *m, void *p)
{
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
    if (mr_slab_rounds(m) == 0) {
        mr_slab_lock(s);
        bool filled = mr_slab_depot_fill(s, m);
        mr_slab_unlock(s);
        if (!filled)
            return fail();
    }
    return pop(s, m);
}

static void free_to(struct mr_slab *s, struct memoir_slab_magazine *m, void *p)
{
    unsigned most = m == s->shared ? s->capacity : MR_SLAB_THREAD_ROUNDS;
    if (!change(s, p, false)) {
        accuse(s, p);
        return;
    }
    push(m, p);
    if (mr_slab_rounds(m) < most)
        return;
    mr_slab_lock(s);
    mr_slab_depot_drain(s, m, most / 2);
    mr_slab_unlock(s);
}

static void *alloc_shared(struct mr_slab *s)
{
    mr_slab_lock(s);
    void *p = mr_slab_rounds(s->shared) > 0 || mr_slab_depot_fill(s, s->shared) ? pop(s, s->shared) : NULL;
    mr_slab_unlock(s);
    return p ? p : fail();
}

static void free_shared(struct mr_slab *s, void *p)
{
    mr_slab_lock(s);
    bool right = change(s, p, false);
    if (right) {
        push(s->shared, p);
        if (mr_slab_rounds(s->shared) == s->capacity)
            mr_slab_depot_drain(s, s->shared, s->capacity / 2);
    }
    mr_slab_unlock(s);
    if (!right)
        accuse(s, p);
}

/* ---- threads with magazines of their own ------------------------------------------------------------ */

static struct mr_slab_cache *take_cache_locked(struct mr_slab *s)
{
    struct mr_slab_cache *cache = s->spare_caches;
    if (cache) {
        s->spare_caches = cache->next;
    } else if ((size_t)(s->cache_end - s->cache_room) >= MR_SLAB_CACHE_BYTES) {
        cache = (struct mr_slab_cache *)(void *)s->cache_room;
        s->cache_room += MR_SLAB_CACHE_BYTES;
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
        return s->shared;
    size_t at = offsetof(struct mr_slab_cache, magazine);
    struct mr_slab_cache *before = (struct mr_slab_cache *)(void *)((char *)m - at);
    struct mr_slab_cache *next = m == s->shared ? s->caches : before->next;
    return next ? &next->magazine : NULL;
}

/* ---- the slow halves -------------------------------------------------------------------------------- */

void *memoir_slab_alloc_slow(struct memoir_slab *slab)
{
    struct mr_slab *s = mr_slab_whole(slab);
    if (s->face.room != 0)
        return alloc_from(s, s->shared);
    struct mr_slab_cache *cache = mr_slab_has(s, MEMOIR_SLAB_THREAD_CACHES) ? my_cache(s) : NULL;
    return cache ? alloc_from(s, &cache->magazine) : alloc_shared(s);
}

void memoir_slab_free_slow(struct memoir_slab *slab, void *p)
{
    struct mr_slab *s = mr_slab_whole(slab);
    if (!p)
        return;
    if ((uint64_t)((char *)p - s->face.base) >= s->face.reach) {
        accuse(s, p);
        return;
    }
    struct mr_slab_cache *cache = mr_slab_has(s, MEMOIR_SLAB_THREAD_CACHES) ? my_cache(s) : NULL;
    if (s->face.room != 0 || cache)
        free_to(s, cache ? &cache->magazine : s->shared, p);
    else
        free_shared(s, p);
}

void memoir_slab_trim(struct memoir_slab *slab)
{
    struct mr_slab *s = mr_slab_whole(slab);
    struct mr_slab_cache *cache = mr_slab_has(s, MEMOIR_SLAB_THREAD_CACHES) ? pthread_getspecific(s->key) : NULL;
    mr_slab_lock(s);
    mr_slab_depot_drain(s, s->shared, mr_slab_rounds(s->shared));
    if (cache)
        mr_slab_depot_drain(s, &cache->magazine, mr_slab_rounds(&cache->magazine));
    mr_slab_depot_trim(s, 0);
    mr_slab_unlock(s);
}
