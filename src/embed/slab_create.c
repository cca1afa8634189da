/* slab_create.c: how large everything in a slab allocator is, and where it lies. */
#include "slab_inside.h"

#include <errno.h>

enum { SLAB_BYTES = 64 << 10, LEAST_OBJECTS = 8, MOST_ALIGN = 4096, CACHES = 4096 };

static const size_t MOST_BYTES = (size_t)16 << 30, LEAST_BYTES = (size_t)64 << 20;

/* Offsets of the parts from the start of the memory. */
struct plan {
    size_t stride;
    unsigned slab_shift, slot_shift, colour_shift;
    size_t colour_mask;
    uint32_t per_slab, slabs, words;
    unsigned capacity; /* of the magazine of the handle */
    size_t slots;
    size_t descriptors, in_use, bits, caches, base, bytes;
};

static const char *what_is_wrong(const struct memoir_slab_options *o, bool own)
{
    if (o->size == 0 || o->size > MEMOIR_SLAB_LARGEST)
        return "options.size must be from 1 to MEMOIR_SLAB_LARGEST";
    if (o->align != 0 && (!mr_is_pow2(o->align) || o->align > MOST_ALIGN))
        return "options.align must be a power of two up to 4096, or 0";
    if (o->flags & ~(unsigned)(MEMOIR_SLAB_THREAD_SAFE | MEMOIR_SLAB_THREAD_CACHES | MEMOIR_SLAB_CHECKED))
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

static size_t stride_of(const struct memoir_slab_options *o)
{
    size_t align = o->align ? mr_max(o->align, 8) : o->size % 16 == 0 ? 16 : 8;
    return mr_align_up(o->size, align);
}

/* Everything in front of the objects. */
static void plan_memory(struct plan *p, const struct memoir_slab_options *o, size_t align, size_t caches)
{
    size_t in_use = o->flags & MEMOIR_SLAB_CHECKED ? p->slots : 0;
    size_t control = offsetof(struct mr_slab, face.magazine.rounds) + MR_SLAB_MAGAZINE_BYTES(p->capacity);
    p->descriptors = mr_align_up(control, 64);
    p->bits = mr_align_up(p->descriptors + p->slabs * sizeof(struct mr_slab_descriptor), 64);
    p->in_use = p->bits + (size_t)p->slabs * p->words * 8;
    p->caches = mr_align_up(p->in_use + in_use, 64);
    p->base = mr_align_up(p->caches + caches, align);
}

/* What a slab has too much is used to begin its objects further on; large ones give one of theirs for it. */
static void plan_colours(struct plan *p, const struct memoir_slab_options *o)
{
    size_t step = mr_max(MR_CACHE_LINE, o->align), slab = (size_t)1 << p->slab_shift;
    p->per_slab = (uint32_t)(slab / p->stride);
    if (p->stride % (2 * MR_CACHE_LINE) == 0 && p->per_slab > 32 && slab - p->per_slab * p->stride < p->stride)
        p->per_slab--;
    size_t slack = mr_min(slab - p->per_slab * p->stride, p->stride) / step;
    p->colour_shift = mr_log2_floor(step);
    p->colour_mask = slack > 1 && p->stride >= 2 * step ? (((size_t)1 << mr_log2_floor(slack)) - 1) * step : 0;
}

/* Slabs of the system's memory. `most` is bytes of objects. */
static void plan_slabs(struct plan *p, const struct memoir_slab_options *o, size_t most)
{
    p->slab_shift = mr_log2_ceil(mr_max(SLAB_BYTES, LEAST_OBJECTS * p->stride));
    plan_colours(p, o);
    size_t slabs = mr_max(most >> p->slab_shift, 1), wanted = o->limit / p->per_slab + (o->limit % p->per_slab != 0);
    p->slabs = (uint32_t)(o->limit ? mr_min(wanted, slabs) : slabs);
    p->slot_shift = mr_max(mr_log2_ceil(p->per_slab), 6);
    p->words = 1u << (p->slot_shift - 6);
    p->slots = (size_t)p->slabs << p->slot_shift;
    p->capacity = MEMOIR_SLAB_ROUNDS;
    size_t caches = o->flags & MEMOIR_SLAB_THREAD_CACHES ? (size_t)CACHES * MR_SLAB_CACHE_BYTES : 0;
    plan_memory(p, o, mr_os_page, caches);
    p->bytes = p->base + ((size_t)p->slabs << p->slab_shift);
}

static struct memoir_slab *set_up(char *memory, const struct plan *p, const struct memoir_slab_options *o)
{
    struct mr_slab *s = (struct mr_slab *)(void *)memory;
    s->options = *o;
    s->stride = p->stride;
    s->per_slab = p->per_slab;
    s->words = p->words;
    s->descriptors = (struct mr_slab_descriptor *)(void *)(memory + p->descriptors);
    s->bits = (uint64_t *)(void *)(memory + p->bits);
    s->cache_room = memory + p->caches;
    s->cache_end = memory + p->base;
    s->partial = s->last_partial = s->blank = MR_SLAB_NONE;
    bool slow = o->flags != 0;
    s->capacity = p->capacity;
    s->shared = slow ? (struct memoir_slab_magazine *)(void *)s->face.magazine.rounds : &s->face.magazine;
    s->slab_shift = p->slab_shift;
    s->slot_shift = p->slot_shift;
    s->colour_shift = p->colour_shift;
    s->colour_mask = p->colour_mask;
    s->stride_inverse = UINT64_MAX / p->stride + 1;
    s->in_use = (uint8_t *)memory + p->in_use;
    s->slabs = p->slabs;
    s->face.base = memory + p->base;
    s->face.reach = p->bytes - p->base;
    /* The last place is filled by the slow half, which drains then. */
    s->face.room = slow ? 0 : p->capacity - 1;
    if (mr_slab_has(s, MEMOIR_SLAB_THREAD_SAFE | MEMOIR_SLAB_THREAD_CACHES))
        pthread_mutex_init(&s->mutex, NULL);
    return &s->face;
}

/* ---- memory of the system's ------------------------------------------------------------------------- */

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
    p.stride = stride_of(&o);
    if (o.limit > MOST_BYTES / p.stride) {
        is_bad(&o, "options.limit is more than 16 GiB of objects");
        return NULL;
    }
    char *memory = reserve(&p, &o);
    if (!memory) {
        errno = ENOMEM;
        return NULL;
    }
    struct mr_slab *s = mr_slab_whole(set_up(memory, &p, &o));
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

/* ---- memory of the caller's ------------------------------------------------------------------------- */

/* One slab, whose shifts are such that its number comes out as 0. */
static void plan_buffer(struct plan *p, const struct memoir_slab_options *o, size_t objects)
{
    *p = (struct plan){ .stride = p->stride, .slab_shift = 63, .slot_shift = 32, .slabs = 1 };
    p->per_slab = (uint32_t)objects;
    p->words = (uint32_t)((objects + 63) / 64);
    p->slots = objects;
    p->capacity = (unsigned)mr_min(mr_max(objects / 4, 16), MEMOIR_SLAB_ROUNDS);
    plan_memory(p, o, mr_max(o->align, 16), 0);
    p->bytes = p->base + objects * p->stride;
}

static size_t slack(const struct memoir_slab_options *o) { return mr_max(o->align, 64) - 1; }

static bool is_too_many(const struct plan *p, size_t objects) { return objects > UINT32_MAX / p->stride; }

size_t memoir_slab_buffer_size(size_t objects, const struct memoir_slab_options *options)
{
    struct plan p = { .stride = options && !what_is_wrong(options, false) ? stride_of(options) : 0 };
    if (p.stride == 0 || objects == 0 || is_too_many(&p, objects)) {
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
    p.stride = stride_of(&o);
    char *memory = (char *)mr_align_up((uintptr_t)buffer, slack(&o) + 1);
    size_t lost = (size_t)(memory - (char *)buffer), objects = buffer && size > lost
        ? most_objects(&p, &o, size - lost) : 0;
    objects = o.limit ? mr_min(objects, o.limit) : objects;
    if (objects == 0) {
        is_bad(&o, "the buffer has no room for an object: memoir_slab_buffer_size says what is needed");
        return NULL;
    }
    plan_buffer(&p, &o, objects);
    memset(memory, 0, p.base);
    return set_up(memory, &p, &o);
}

/* ---- the end ---------------------------------------------------------------------------------------- */

size_t memoir_slab_destroy(struct memoir_slab *slab)
{
    if (!slab)
        return 0;
    struct mr_slab *s = mr_slab_whole(slab);
    mr_slab_depot_drain_all(s);
    size_t in_use = s->out;
    mr_slab_depot_end(s);
    if (mr_slab_has(s, MEMOIR_SLAB_THREAD_CACHES))
        pthread_key_delete(s->key);
    if (mr_slab_has(s, MEMOIR_SLAB_THREAD_SAFE | MEMOIR_SLAB_THREAD_CACHES))
        pthread_mutex_destroy(&s->mutex);
    if (s->memory)
        mr_vm_release(s->memory, s->bytes);
    return in_use;
}
