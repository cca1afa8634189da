/* remote.c: blocks freed by threads that do not own their slab.
 *
 * The freeing thread gathers them in chains, a few owners at a time, and hands each chain over
 * with one compare-and-swap on the owner's inbox. The owner frees them as its own when it next
 * comes through a slow path. Until then a block counts as in use in its slab, so a slab cannot
 * vanish under a message; reports subtract what is on the way (sent - received). */
#include "space.h"
#include "thread_heap.h"

_Atomic uint64_t mr_remote_stray[MR_CLASS_COUNT];

static void drain_orphan(struct mr_heap *heap)
{
    int expected = MR_HEAP_ORPHAN;
    if (atomic_load_explicit(&heap->state, memory_order_relaxed) != MR_HEAP_ORPHAN || mr_lock_is_mine(&mr_space_lock))
        return; /* nobody's to empty, or a handler that must not wait for its victim */
    if (!atomic_compare_exchange_strong_explicit(&heap->state, &expected, MR_HEAP_DRAINED, memory_order_acquire,
                                                 memory_order_relaxed))
        return;
    mr_remote_drain(heap);
    mr_bin_drop_kept(heap);
    atomic_store_explicit(&heap->state, MR_HEAP_ORPHAN, memory_order_release);
}

static void send(struct mr_heap *to, void *head, void *tail)
{
    void *old = atomic_load_explicit(&to->inbox, memory_order_relaxed);
    do
        *(void **)tail = old;
    while (!atomic_compare_exchange_weak_explicit(&to->inbox, &old, head, memory_order_release, memory_order_relaxed));
    drain_orphan(to);
}

static void flush_slot(struct mr_outgoing *out)
{
    struct mr_heap *to = out->to;
    if (!to)
        return;
    out->to = NULL;
    send(to, out->head, out->tail);
}

void mr_remote_flush(struct mr_heap *self)
{
    for (unsigned i = 0; i < MR_OUTGOING_COUNT; i++)
        flush_slot(&self->out[i]);
}

static struct mr_outgoing *slot_for(struct mr_heap *self, struct mr_heap *owner)
{
    return &self->out[((uintptr_t)owner / sizeof *owner) % MR_OUTGOING_COUNT];
}

void mr_remote_free(struct mr_heap *self, struct mr_heap *owner, struct mr_slab *slab, void *p)
{
    struct mr_outgoing *out = slot_for(self, owner);
    if (out->to != owner) {
        flush_slot(out);
        *out = (struct mr_outgoing){ .to = owner, .tail = p, .credit = MR_OUTGOING_CREDIT };
    }
    *(void **)p = out->head;
    out->head = p;
    MR_ADD(self->classes[slab->cls].sent, 1);
    out->credit -= mr_sizeclass_bytes[slab->cls];
    if (out->credit <= 0)
        flush_slot(out);
}

void mr_remote_send_one(struct mr_heap *owner, struct mr_slab *slab, void *p)
{
    atomic_fetch_add_explicit(&mr_remote_stray[slab->cls], 1, memory_order_relaxed);
    send(owner, p, p);
}

void mr_remote_drain_all(struct mr_heap *heap)
{
    void *p = atomic_exchange_explicit(&heap->inbox, NULL, memory_order_acquire);
    while (p) {
        void *next = *(void **)p;
        __builtin_prefetch(next);
        struct mr_slab *slab = mr_lookup_head(mr_lookup_slice(p));
        MR_ADD(heap->classes[slab->cls].received, 1);
        mr_bin_free(heap, slab, p);
        p = next;
    }
}
