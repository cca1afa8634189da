/* blocks.c: handing out blocks and taking them back. */
#include "quick.h"

#include <errno.h>
#include <string.h>

enum { FILL_NEW = 0xCC, FILL_FREED = 0xDD };
enum { FAR = 16 << 20 }; /* more than the caches hold */

/* A request on its way. */
struct request {
    size_t size, align; /* align = 1: the pool's own */
    const char *file;
    unsigned line;
    bool zero;
};

static uint32_t take_units(struct memoir_pool *pool, uint32_t units, uint32_t align)
{
    uint32_t offset = (uint32_t)(((uintptr_t)pool->base >> pool->shift) & (align - 1));
    uint32_t head = mr_pool_take(&pool->engine, units, align, offset, NULL);
    if (MR_UNLIKELY(head == MR_POOL_NONE) && mr_embed_quick_settle(pool))
        head = mr_pool_take(&pool->engine, units, align, offset, NULL);
    if (MR_UNLIKELY(head == MR_POOL_NONE) && mr_embed_grow(pool, units, align))
        head = mr_pool_take(&pool->engine, units, align, offset, NULL);
    return head;
}

static void write_trailer(const struct memoir_pool *pool, uint32_t head, const char *file, unsigned line)
{
    struct mr_embed_trailer *t = mr_embed_trailer_of(pool, head);
    t->file = file;
    t->line = line;
    t->check = mr_embed_trailer_check(pool, head, t);
}

static void seal(const struct memoir_pool *pool, uint32_t head, size_t asked, unsigned state)
{
    struct mr_span *node = mr_embed_node(pool, head);
    mr_embed_write_seal(node, mr_embed_seal(pool, head, node->size, asked | (uint64_t)state << MR_EMBED_SIZE_BITS));
}

static void fill(const struct memoir_pool *pool, const struct request *r, void *p, size_t bytes)
{
    if (r->zero)
        memset(p, 0, r->size);
    else if (pool->options.flags & MEMOIR_POOL_FILL)
        memset(p, FILL_NEW, bytes);
}

/* From the pool itself, or NULL. */
static void *take_own(struct memoir_pool *pool, const struct request *r)
{
    if (r->size > MEMOIR_POOL_LARGEST || r->align > MEMOIR_POOL_LARGEST)
        return NULL;
    uint32_t units = (uint32_t)mr_embed_units(pool, r->size), align = (uint32_t)mr_max(r->align >> pool->shift, 1);
    uint32_t head = take_units(pool, units, align);
    if (MR_UNLIKELY(head == MR_POOL_NONE))
        return NULL;
    seal(pool, head, r->size, MEMOIR_PROTECT_READ_WRITE);
    if (pool->trailer)
        write_trailer(pool, head, r->file, r->line);
    mr_embed_count_alloc(pool, r->size);
    char *p = mr_embed_payload(pool, head);
    if (r->zero || pool->options.flags & MEMOIR_POOL_FILL)
        fill(pool, r, p, mr_embed_usable(pool, mr_pool_size(&pool->engine, head)));
    return p;
}

static void *take_foster(struct memoir_pool *pool, const struct request *r)
{
    void *p = mr_embed_fosters_take(&pool->fosters, r->align, r->size, r->file, r->line);
    if (!p)
        return NULL;
    mr_embed_count_alloc(pool, r->size);
    fill(pool, r, p, r->size);
    return p;
}

static MR_NOINLINE void *take_rare(struct memoir_pool *pool, const struct request *r)
{
    void *p = pool->options.flags & MEMOIR_POOL_FALLBACK ? take_foster(pool, r) : NULL;
    if (!p) {
        pool->failures++;
        errno = ENOMEM;
    }
    return p;
}

static void *take(struct memoir_pool *pool, const struct request *r)
{
    void *p;
    if (r->align != 1 || !mr_embed_quick_take(pool, r->size, pool->quick_sizes, &p))
        p = take_own(pool, r);
    else if (r->zero)
        memset(p, 0, r->size);
    return p ? p : take_rare(pool, r);
}

/* Tells of a held block whose header was overwritten; the pool goes on without it. False: it cannot go on. */
static bool tell_broken(struct memoir_pool *pool, const struct request *r)
{
    uint32_t head = mr_embed_quick_forsake(pool, r->size);
    if (MR_LIKELY(head == MR_POOL_NONE))
        return true;
    const void *p = mr_embed_payload(pool, head);
    mr_embed_leave(pool);
    mr_embed_report(pool, NULL, MEMOIR_POOL_CORRUPTED, p, "alloc: the header of the free block at %p was overwritten", p);
    return mr_embed_enter(pool);
}

static MR_NOINLINE void *serve(struct memoir_pool *pool, const struct request *r)
{
    if (!mr_embed_enter(pool) || !tell_broken(pool, r))
        return NULL;
    void *p = take(pool, r);
    mr_embed_leave(pool);
    return p;
}

MR_EXPORT void *memoir_pool_alloc_at(struct memoir_pool *pool, size_t size, const char *file, unsigned line)
{
    struct request r = { size, 1, file, line, false };
    return serve(pool, &r);
}

/* Nothing is held for it. In a pool whose calls may be fast, a block needs but its units and a seal. */
static MR_NOINLINE void *alloc_slow(struct memoir_pool *pool, size_t size)
{
    struct request r = { size, 1, NULL, 0, false };
    size_t units = mr_embed_units(pool, size);
    if (pool->fast_sizes == 0 || size > MEMOIR_POOL_LARGEST || (units < MR_EMBED_QUICKS && pool->quick[units].count != 0))
        return serve(pool, &r);
    uint32_t head = mr_pool_take(&pool->engine, (uint32_t)units, 1, 0, NULL);
    if (MR_UNLIKELY(head == MR_POOL_NONE))
        return serve(pool, &r);
    seal(pool, head, size, MEMOIR_PROTECT_READ_WRITE);
    mr_embed_count_alloc(pool, size);
    return mr_embed_payload(pool, head);
}

MR_EXPORT void *memoir_pool_alloc(struct memoir_pool *pool, size_t size)
{
    void *p;
    return MR_LIKELY(mr_embed_quick_take(pool, size, pool->fast_sizes, &p)) ? p : alloc_slow(pool, size);
}

MR_EXPORT void *memoir_pool_calloc_at(struct memoir_pool *pool, size_t count, size_t size, const char *file,
                                      unsigned line)
{
    struct request r = { 0, 1, file, line, true };
    if (__builtin_mul_overflow(count, size, &r.size))
        r.size = SIZE_MAX; /* fails, and counts as a failure */
    return serve(pool, &r);
}

MR_EXPORT void *memoir_pool_calloc(struct memoir_pool *pool, size_t count, size_t size)
{
    return memoir_pool_calloc_at(pool, count, size, NULL, 0);
}

MR_EXPORT void *memoir_pool_aligned_alloc_at(struct memoir_pool *pool, size_t align, size_t size, const char *file,
                                             unsigned line)
{
    if (!mr_is_pow2(align)) {
        mr_embed_report(pool, NULL, MEMOIR_POOL_BAD_REQUEST, NULL,
                        "aligned_alloc: %zu is no alignment; give a power of two", align);
        errno = EINVAL;
        return NULL;
    }
    struct request r = { size, align, file, line, false };
    return serve(pool, &r);
}

MR_EXPORT void *memoir_pool_aligned_alloc(struct memoir_pool *pool, size_t align, size_t size)
{
    return memoir_pool_aligned_alloc_at(pool, align, size, NULL, 0);
}

MR_EXPORT void *memoir_pool_alloc_pages(struct memoir_pool *pool, size_t size)
{
    size_t bytes = mr_align_up(mr_max(size, 1), mr_os_page);
    return memoir_pool_aligned_alloc(pool, mr_os_page, bytes != 0 ? bytes : SIZE_MAX);
}

/* ---- taking back -------------------------------------------------------------------------------------------- */

static bool trailer_is_right(const struct memoir_pool *pool, uint32_t head)
{
    const struct mr_embed_trailer *t = mr_embed_trailer_of(pool, head);
    return t->check == mr_embed_trailer_check(pool, head, t);
}

/* A found block whose end was written over stays in use: what lies behind it may be broken too. */
static bool refuse_overflow(struct memoir_pool *pool, const void *p, uint32_t head, const char *verb)
{
    if (MR_LIKELY(pool->trailer == 0) || trailer_is_right(pool, head))
        return false;
    size_t asked = mr_embed_asked(mr_embed_read_seal(mr_pool_node(&pool->engine, head)));
    mr_embed_leave(pool);
    mr_embed_report(pool, NULL, MEMOIR_POOL_OVERFLOW, p,
                    "%s: something was written behind the end of this block of %zu bytes", verb, asked);
    return true;
}

/* A block whose header may be merged with its neighbours'. */
static void give_units(struct memoir_pool *pool, uint32_t head, size_t asked)
{
    mr_embed_count_free(pool, asked);
    seal(pool, head, asked, MR_EMBED_FREED);
    mr_pool_give(&pool->engine, head, 0);
}

static void give(struct memoir_pool *pool, void *p, uint32_t head)
{
    uint64_t old = mr_embed_read_seal(mr_embed_node(pool, head));
    size_t usable = mr_embed_usable(pool, mr_embed_node(pool, head)->size);
    if (MR_UNLIKELY(mr_embed_state(old) != MEMOIR_PROTECT_READ_WRITE)) {
        mr_vm_permit(p, mr_align_down(usable, mr_os_page), MR_VM_READ | MR_VM_WRITE);
        pool->protected_blocks--;
        mr_embed_quick_plan(pool);
    }
    if (MR_UNLIKELY(pool->options.flags & MEMOIR_POOL_FILL))
        memset(p, FILL_FREED, usable);
    give_units(pool, head, mr_embed_asked(old));
}

static void give_foster(struct memoir_pool *pool, struct mr_embed_foster *foster)
{
    mr_embed_count_free(pool, foster->size);
    mr_embed_fosters_give(&pool->fosters, foster);
}

static MR_NOINLINE void free_rare(struct memoir_pool *pool, void *p)
{
    struct mr_embed_foster *foster = mr_embed_fosters_find(&pool->fosters, p);
    if (!foster) {
        mr_embed_accuse(pool, p, "free");
        return;
    }
    give_foster(pool, foster);
    mr_embed_leave(pool);
}

static void free_own(struct memoir_pool *pool, void *p, uint32_t head)
{
    if (refuse_overflow(pool, p, head, "free"))
        return;
    give(pool, p, head);
    mr_embed_leave(pool);
}

static MR_NOINLINE void free_slow(struct memoir_pool *pool, void *p)
{
    uint32_t head;
    if (!p || !mr_embed_enter(pool))
        return;
    if (pool->quick_sizes != 0 && pool->protected_blocks == 0 &&
        mr_embed_quick_find(pool, p, pool->engine.units, &head) && mr_embed_quick_give(pool, head)) {
        mr_embed_leave(pool);
        return;
    }
    head = mr_embed_find(pool, p);
    if (MR_LIKELY(head != MR_POOL_NONE))
        free_own(pool, p, head);
    else
        free_rare(pool, p);
}

/* A found block in a pool whose calls may be fast, for which there is no room among those held. */
static MR_NOINLINE void free_found(struct memoir_pool *pool, void *p, uint32_t head)
{
    if (MR_LIKELY(mr_embed_mergeable(pool, head)))
        give_units(pool, head, mr_embed_asked(mr_embed_read_seal(mr_embed_node(pool, head))));
    else
        free_slow(pool, p);
}

/* In a large pool the header is in no cache, nor are those of the neighbours, whose places it tells: better all at once,
 * where they probably are, than one after the other (12 % of a pair among a million blocks). */
MR_INLINE void fetch_surroundings(const void *p)
{
    for (int line = -3; line <= 3; line++)
        __builtin_prefetch((const char *)p - MR_EMBED_HEADER + line * MR_CACHE_LINE);
}

MR_EXPORT void memoir_pool_free(struct memoir_pool *pool, void *p)
{
    if (pool->capacity > FAR)
        fetch_surroundings(p);
    uint32_t head;
    if (MR_UNLIKELY(!mr_embed_quick_find(pool, p, pool->fast_units, &head)))
        free_slow(pool, p);
    else if (MR_UNLIKELY(!mr_embed_quick_give(pool, head)))
        free_found(pool, p, head);
}

/* ---- another size --------------------------------------------------------------------------------------------- */

static bool resize(struct memoir_pool *pool, uint32_t head, size_t size)
{
    if (size > MEMOIR_POOL_LARGEST)
        return false;
    uint32_t units = (uint32_t)mr_embed_units(pool, size);
    return mr_pool_resize(&pool->engine, head, units, 0, NULL) ||
           (mr_embed_quick_settle_behind(pool, head) && mr_pool_resize(&pool->engine, head, units, 0, NULL));
}

static bool resize_in_place(struct memoir_pool *pool, uint32_t head, const struct request *r)
{
    size_t before = mr_embed_asked(mr_embed_read_seal(mr_pool_node(&pool->engine, head)));
    size_t usable = mr_embed_usable(pool, mr_pool_size(&pool->engine, head));
    if (!resize(pool, head, r->size))
        return false;
    seal(pool, head, r->size, MEMOIR_PROTECT_READ_WRITE);
    if (pool->trailer)
        write_trailer(pool, head, r->file, r->line);
    size_t now = mr_embed_usable(pool, mr_pool_size(&pool->engine, head));
    if (pool->options.flags & MEMOIR_POOL_FILL && now > usable)
        memset(mr_embed_payload(pool, head) + usable, FILL_NEW, now - usable);
    mr_embed_count_free(pool, before); /* as if it had been freed and allocated */
    mr_embed_count_alloc(pool, r->size);
    return true;
}

static void *move(struct memoir_pool *pool, void *p, uint32_t head, const struct request *r)
{
    size_t usable = mr_embed_usable(pool, mr_pool_size(&pool->engine, head));
    void *to = take(pool, r);
    if (!to)
        return NULL;
    memcpy(to, p, mr_min(usable, r->size));
    give(pool, p, head);
    return to;
}

static void *move_foster(struct memoir_pool *pool, void *p, const struct request *r)
{
    size_t size = mr_embed_fosters_find(&pool->fosters, p)->size;
    void *to = take(pool, r);
    if (!to)
        return NULL;
    memcpy(to, p, mr_min(size, r->size));
    give_foster(pool, mr_embed_fosters_find(&pool->fosters, p)); /* it may have moved in its table */
    return to;
}

static void *realloc_rare(struct memoir_pool *pool, void *p, const struct request *r)
{
    if (!mr_embed_fosters_find(&pool->fosters, p)) {
        mr_embed_accuse(pool, p, "realloc");
        return NULL;
    }
    void *to = move_foster(pool, p, r);
    mr_embed_leave(pool);
    return to;
}

static bool refuse_protected(struct memoir_pool *pool, const void *p, uint32_t head)
{
    if (mr_embed_state(mr_embed_read_seal(mr_pool_node(&pool->engine, head))) == MEMOIR_PROTECT_READ_WRITE)
        return false;
    mr_embed_leave(pool);
    mr_embed_report(pool, NULL, MEMOIR_POOL_BAD_REQUEST, p,
                    "realloc: this block is protected; make it read-write first");
    return true;
}

MR_EXPORT void *memoir_pool_realloc_at(struct memoir_pool *pool, void *p, size_t size, const char *file, unsigned line)
{
    struct request r = { size, 1, file, line, false };
    if (!p)
        return serve(pool, &r);
    if (!mr_embed_enter(pool))
        return NULL;
    uint32_t head = mr_embed_find(pool, p);
    if (MR_UNLIKELY(head == MR_POOL_NONE))
        return realloc_rare(pool, p, &r);
    if (refuse_protected(pool, p, head) || refuse_overflow(pool, p, head, "realloc"))
        return NULL;
    if (!resize_in_place(pool, head, &r))
        p = move(pool, p, head, &r);
    mr_embed_leave(pool);
    return p;
}

MR_EXPORT void *memoir_pool_realloc(struct memoir_pool *pool, void *p, size_t size)
{
    return memoir_pool_realloc_at(pool, p, size, NULL, 0);
}
