/* misuse.c: what is wrong with a pointer, in words, and whom to tell. Nothing here is fast: the hot paths only know
 * that something is wrong. */
#include "embed.h"

#include <errno.h>
#include <stdlib.h>

enum { LINE = 400, STDERR = 2 };

const char *mr_embed_name(const struct memoir_pool_options *options)
{
    return options && options->name ? options->name : "without a name";
}

static void tell_stderr(const char *words)
{
    char line[LINE + 16];
    struct mr_fmt f = mr_fmt_to_buffer(line, sizeof line);
    mr_fmt_print(&f, "memoir: %s\n", words);
    mr_file_write(STDERR, line, f.len);
}

void mr_embed_report(struct memoir_pool *pool, const struct memoir_pool_options *options, enum memoir_pool_error kind,
                     const void *p, const char *format, ...)
{
    char words[LINE];
    struct mr_fmt f = mr_fmt_to_buffer(words, sizeof words);
    va_list args;
    options = pool ? &pool->options : options;
    mr_fmt_print(&f, "pool %s: ", mr_embed_name(options));
    va_start(args, format);
    mr_fmt_vprint(&f, format, args);
    va_end(args);
    mr_fmt_end_string(&f);
    if (options && options->on_error) {
        options->on_error(options->ctx, pool, kind, p, words);
        return;
    }
    tell_stderr(words);
    if (pool)
        abort();
}

/* ---- entering and leaving ---------------------------------------------------------------------------------- */

static bool is_open(const struct memoir_pool *pool, bool writing)
{
    enum memoir_protection is = pool->protection;
    if (is == MEMOIR_PROTECT_READ_WRITE || is == MEMOIR_PROTECT_READ_WRITE_EXECUTE)
        return true;
    return !writing && (is == MEMOIR_PROTECT_READ || is == MEMOIR_PROTECT_READ_EXECUTE);
}

bool mr_embed_enter_slow(struct memoir_pool *pool, bool writing)
{
    if (pool->options.flags & MEMOIR_POOL_THREAD_SAFE && pthread_mutex_lock(&pool->mutex) != 0) {
        mr_embed_report(pool, NULL, MEMOIR_POOL_REENTERED, NULL,
                        "a callback of this pool calls it; remember the blocks and do it afterwards");
        return false;
    }
    if (is_open(pool, writing))
        return true;
    mr_embed_leave_slow(pool);
    mr_embed_report(pool, NULL, MEMOIR_POOL_PROTECTED, NULL,
                    "the pool as a whole is protected; call memoir_pool_protect_all to make it read-write first");
    return false;
}

void mr_embed_leave_slow(struct memoir_pool *pool)
{
    if (pool->options.flags & MEMOIR_POOL_THREAD_SAFE)
        pthread_mutex_unlock(&pool->mutex);
}

/* ---- what is wrong ------------------------------------------------------------------------------------------- */

/* Reads nothing but headers whose place the span before has vouched for. */
const char *mr_embed_header_fault(const struct memoir_pool *pool, uint32_t head, uint32_t *at)
{
    const struct mr_pool *engine = &pool->engine;
    uint32_t units = mr_pool_size(engine, head);
    *at = head;
    if (units < engine->min_units || units > engine->units - head)
        return "the length in its header was overwritten";
    if (mr_pool_is_free(engine, head) ? !mr_pool_holds(engine, head) : !mr_embed_bears_seal_of_use(pool, head))
        return "its header was overwritten";
    *at = head + units;
    if (*at < engine->units && mr_pool_node(engine, *at)->back != units)
        return "the header behind it was overwritten";
    return NULL;
}

/* Goes from span to span until the one that p lies in, or one whose header is wrong: *why then is not NULL. */
static uint32_t span_of(const struct memoir_pool *pool, const void *p, const char **why, uint32_t *at)
{
    size_t offset = (size_t)((const char *)p - pool->base) + MR_EMBED_HEADER; /* a header belongs to its span */
    for (uint32_t head = 0;; head += mr_pool_size(&pool->engine, head)) {
        *why = mr_embed_header_fault(pool, head, at);
        if (*why || offset < (size_t)(head + mr_pool_size(&pool->engine, head)) << pool->shift)
            return head;
    }
}

struct charge {
    enum memoir_pool_error kind;
    char words[LINE];
};

static void MR_PRINTF(3, 4) say(struct charge *c, enum memoir_pool_error kind, const char *format, ...)
{
    struct mr_fmt f = mr_fmt_to_buffer(c->words, sizeof c->words);
    va_list args;
    va_start(args, format);
    mr_fmt_vprint(&f, format, args);
    va_end(args);
    mr_fmt_end_string(&f);
    c->kind = kind;
}

static void say_where(const struct memoir_pool *pool, const void *p, const char *verb, struct charge *c)
{
    uint32_t at;
    const char *why, *start;
    uint32_t head = span_of(pool, p, &why, &at);
    start = mr_embed_payload(pool, head);
    if (why)
        say(c, MEMOIR_POOL_CORRUPTED, "%s of %p: the block at %p is corrupted: %s", verb, p, (const void *)start, why);
    else if (mr_embed_is_gap(pool, head))
        say(c, MEMOIR_POOL_DOUBLE_FREE, "%s of %p: this memory is free already", verb, p);
    else if (p == start) /* the walk found it right, from the left: it is the span before that is not */
        say(c, MEMOIR_POOL_CORRUPTED, "%s of %p: the header of this block was overwritten", verb, p);
    else
        say(c, MEMOIR_POOL_NOT_A_BLOCK, "%s of %p: it lies in the block at %p of %zu bytes, not at its start", verb, p,
            (const void *)start, mr_embed_asked(mr_embed_read_seal(mr_pool_node(&pool->engine, head))));
}

static bool is_inside(const struct memoir_pool *pool, const void *p)
{
    size_t offset = (size_t)((const char *)p + MR_EMBED_HEADER - pool->base);
    return offset < (size_t)pool->engine.units << pool->shift;
}

/* A block's seal says "held", or "freed" when it was merged into the gap before it and nobody has used the place since. */
static bool was_freed(const struct memoir_pool *pool, const void *p)
{
    size_t offset = (size_t)((const char *)p - pool->base);
    uint32_t head = (uint32_t)(offset >> pool->shift);
    if ((size_t)head << pool->shift != offset || head >= pool->engine.units ||
        !mr_vm_readable(mr_pool_node(&pool->engine, head)))
        return false;
    return mr_embed_is_sealed(pool, head) &&
           mr_embed_state(mr_embed_read_seal(mr_pool_node(&pool->engine, head))) >= MR_EMBED_HELD;
}

void mr_embed_accuse(struct memoir_pool *pool, const void *p, const char *verb)
{
    struct charge c;
    if (!is_inside(pool, p))
        say(&c, MEMOIR_POOL_FOREIGN_POINTER, "%s of %p: it does not lead into this pool", verb, p);
    else if (was_freed(pool, p))
        say(&c, MEMOIR_POOL_DOUBLE_FREE, "%s of %p: this block is free already", verb, p);
    else
        say_where(pool, p, verb, &c);
    mr_embed_leave(pool);
    errno = EINVAL;
    mr_embed_report(pool, NULL, c.kind, p, "%s", c.words);
}
