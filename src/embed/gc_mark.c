/* gc_mark.c: from roots to objects. Each object is put on the stack once, when it is marked, so the stack never holds
 * more than there are objects.
 *
 * What was put there last is looked through a few objects later: its first cache line has time to arrive (Cher,
 * Hosking, Vitek 2004: "prefetch on grey", with a queue in front of the stack). */
#include "gc_inside.h"

enum { AHEAD = 8 };

struct memoir_gc_tracer { struct mr_gc *g; };

/* ---- one word --------------------------------------------------------------------------------------- */

MR_INLINE void meet(struct mr_gc *g, uintptr_t word)
{
    uint32_t i;
    const struct mr_gc_card *card = mr_gc_find(g, word, &i);
    if (!card)
        return;
    struct mr_gc_bits *bits = mr_gc_bits_of(g, card->start, i);
    uint64_t bit = (uint64_t)1 << i % 64;
    if (!(bits->used & ~bits->marked & bit))
        return;
    bits->marked |= bit;
    if (card->type == MR_GC_LEAF)
        return;
    void *object = mr_gc_object(g, card, i);
    __builtin_prefetch(object);
    *g->work_top++ = object;
}

MR_NOINLINE void mr_gc_mark_object(struct mr_gc *g, const void *p) { meet(g, (uintptr_t)p); }

bool mr_gc_mark_is_marked(const struct mr_gc *g, const void *object)
{
    uint32_t i;
    const struct mr_gc_card *card = mr_gc_find(g, (uintptr_t)object, &i);
    return card && (mr_gc_bits_of(g, card->start, i)->marked >> i % 64 & 1) != 0;
}

/* ---- many words ------------------------------------------------------------------------------------- */

/* Of roots: memory that is others', with whatever sanitizers think of it. Nothing is inlined here that has variables
 * which AddressSanitizer marks. */
MR_NO_SANITIZE void mr_gc_mark_range(struct mr_gc *g, const char *from, const char *to)
{
    uintptr_t base = (uintptr_t)g->base;
    const uintptr_t *at = (const uintptr_t *)(((uintptr_t)from + 7) & ~(uintptr_t)7);
    for (; to - (const char *)at >= 8; at++)
        if (*at - base < g->span)
            mr_gc_mark_object(g, (const void *)*at);
}

/* ---- what an object holds --------------------------------------------------------------------------- */

static void look_through(struct mr_gc *g, const uintptr_t *at, size_t words)
{
    uintptr_t base = (uintptr_t)g->base;
    uint64_t span = g->span;
    for (const uintptr_t *end = at + words; at < end; at++)
        if (*at - base < span)
            meet(g, *at);
}

static void look_by_bits(struct mr_gc *g, const struct memoir_gc_layout *layout, const char *object, size_t bytes)
{
    for (; bytes >= layout->size; object += layout->size, bytes -= layout->size)
        for (uint64_t bits = layout->pointers; bits; bits &= bits - 1) {
            uintptr_t word;
            memcpy(&word, object + 8 * mr_lowest_bit(bits), sizeof word);
            meet(g, word);
        }
}

void memoir_gc_trace(struct memoir_gc_tracer *tracer, const void *p) { meet(tracer->g, (uintptr_t)p); }

static void look_by_type(struct mr_gc *g, uint32_t type, char *object, size_t bytes)
{
    const struct memoir_gc_layout *layout = &g->types[type].layout;
    struct memoir_gc_tracer tracer = { g };
    if (layout->trace)
        layout->trace(layout->ctx, object, bytes, &tracer);
    else
        look_by_bits(g, layout, object, bytes);
}

static void look_at(struct mr_gc *g, char *object)
{
    const struct mr_gc_card *card = &g->cards[(size_t)(object - g->base) >> MR_GC_UNIT_SHIFT];
    if (MR_LIKELY(card->type == MR_GC_ANY))
        look_through(g, (const uintptr_t *)(const void *)object, card->size);
    else
        look_by_type(g, card->type, object, mr_gc_bytes(card));
}

void mr_gc_mark_drain(struct mr_gc *g)
{
    void *ahead[AHEAD];
    unsigned n = 0, at = 0;
    g->tracing = true;
    for (;;) {
        while (n < AHEAD && g->work_top > g->work)
            ahead[(at + n++) % AHEAD] = *--g->work_top;
        if (n == 0)
            break;
        char *object = ahead[at];
        at = (at + 1) % AHEAD;
        n--;
        look_at(g, object);
    }
    g->tracing = false;
}
