/* gc_final.c: finalizers, in a hash table by object. What is found unreachable is made ready and kept, with all
 * it leads to, until its finalizer was run. */
#include "gc_inside.h"

#include <errno.h>

enum { LEAST = 256 };

static size_t place_of(const struct mr_gc *g, const void *object)
{
    return mr_mix32((uint32_t)((uintptr_t)object >> 3)) & (g->final_capacity - 1);
}

/* Where the object is, or the empty place where it would go. */
static struct mr_gc_final *find(const struct mr_gc *g, const void *object)
{
    size_t i = place_of(g, object);
    while (g->finals[i].object && g->finals[i].object != object)
        i = (i + 1) & (g->final_capacity - 1);
    return &g->finals[i];
}

static void release(struct mr_gc_final *finals, size_t capacity)
{
    mr_vm_release(finals, finals ? mr_align_up(capacity * sizeof *finals, mr_os_page) : 0);
}

static bool grow(struct mr_gc *g)
{
    size_t capacity = mr_max(LEAST, 2 * g->final_capacity), old_capacity = g->final_capacity;
    size_t bytes = mr_align_up(capacity * sizeof *g->finals, mr_os_page);
    struct mr_gc_final *finals = mr_vm_reserve(bytes, mr_os_page), *old = g->finals;
    if (!finals || !mr_vm_commit(finals, bytes)) {
        release(finals, capacity);
        return false;
    }
    g->finals = finals;
    g->final_capacity = capacity;
    for (size_t i = 0; i < old_capacity; i++)
        if (old[i].object)
            *find(g, old[i].object) = old[i];
    release(old, old_capacity);
    return true;
}

/* Linear probing without tombstones (Knuth, TAOCP 3, 6.4, algorithm R): what was pushed past the gap moves into
 * it. */
static void remove_at(struct mr_gc *g, size_t gap)
{
    size_t mask = g->final_capacity - 1;
    g->final_ready -= g->finals[gap].ready;
    g->final_count--;
    for (size_t i = (gap + 1) & mask; g->finals[i].object; i = (i + 1) & mask)
        if (((i - place_of(g, g->finals[i].object)) & mask) >= ((i - gap) & mask)) {
            g->finals[gap] = g->finals[i];
            gap = i;
        }
    g->finals[gap] = (struct mr_gc_final){ 0 };
}

void mr_gc_final_forget(struct mr_gc *g, const void *object)
{
    struct mr_gc_final *f = g->final_count ? find(g, object) : NULL;
    if (f && f->object)
        remove_at(g, (size_t)(f - g->finals));
}

bool memoir_gc_set_finalizer(struct memoir_gc *gc, void *p, memoir_gc_finalize *finalize, void *ctx)
{
    struct mr_gc *g = mr_gc_whole(gc);
    uint32_t i;
    if (mr_gc_is_reentered(g) || !mr_gc_demand(g, p, &i))
        return false;
    mr_gc_final_forget(g, p);
    if (!finalize)
        return true;
    if (2 * (g->final_count + 1) > g->final_capacity && !grow(g)) {
        errno = ENOMEM;
        return false;
    }
    *find(g, p) = (struct mr_gc_final){ p, finalize, ctx, false };
    g->final_count++;
    return true;
}

/* ---- while collecting ------------------------------------------------------------------------------- */

void mr_gc_final_mark_pending(struct mr_gc *g)
{
    for (size_t i = 0; g->final_ready && i < g->final_capacity; i++)
        if (g->finals[i].object && g->finals[i].ready)
            mr_gc_mark_object(g, g->finals[i].object);
}

/* All are found before the first is marked: those that only lead to each other are all unreachable. */
void mr_gc_final_mark_ready(struct mr_gc *g)
{
    for (size_t i = 0; g->final_count && i < g->final_capacity; i++) {
        struct mr_gc_final *f = &g->finals[i];
        if (f->object && !f->ready && !mr_gc_mark_is_marked(g, f->object)) {
            f->ready = true;
            g->final_ready++;
        }
    }
    mr_gc_final_mark_pending(g);
    mr_gc_mark_drain(g);
}

/* ---- afterwards ------------------------------------------------------------------------------------- */

static void run_at(struct mr_gc *g, size_t i)
{
    struct mr_gc_final f = g->finals[i];
    remove_at(g, i);
    g->finalizing = f.object;
    g->stats.finalized++;
    f.finalize(f.ctx, f.object);
    g->finalizing = NULL;
}

/* A finalizer may collect: what that finds ready is run by the loop that runs already. The table may change
 * under it, so it goes round until none is left. */
void mr_gc_final_run(struct mr_gc *g)
{
    if (g->finalizing)
        return;
    for (size_t i = 0; g->final_ready; i = (i + 1) & (g->final_capacity - 1))
        while (g->finals[i].object && g->finals[i].ready)
            run_at(g, i);
}

void mr_gc_final_end(struct mr_gc *g)
{
    for (size_t i = 0; g->final_count; i = (i + 1) & (g->final_capacity - 1))
        while (g->finals[i].object)
            run_at(g, i);
    release(g->finals, g->final_capacity);
}
