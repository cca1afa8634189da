/* create.c: where a pool lies, how it grows, and its end. */
#include "quick.h"

#include <errno.h>
#include <string.h>

static const size_t GROW_LEAST = (size_t)64 << 10;
static const size_t HUGE = (size_t)2 << 20;

/* Where things are, before there is a pool. Offsets from its start. */
struct layout {
    size_t table;      /* of the fit, behind the control structure */
    size_t front;      /* bytes before base, the first header included */
    size_t units_most;
    unsigned shift;
};

static const enum mr_fit fits[MEMOIR_FITS] = {
    [MEMOIR_FIT_SEGREGATED] = MR_FIT_SEGREGATED, [MEMOIR_FIT_FIRST] = MR_FIT_FIRST,
    [MEMOIR_FIT_NEXT] = MR_FIT_NEXT,             [MEMOIR_FIT_BEST] = MR_FIT_BEST,
    [MEMOIR_FIT_WORST] = MR_FIT_WORST,           [MEMOIR_FIT_BUDDY] = MR_FIT_BUDDY,
};

/* The smallest span holds the header and a free span's node (24 bytes); a buddy's is a power of two. */
static uint32_t min_units(const struct memoir_pool_options *o)
{
    return o->align != 8 ? 2 : o->fit == MEMOIR_FIT_BUDDY ? 4 : 3;
}

/* For so many bytes of blocks at most. */
static struct layout lay_out(const struct memoir_pool_options *o, size_t bytes)
{
    struct layout l = { .shift = o->align == 8 ? 3 : 4 };
    l.units_most = bytes >> l.shift;
    l.table = mr_align_up(sizeof(struct memoir_pool), MR_CACHE_LINE);
    uint32_t units = (uint32_t)l.units_most;
    l.front = l.table + mr_pool_table_bytes(fits[o->fit], units, units, 1) + MR_EMBED_HEADER;
    return l;
}

/* ---- options ------------------------------------------------------------------------------------------------ */

static const unsigned KNOWN_FLAGS = MEMOIR_POOL_THREAD_SAFE | MEMOIR_POOL_FALLBACK | MEMOIR_POOL_TAGS |
                                    MEMOIR_POOL_FILL | MEMOIR_POOL_HUGE_PAGES;

/* What is wrong with the options, or NULL. */
static const char *option_fault(const struct memoir_pool_options *o, size_t size, bool own_buffer)
{
    size_t most = o->align == 8 ? MEMOIR_POOL_LARGEST / 2 : MEMOIR_POOL_LARGEST;
    if ((unsigned)o->fit >= MEMOIR_FITS)
        return "there is no such fit; take one of enum memoir_fit";
    if (o->flags & ~KNOWN_FLAGS)
        return "an unknown flag is set; take those of enum memoir_pool_flags";
    if (o->align != 0 && o->align != 8 && o->align != 16)
        return "align is neither 8 nor 16; for larger ones call memoir_pool_aligned_alloc";
    if (own_buffer && (o->limit != 0 || o->flags & MEMOIR_POOL_HUGE_PAGES))
        return "a caller's buffer neither grows nor has huge pages; leave limit 0 and the flag out";
    if (o->limit != 0 && o->limit < size)
        return "limit is below size; give one above, or 0 for a pool that does not grow";
    if (size == 0 || size > most || o->limit > most)
        return "size and limit are 1 byte to 16 GiB, with align = 8 to 8 GiB";
    return NULL;
}

static bool refuse(const struct memoir_pool_options *o, const char *why)
{
    if (!why)
        return false;
    mr_embed_report(NULL, o, MEMOIR_POOL_BAD_REQUEST, NULL, "it cannot be created: %s", why);
    errno = EINVAL;
    return true;
}

/* ---- making ------------------------------------------------------------------------------------------------- */

static void init_mutex(struct memoir_pool *pool)
{
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK); /* a callback that calls the pool is told so */
    pthread_mutex_init(&pool->mutex, &attr);
    pthread_mutexattr_destroy(&attr);
}

/* Enough that a header of another pool, or of an earlier one in the same place, is not taken for one of ours. */
static uint64_t make_secret(const struct memoir_pool *pool)
{
    static _Atomic uint64_t pools;
    uint64_t n = atomic_fetch_add_explicit(&pools, 1, memory_order_relaxed);
    return ((uint64_t)(uintptr_t)pool ^ mr_clock_ns() << 20 ^ n << 48) * 0x9e3779b97f4a7c15u;
}

static struct memoir_pool *set_up(char *start, char *base, const struct layout *l, const struct memoir_pool_options *o)
{
    struct memoir_pool *pool = (struct memoir_pool *)(void *)start;
    memset(pool, 0, sizeof *pool);
    pool->base = base;
    pool->shift = l->shift;
    pool->trailer = o->flags & MEMOIR_POOL_TAGS ? MR_EMBED_TRAILER : 0;
    pool->guarded = o->flags & MEMOIR_POOL_THREAD_SAFE;
    pool->options = *o;
    pool->secret = make_secret(pool);
    mr_pool_init(&pool->engine, fits[o->fit], base - MR_EMBED_HEADER, (size_t)1 << l->shift, min_units(o), 0);
    mr_pool_forget_stamps(&pool->engine);
    mr_pool_set_table(&pool->engine, start + l->table, (uint32_t)l->units_most);
    if (pool->guarded)
        init_mutex(pool);
    return pool;
}

static size_t base_align(const struct memoir_pool_options *o, size_t limit)
{
    if (o->fit == MEMOIR_FIT_BUDDY) /* what it can align to is bounded by what its first unit is aligned to */
        return mr_max(mr_os_page, mr_min((size_t)1 << mr_log2_floor(limit), MR_GIB));
    return o->flags & MEMOIR_POOL_HUGE_PAGES ? HUGE : mr_os_page;
}

/* Address space of `bytes` whose part from `front` on is aligned; *all and *length are what to release. */
static char *reserve(size_t front, size_t bytes, size_t align, char **all, size_t *length)
{
    *length = bytes + align;
    *all = mr_vm_reserve(*length, mr_os_page);
    return *all ? (char *)mr_align_up((size_t)*all + front, align) - front : NULL;
}

static void enlarge(struct memoir_pool *pool, size_t bytes)
{
    mr_pool_grow(&pool->engine, (uint32_t)(bytes >> pool->shift), 0);
    pool->capacity += bytes;
    mr_embed_quick_plan(pool);
}

static bool commit(struct memoir_pool *pool, size_t from, size_t bytes)
{
    if (!mr_vm_commit(pool->base + from, bytes))
        return false;
    if (pool->options.flags & MEMOIR_POOL_HUGE_PAGES)
        mr_vm_huge(pool->base + from, bytes);
    enlarge(pool, bytes);
    return true;
}

MR_EXPORT struct memoir_pool *memoir_pool_create(size_t size, const struct memoir_pool_options *options)
{
    static const struct memoir_pool_options defaults;
    const struct memoir_pool_options *o = options ? options : &defaults;
    mr_os_init();
    if (refuse(o, option_fault(o, size, false)))
        return NULL;
    size_t limit = mr_align_up(mr_max(size, o->limit), mr_os_page);
    struct layout l = lay_out(o, limit);
    /* An OS page of its own for the first header: those before it stay usable when the pool is protected. */
    size_t front = mr_align_up(l.front, mr_os_page) + mr_os_page, length;
    char *all, *start = reserve(front, front + limit, base_align(o, limit), &all, &length);
    if (!start || !mr_vm_commit(start, front)) {
        mr_vm_release(all, start ? length : 0);
        errno = ENOMEM;
        return NULL;
    }
    struct memoir_pool *pool = set_up(start, start + front, &l, o);
    pool->memory = all;
    pool->reserved = length;
    pool->limit = limit;
    if (!commit(pool, 0, mr_align_up(size, mr_os_page))) {
        memoir_pool_destroy(pool);
        errno = ENOMEM;
        return NULL;
    }
    return pool;
}

/* Where the first unit of a buffer lies, and how many bytes of units it has; 0: none. */
static size_t fit_into(char *start, size_t size, const struct memoir_pool_options *o, struct layout *l, char **base)
{
    *l = lay_out(o, size);
    size_t align = o->fit == MEMOIR_FIT_BUDDY ? MR_CACHE_LINE : (size_t)1 << l->shift;
    *base = (char *)mr_align_up((size_t)start + l->front, align);
    size_t used = (size_t)(*base - MR_EMBED_HEADER - start), least = (size_t)min_units(o) << l->shift;
    return used < size && size - used >= least ? mr_align_down(size - used, (size_t)1 << l->shift) : 0;
}

MR_EXPORT struct memoir_pool *memoir_pool_create_in(void *buffer, size_t size, const struct memoir_pool_options *options)
{
    static const struct memoir_pool_options defaults;
    const struct memoir_pool_options *o = options ? options : &defaults;
    struct layout l;
    char *start = (char *)mr_align_up((size_t)buffer, MR_CACHE_LINE), *base = NULL;
    size_t skipped = (size_t)(start - (char *)buffer);
    mr_os_init();
    if (refuse(o, !buffer ? "there is no buffer" : option_fault(o, size, true)))
        return NULL;
    size_t bytes = size > skipped ? fit_into(start, size - skipped, o, &l, &base) : 0;
    if (refuse(o, bytes == 0 ? "the buffer is too small; see memoir_pool_overhead" : NULL))
        return NULL;
    memset(start + l.table, 0, l.front - MR_EMBED_HEADER - l.table);
    struct memoir_pool *pool = set_up(start, base, &l, o);
    pool->limit = bytes;
    enlarge(pool, bytes);
    return pool;
}

MR_EXPORT size_t memoir_pool_overhead(size_t size, const struct memoir_pool_options *options)
{
    static const struct memoir_pool_options defaults;
    const struct memoir_pool_options *o = options ? options : &defaults;
    if (option_fault(o, size, false)) {
        errno = EINVAL;
        return 0;
    }
    /* At worst the buffer's start and the first unit lie one byte behind where they should. */
    return lay_out(o, size).front - MR_EMBED_HEADER + 2 * MR_CACHE_LINE;
}

/* ---- growing -------------------------------------------------------------------------------------------------- */

bool mr_embed_grow(struct memoir_pool *pool, uint32_t units, uint32_t align)
{
    size_t has = pool->capacity, room = pool->limit - has;
    size_t need = ((size_t)units + align + 2) << pool->shift;
    if (pool->options.fit == MEMOIR_FIT_BUDDY) { /* a power of two, behind the next multiple of itself */
        size_t bytes = (size_t)1 << mr_log2_ceil(need);
        need = mr_align_up(has, bytes) + bytes - has;
    }
    size_t step = mr_align_up(mr_max(need, mr_max(has / 8, GROW_LEAST)), mr_os_page);
    return room != 0 && (commit(pool, has, mr_min(step, room)) ||
                         (need < step && commit(pool, has, mr_min(mr_align_up(need, mr_os_page), room))));
}

/* ---- the end ---------------------------------------------------------------------------------------------------- */

enum { LISTED = 20, STDERR = 2 };

static void to_stderr(void *ctx, const char *text, size_t length)
{
    (void)ctx;
    mr_file_write(STDERR, text, length);
}

struct listing {
    struct mr_fmt *out;
    size_t listed;
};

static bool list_leak(void *ctx, const struct memoir_pool_block *b)
{
    struct listing *l = ctx;
    if (l->listed++ == LISTED) {
        mr_fmt_print(l->out, "memoir:   ... and more\n");
        return false;
    }
    mr_fmt_print(l->out, "memoir:   %zu bytes at %p", b->size, b->block);
    if (b->file)
        mr_fmt_print(l->out, " from %s:%u", b->file, b->line);
    mr_fmt_print(l->out, "\n");
    return true;
}

static void list_leaks(const struct memoir_pool *pool, size_t blocks)
{
    char text[512];
    struct mr_fmt f = mr_fmt_to_sink(text, sizeof text, to_stderr, NULL);
    struct listing l = { .out = &f };
    mr_fmt_print(&f, "memoir: pool %s is destroyed with %zu %s (%zu bytes) not freed:\n", mr_embed_name(&pool->options),
                 blocks, blocks == 1 ? "block" : "blocks", (size_t)mr_embed_in_use(pool));
    mr_embed_survey(pool, true, list_leak, &l);
    mr_fmt_flush(&f);
}

static size_t tell_leaks(struct memoir_pool *pool)
{
    size_t blocks = (size_t)mr_embed_blocks(pool);
    if (blocks != 0 && pool->options.on_leak)
        mr_embed_survey(pool, true, pool->options.on_leak, pool->options.ctx);
    else if (blocks != 0)
        list_leaks(pool, blocks);
    return blocks;
}

MR_EXPORT size_t memoir_pool_destroy(struct memoir_pool *pool)
{
    if (!pool)
        return 0;
    if (pool->protection != MEMOIR_PROTECT_READ_WRITE)
        memoir_pool_protect_all(pool, MEMOIR_PROTECT_READ_WRITE);
    if (!pool->memory)
        mr_embed_unprotect_blocks(pool);
    size_t leaked = tell_leaks(pool);
    mr_embed_fosters_drop(&pool->fosters);
    if (pool->options.flags & MEMOIR_POOL_THREAD_SAFE)
        pthread_mutex_destroy(&pool->mutex);
    if (pool->memory)
        mr_vm_release(pool->memory, pool->reserved);
    else
        pool->engine.units = 0; /* what uses the handle nevertheless finds no block in it */
    return leaked;
}
