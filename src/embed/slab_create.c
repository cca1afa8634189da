/* slab_create.c: how large everything in a slab allocator is, and where it lies. */
#include "slab_inside.h"

#include <errno.h>

enum { SLAB_BYTES = 64 << 10, LEAST_OBJECTS = 8, MOST_ALIGN = 4096, CACHES = 4096 };

static const size_t MOST_BYTES = (size_t)16 << 30, LEAST_BYTES = (size_t)64 << 20;

/* Offsets of the parts from the start of the memory. */
struct plan {
    size_t stride, slab_bytes;
    uint32_t per_slab, slabs, words;
    size_t descriptors, carved, bits, caches, base, bytes;
};

static const char *what_is_wrong(const struct memoir_slab_options *o, bool own)
{
    if (o->size == 0 || o->size > MEMOIR_SLAB_LARGEST)
        return "options.size must be from 1 to MEMOIR_SLAB_LARGEST";
    if (o->align != 0 && (!mr_is_pow2(o->align) || o->align > MOST_ALIGN))
        return "options.align must be a power of two up to 4096, or 0";
    if (o->flags & ~(unsigned)(MEMOIR_SLAB_THREAD_SAFE | MEMOIR_SLAB_THREAD_CACHES))
        return "options.flags has bits that mean nothing: use those of enum memoir_slab_flags";
    if (!own && (o->flags & MEMOIR_SLAB_THREAD_CACHES))
        return "threads' caches need memory of the system's: use memoir_slab_create";
    return NULL;
}

static bool is_bad(const struct memoir_slab_options *o, const char *words)
{
    if (!words)
        return false;
    mr_slab_tell(o, NULL, MR_SLAB_FAULT(MEMOIR_SLAB_BAD_REQUEST, NULL, words));
    errno = EINVAL;
    return true;
}

/* Room for a key: in the object, but behind it where the object's contents matter while it is free. */
static void plan_object(struct plan *p, const struct memoir_slab_options *o)
{
    size_t align = o->align ? mr_max(o->align, 8) : o->size % 16 == 0 ? 16 : 8;
    size_t size = o->construct ? mr_align_up(o->size, 8) + 8 : mr_max(o->size, 8);
    p->stride = mr_align_up(size, align);
}

static void plan_memory(struct plan *p, size_t align)
{
    p->words = (p->per_slab + 63) / 64;
    p->descriptors = mr_align_up(sizeof(struct mr_slab), 64);
    p->carved = p->descriptors + p->slabs * sizeof(struct mr_slab_descriptor);
    p->bits = mr_align_up(p->carved + p->slabs, 64);
    p->caches = mr_align_up(p->bits + (size_t)p->slabs * p->words * 8, 64);
    p->base = mr_align_up(p->caches, align);
    p->bytes = p->base + p->slabs * p->slab_bytes;
}

/* Slabs of the system's memory. `most` is bytes of objects. */
static void plan_slabs(struct plan *p, const struct memoir_slab_options *o, size_t most)
{
    size_t gap = p->stride % (2 * MR_CACHE_LINE) == 0 ? mr_max(MR_CACHE_LINE, o->align) : 0;
    p->per_slab = (uint32_t)mr_max(SLAB_BYTES / p->stride, LEAST_OBJECTS);
    p->slab_bytes = p->per_slab * p->stride + gap;
    size_t slabs = most / p->slab_bytes, wanted = o->limit / p->per_slab + (o->limit % p->per_slab != 0);
    p->slabs = (uint32_t)(o->limit ? mr_min(wanted, mr_max(slabs, 1)) : mr_max(slabs, 1));
    plan_memory(p, mr_os_page);
    size_t caches = o->flags & MEMOIR_SLAB_THREAD_CACHES ? CACHES * mr_align_up(sizeof(struct mr_slab_cache), 64) : 0;
    p->base = mr_align_up(p->caches + caches, mr_os_page);
    p->bytes = mr_align_up(p->base + p->slabs * p->slab_bytes, mr_os_page);
}

static struct memoir_slab *set_up(char *memory, const struct plan *p, const struct memoir_slab_options *o)
{
    struct mr_slab *s = (struct mr_slab *)(void *)memory;
    s->options = *o;
    s->stride = p->stride;
    s->per_slab = p->per_slab;
    s->words = p->words;
    s->descriptors = (struct mr_slab_descriptor *)(void *)(memory + p->descriptors);
    s->carved = (uint8_t *)memory + p->carved;
    s->bits = (uint64_t *)(void *)(memory + p->bits);
    s->cache_room = memory + p->caches;
    s->cache_end = memory + p->base;
    s->partial = s->last_partial = s->blank = MR_SLAB_NONE;
    bool threads = (o->flags & (MEMOIR_SLAB_THREAD_SAFE | MEMOIR_SLAB_THREAD_CACHES)) != 0;
    struct memoir_slab *face = &s->face;
    face->room = threads ? 0 : MEMOIR_SLAB_ROUNDS - 1; /* the last place is filled by the slow half, which drains then */
    face->base = memory + p->base;
    face->key_at = o->construct ? p->stride - 8 : 0;
    face->secret = (uintptr_t)(mr_clock_ns() ^ (uintptr_t)memory) * 0x9e3779b97f4a7c15u | 1;
    face->slab_bytes = p->slab_bytes;
    face->slab_inverse = UINT64_MAX / p->slab_bytes + 1;
    face->object_bytes = p->per_slab * p->stride;
    face->stride_inverse = UINT64_MAX / p->stride + 1;
    face->carved = s->carved;
    face->slabs = p->slabs;
    if (threads)
        pthread_mutex_init(&s->mutex, NULL);
    return face;
}

/* ---- memory of the system's -------------------------------------------------------------------------------- */

static void *reserve(struct plan *p, const struct memoir_slab_options *o)
{
    for (size_t most = MOST_BYTES;; most /= 2) {
        plan_slabs(p, o, most);
        char *memory = mr_vm_reserve(p->bytes, mr_os_page);
        if (memory && mr_vm_commit(memory, p->base))
            return memory;
        mr_vm_release(memory, memory ? p->bytes : 0);
        if (most <= LEAST_BYTES || o->limit) /* a limit that was asked for is not lowered */
            return NULL;
    }
}

struct memoir_slab *memoir_slab_create(const struct memoir_slab_options *options)
{
    struct memoir_slab_options o = options ? *options : (struct memoir_slab_options){ 0 };
    struct plan p;
    if (is_bad(&o, what_is_wrong(&o, true)))
        return NULL;
    mr_os_init();
    plan_object(&p, &o);
    if (o.limit > MOST_BYTES / p.stride) {
        is_bad(&o, "options.limit is more than 16 GiB of objects");
        return NULL;
    }
    char *memory = reserve(&p, &o);
    if (!memory) {
        errno = ENOMEM;
        return NULL;
    }
    struct mr_slab *s = (struct mr_slab *)(void *)set_up(memory, &p, &o);
    s->memory = memory;
    s->bytes = p.bytes;
    s->committed = s->face.base;
    if (mr_slab_has(s, MEMOIR_SLAB_THREAD_CACHES) && pthread_key_create(&s->key, mr_slab_cache_end) != 0) {
        mr_vm_release(memory, p.bytes);
        errno = EAGAIN;
        return NULL;
    }
    return &s->face;
}

/* ---- memory of the caller's ------------------------------------------------------------------------------------ */

static void plan_buffer(struct plan *p, const struct memoir_slab_options *o, size_t objects)
{
    size_t align = mr_max(mr_max(o->align, 16), 8);
    p->slabs = 1;
    p->per_slab = (uint32_t)objects;
    p->slab_bytes = objects * p->stride;
    plan_memory(p, align);
}

static size_t slack(const struct memoir_slab_options *o) { return mr_max(o->align, 64) - 1; }

/* The remainder test of memoir_slab_is_object is for 32 bits. */
static bool is_too_many(const struct plan *p, size_t objects) { return objects > UINT32_MAX / p->stride; }

size_t memoir_slab_buffer_size(size_t objects, const struct memoir_slab_options *options)
{
    struct plan p;
    if (!options || what_is_wrong(options, false) || objects == 0 ||
        (plan_object(&p, options), is_too_many(&p, objects))) {
        errno = EINVAL;
        return 0;
    }
    plan_buffer(&p, options, objects);
    return p.bytes + slack(options);
}

/* The most objects a buffer has room for: by halves. */
static size_t most_objects(struct plan *p, const struct memoir_slab_options *o, size_t room)
{
    size_t from = 0, to = UINT32_MAX / p->stride;
    while (from < to) {
        size_t middle = from + (to - from + 1) / 2;
        plan_buffer(p, o, middle);
        if (p->bytes <= room)
            from = middle;
        else
            to = middle - 1;
    }
    return from;
}

struct memoir_slab *memoir_slab_create_in(void *buffer, size_t size, const struct memoir_slab_options *options)
{
    struct memoir_slab_options o = options ? *options : (struct memoir_slab_options){ 0 };
    struct plan p;
    if (is_bad(&o, what_is_wrong(&o, false)))
        return NULL;
    plan_object(&p, &o);
    char *memory = (char *)mr_align_up((uintptr_t)buffer, slack(&o) + 1);
    size_t lost = (size_t)(memory - (char *)buffer), objects = buffer && size > lost ? most_objects(&p, &o, size - lost) : 0;
    objects = o.limit ? mr_min(objects, o.limit) : objects;
    if (objects == 0) {
        is_bad(&o, "the buffer has no room for an object: memoir_slab_buffer_size says what is needed");
        return NULL;
    }
    plan_buffer(&p, &o, objects);
    memset(memory, 0, p.base);
    return set_up(memory, &p, &o);
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

size_t memoir_slab_destroy(struct memoir_slab *slab)
{
    struct mr_slab *s = (struct mr_slab *)(void *)slab;
    if (!slab)
        return 0;
    mr_slab_depot_drain_all(s);
    size_t in_use = s->out;
    mr_slab_depot_end(s);
    if (mr_slab_has(s, MEMOIR_SLAB_THREAD_CACHES))
        pthread_key_delete(s->key);
    if (s->face.room == 0)
        pthread_mutex_destroy(&s->mutex);
    if (s->memory)
        mr_vm_release(s->memory, s->bytes);
    return in_use;
}
