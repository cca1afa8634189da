/* gc_create.c: where the parts of a collector lie; types. */
#include "gc_inside.h"

#include <errno.h>

static const size_t MOST = (size_t)16 << 30, LEAST_LIMIT = (size_t)64 << 20;
enum { LEAST = 1 << 20, GROWTH = 100, STEP = 64 << 10 };

/* Offsets from the start of the memory. */
struct plan {
    uint32_t units;
    size_t cards, nodes, bits, roots, work, base, bytes;
};

static struct plan plan_for(size_t limit)
{
    struct plan p;
    size_t page = mr_os_page, units = mr_align_up(limit, STEP) >> MR_GC_UNIT_SHIFT;
    p.units = (uint32_t)units;
    p.cards = mr_align_up(sizeof(struct mr_gc), page);
    p.nodes = p.cards + mr_align_up(units * sizeof(struct mr_gc_card), page);
    p.bits = p.nodes + mr_align_up(units * sizeof(struct mr_gc_node), page);
    p.roots = p.bits + mr_align_up(units * MR_GC_WORDS * sizeof(struct mr_gc_bits), page);
    p.work = p.roots + mr_align_up(MR_GC_ROOTS * sizeof(struct mr_gc_root), page);
    p.base = mr_align_up(p.work + units * (MR_GC_UNIT / 16) * sizeof(void *), MR_GC_UNIT);
    p.bytes = p.base + (units << MR_GC_UNIT_SHIFT);
    return p;
}

static const char *what_is_wrong(const struct memoir_gc_options *o)
{
    if (o->flags & ~(unsigned)(MEMOIR_GC_NO_STACK | MEMOIR_GC_NO_DATA | MEMOIR_GC_MANUAL))
        return "options.flags has bits that mean nothing: use those of enum memoir_gc_flags";
    if (o->growth != 0 && (o->growth < 10 || o->growth > 1000))
        return "options.growth must be from 10 to 1000 percent, or 0";
    if (o->limit > MOST)
        return "options.limit may be at most 16 GiB";
    return NULL;
}

static char *reserve(const struct plan *p)
{
    char *memory = mr_vm_reserve(p->bytes, MR_GC_UNIT);
    if (memory && mr_vm_commit(memory, p->work))
        return memory;
    mr_vm_release(memory, memory ? p->bytes : 0);
    return NULL;
}

static struct mr_gc *set_up(char *memory, const struct plan *p, const struct memoir_gc_options *o)
{
    struct mr_gc *g = (struct mr_gc *)(void *)memory;
    g->options = *o;
    g->options.growth = o->growth ? o->growth : GROWTH;
    g->options.least = o->least ? o->least : LEAST;
    g->threshold = g->options.least;
    g->type_count = MR_GC_OWN_TYPES;
    g->cards = (struct mr_gc_card *)(void *)(memory + p->cards);
    g->nodes = (struct mr_gc_node *)(void *)(memory + p->nodes);
    g->bits = (struct mr_gc_bits *)(void *)(memory + p->bits);
    g->roots = (struct mr_gc_root *)(void *)(memory + p->roots);
    g->work = g->work_top = (void **)(void *)(memory + p->work);
    g->base = memory + p->base;
    g->most_units = p->units;
    g->memory = memory;
    g->bytes = p->bytes;
    for (uint32_t k = 0; k < MEMOIR_GC_TYPES * MEMOIR_GC_CLASSES; k++)
        g->bins[k] = (struct mr_gc_bin){ MR_GC_NONE, MR_GC_NONE, MR_GC_NONE };
    mr_pool_init(&g->pool, MR_FIT_SEGREGATED, g->nodes, sizeof *g->nodes, 1, 1);
    return g;
}

struct memoir_gc *memoir_gc_create(const struct memoir_gc_options *options)
{
    struct memoir_gc_options o = options ? *options : (struct memoir_gc_options){ 0 };
    const char *wrong = what_is_wrong(&o);
    if (wrong) {
        mr_gc_tell(&o, NULL, MEMOIR_GC_BAD_REQUEST, NULL, wrong);
        errno = EINVAL;
        return NULL;
    }
    mr_os_init();
    size_t limit = o.limit ? o.limit : MOST;
    struct plan p = plan_for(limit);
    char *memory = reserve(&p);
    while (!memory && !o.limit && limit > LEAST_LIMIT) { /* a limit that was asked for is not lowered */
        p = plan_for(limit /= 2);
        memory = reserve(&p);
    }
    if (!memory) {
        errno = ENOMEM;
        return NULL;
    }
    return &set_up(memory, &p, &o)->face;
}

void memoir_gc_destroy(struct memoir_gc *gc)
{
    if (!gc || mr_gc_is_reentered(mr_gc_whole(gc)))
        return;
    struct mr_gc *g = mr_gc_whole(gc);
    mr_gc_final_end(g);
    mr_vm_release(g->memory, g->bytes);
}

/* ---- types ------------------------------------------------------------------------------------------ */

static const char *what_is_wrong_with(const struct memoir_gc_layout *layout)
{
    if (layout->size == 0 || layout->size > MR_GC_SMALL_MOST)
        return "a type must have a size from 1 to 16 KiB";
    if (layout->trace)
        return NULL;
    if (layout->size > 512)
        return "a type of more than 512 bytes needs a function that traces it";
    if (layout->size < 512 && layout->pointers >> layout->size / 8 != 0)
        return "a type has pointers beyond its size";
    if (layout->size % 8 != 0 && layout->pointers != 0)
        return "a type that holds pointers has a size that is a multiple of 8";
    return NULL;
}

const struct memoir_gc_type *memoir_gc_define(struct memoir_gc *gc, const struct memoir_gc_layout *layout)
{
    struct mr_gc *g = mr_gc_whole(gc);
    const char *wrong = what_is_wrong_with(layout);
    if (wrong) {
        mr_gc_tell(&g->options, gc, MEMOIR_GC_BAD_REQUEST, layout, wrong);
        return NULL;
    }
    if (g->type_count == MEMOIR_GC_TYPES) {
        errno = ENOMEM;
        return NULL;
    }
    uint32_t number = g->type_count++;
    struct memoir_gc_type *type = &g->types[number];
    *type = (struct memoir_gc_type){ .gc = gc, .layout = *layout, .number = number };
    type->run = layout->size <= 128 ? number * MEMOIR_GC_CLASSES + mr_gc_class(layout->size) : 0;
    return type;
}
