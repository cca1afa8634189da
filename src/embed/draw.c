/* draw.c: a pool as an ASCII picture: figures, a map, a histogram of the gaps. */
#include "embed.h"

#include <string.h>

enum { LEAST_WIDTH = 20, MOST_WIDTH = 500, MOST_ROWS = 200, BUCKETS = 36 };
static const struct memoir_pool_picture defaults = { .width = 80, .rows = 8 };

struct picture {
    const struct memoir_pool *pool;
    struct mr_fmt *out;
    unsigned width, rows;
    bool colour;
};

/* ---- colour ---------------------------------------------------------------------------------------------------- */

static const char red[] = "\x1b[31m", green[] = "\x1b[32m", yellow[] = "\x1b[33m", bold[] = "\x1b[1m", plain[] = "\x1b[0m";

static void paint(const struct picture *pic, const char *code)
{
    if (pic->colour)
        mr_fmt_bytes(pic->out, code, strlen(code));
}

static void repeat(struct mr_fmt *out, char c, size_t n)
{
    while (n-- > 0)
        mr_fmt_char(out, c);
}

/* ---- figures ----------------------------------------------------------------------------------------------------- */

static void size_after(struct mr_fmt *out, const char *words, uint64_t bytes)
{
    mr_fmt_print(out, "%s", words);
    mr_fmt_size(out, bytes);
}

static void size_if_any(struct mr_fmt *out, const char *words, uint64_t bytes)
{
    if (bytes != 0)
        size_after(out, words, bytes);
}

static void draw_figures(const struct picture *pic, const struct memoir_pool_stats *s)
{
    struct mr_fmt *out = pic->out;
    paint(pic, bold);
    mr_fmt_print(out, "pool %s", mr_embed_name(&pic->pool->options));
    paint(pic, plain);
    mr_fmt_print(out, ": %s, ", mr_fit_name(pic->pool->engine.fit));
    mr_fmt_size(out, s->capacity);
    size_if_any(out, ", grows to ", s->limit > s->capacity ? s->limit : 0);
    mr_fmt_print(out, "\nin use ");
    mr_fmt_size(out, s->in_use);
    mr_fmt_print(out, " in ");
    mr_fmt_count(out, s->blocks);
    mr_fmt_print(out, s->blocks == 1 ? " block" : " blocks");
    size_after(out, ", peak ", s->peak);
    size_if_any(out, ", from malloc ", s->fallback_bytes);
    size_after(out, "\nfree   ", s->free_bytes);
    mr_fmt_print(out, " in ");
    mr_fmt_count(out, s->gaps);
    mr_fmt_print(out, s->gaps == 1 ? " gap" : " gaps");
    size_after(out, ", largest ", s->largest_free);
    mr_fmt_print(out, ", fragmentation %u %%\n", s->fragmentation);
}

/* ---- the map -------------------------------------------------------------------------------------------------------- */

/* A cell by its share in use; only a cell wholly in use or free looks so. */
struct shade {
    char mark;
    const char *code;
};

static struct shade shade_of(uint64_t used, uint64_t all)
{
    if (used == 0)
        return (struct shade){ '.', green };
    if (used == all)
        return (struct shade){ '#', red };
    return used * 2 >= all ? (struct shade){ '+', yellow } : (struct shade){ '-', yellow };
}

/* Goes over the spans as the cells ask for them, from left to right. */
struct cursor {
    const struct memoir_pool *pool;
    uint32_t head, end; /* the span */
};

/* Units in use in [from, to). */
static uint64_t used_in(struct cursor *c, uint32_t from, uint32_t to)
{
    const struct mr_pool *engine = &c->pool->engine;
    uint64_t used = 0;
    uint32_t at = from;
    while (at < to) {
        if (at >= c->end) {
            c->head = c->end;
            c->end += mr_pool_size(engine, c->head);
        }
        uint32_t stop = (uint32_t)mr_min(c->end, to);
        if (!mr_pool_is_free(engine, c->head))
            used += stop - at;
        at = stop;
    }
    return used;
}

static uint32_t units_per_cell(const struct picture *pic, unsigned columns)
{
    uint64_t cells = (uint64_t)columns * pic->rows, units = pic->pool->engine.units;
    return (uint32_t)mr_max((units + cells - 1) / cells, 1);
}

static void draw_row(const struct picture *pic, struct cursor *c, uint32_t from, uint32_t per, unsigned columns)
{
    uint32_t units = pic->pool->engine.units;
    const char *code = plain;
    mr_fmt_char(pic->out, '|');
    for (unsigned i = 0; i < columns && from < units; i++, from += per) {
        uint32_t to = (uint32_t)mr_min((uint64_t)from + per, units);
        struct shade s = shade_of(used_in(c, from, to), to - from);
        if (s.code != code)
            paint(pic, s.code);
        code = s.code;
        mr_fmt_char(pic->out, s.mark);
    }
    paint(pic, plain);
    mr_fmt_print(pic->out, "|\n");
}

static void draw_map(const struct picture *pic)
{
    unsigned columns = pic->width - 2;
    uint32_t per = units_per_cell(pic, columns), units = pic->pool->engine.units;
    struct cursor c = { .pool = pic->pool, .end = mr_pool_size(&pic->pool->engine, 0) };
    for (uint64_t from = 0; from < units; from += (uint64_t)per * columns)
        draw_row(pic, &c, (uint32_t)from, per, columns);
    mr_fmt_print(pic->out, "# in use  + mostly  - mostly free  . free");
    size_after(pic->out, "  a mark is ", (uint64_t)per << pic->pool->shift);
    mr_fmt_char(pic->out, '\n');
}

/* ---- the histogram --------------------------------------------------------------------------------------------------- */

struct bucket {
    uint64_t gaps, bytes;
};

/* Gaps by their size in powers of two. Returns the most bytes of one. */
static uint64_t count_gaps(const struct memoir_pool *pool, struct bucket *buckets)
{
    const struct mr_pool *engine = &pool->engine;
    uint64_t most = 0;
    for (uint32_t head = mr_pool_first(engine); head != MR_POOL_NONE; head = mr_pool_next(engine, head)) {
        if (!mr_pool_is_free(engine, head))
            continue;
        uint64_t bytes = (uint64_t)mr_pool_size(engine, head) << pool->shift;
        struct bucket *b = &buckets[mr_log2_floor(bytes)];
        b->gaps++;
        b->bytes += bytes;
        most = mr_max(most, b->bytes);
    }
    return most;
}

/* A text in a field of its own. */
static void right(struct mr_fmt *out, uint64_t n, int width, bool size)
{
    char text[32];
    struct mr_fmt f = mr_fmt_to_buffer(text, sizeof text);
    (size ? mr_fmt_size : mr_fmt_count)(&f, n);
    mr_fmt_print(out, "%*s", width, mr_fmt_end_string(&f));
}

enum { BAR_FROM = 40 }; /* the column where the bars begin */

static void draw_gaps(const struct picture *pic)
{
    struct bucket buckets[BUCKETS] = { { 0, 0 } };
    uint64_t most = count_gaps(pic->pool, buckets);
    unsigned room = pic->width > BAR_FROM ? pic->width - BAR_FROM : 0;
    mr_fmt_print(pic->out, "%13s%13s%13s\n", "gaps from", "count", "bytes");
    for (unsigned i = 0; i < BUCKETS; i++) {
        if (buckets[i].gaps == 0)
            continue;
        right(pic->out, (uint64_t)1 << i, 13, true);
        right(pic->out, buckets[i].gaps, 13, false);
        right(pic->out, buckets[i].bytes, 13, true);
        mr_fmt_char(pic->out, ' ');
        paint(pic, green);
        repeat(pic->out, '*', (room * buckets[i].bytes + most - 1) / most);
        paint(pic, plain);
        mr_fmt_char(pic->out, '\n');
    }
}

/* ---- all of it ---------------------------------------------------------------------------------------------------------- */

static unsigned within(unsigned n, unsigned otherwise, unsigned least, unsigned most)
{
    return n == 0 ? otherwise : n < least ? least : n > most ? most : n;
}

static void draw(struct memoir_pool *pool, const struct memoir_pool_picture *wanted, struct mr_fmt *out)
{
    struct memoir_pool_stats stats;
    struct picture pic = { pool, out, 0, 0, false };
    wanted = wanted ? wanted : &defaults;
    pic.width = within(wanted->width, defaults.width, LEAST_WIDTH, MOST_WIDTH);
    pic.rows = within(wanted->rows, defaults.rows, 1, MOST_ROWS);
    pic.colour = wanted->colour;
    mr_embed_stats(pool, &stats);
    draw_figures(&pic, &stats);
    draw_map(&pic);
    draw_gaps(&pic);
}

/* A broken pool has no picture: its spans lead nowhere. */
static void draw_sound(struct memoir_pool *pool, const struct memoir_pool_picture *wanted, struct mr_fmt *out)
{
    const char *why = mr_embed_check(pool);
    if (!why)
        draw(pool, wanted, out);
    else
        mr_fmt_print(out, "pool %s is corrupted: %s\n", mr_embed_name(&pool->options), why);
}

MR_EXPORT size_t memoir_pool_draw(struct memoir_pool *pool, const struct memoir_pool_picture *picture, char *buf,
                                  size_t cap)
{
    struct mr_fmt f = mr_fmt_to_buffer(buf, cap);
    if (pool->guarded && !mr_embed_enter_slow(pool, false))
        return 0;
    draw_sound(pool, picture, &f);
    mr_embed_leave(pool);
    size_t length = f.len + f.lost;
    if (cap > 0)
        mr_fmt_end_string(&f);
    return length;
}

MR_EXPORT void memoir_pool_draw_to(struct memoir_pool *pool, const struct memoir_pool_picture *picture,
                                   memoir_pool_write *write, void *ctx)
{
    char text[512];
    struct mr_fmt f = mr_fmt_to_sink(text, sizeof text, write, ctx);
    if (pool->guarded && !mr_embed_enter_slow(pool, false))
        return;
    draw_sound(pool, picture, &f);
    mr_fmt_flush(&f);
    mr_embed_leave(pool);
}
