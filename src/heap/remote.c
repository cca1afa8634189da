/* remote.c: blocks freed by threads that do not own their slab.
 *
 * The freeing thread gathers them in chains by slab (snmalloc's BatchIt: Filardo and Parkinson, ISMM
 * 2024). A chain goes to the owner's inbox as one letter, with one compare-and-swap. The owner hangs it
 * onto the slab's list when it next comes through a slow path, and of all its blocks, whose cache lines are
 * another core's, touches the first and, unless the slab was full, the second and the last. Until
 * then a block counts as in use in its slab, so a slab cannot vanish under a letter; reports
 * subtract what is on the way (sent - received). */
#include "harden.h"
#include "space.h"
#include "thread_heap.h"

_Atomic uint64_t mr_remote_stray[MR_CLASS_COUNT];

void mr_remote_tend(struct mr_heap *heap)
{
    int expected = MR_HEAP_ORPHAN;
    if (atomic_load_explicit(&heap->state, memory_order_relaxed) != MR_HEAP_ORPHAN || mr_lock_is_mine(&mr_space_lock))
        return; /* nobody's to empty, or a handler that must not wait for its victim */
    if (!atomic_compare_exchange_strong_explicit(&heap->state, &expected, MR_HEAP_DRAINED, memory_order_acquire,
                                                 memory_order_relaxed))
        return;
    mr_remote_drain(heap);
    mr_heaps_cool(heap);
    atomic_store_explicit(&heap->state, MR_HEAP_ORPHAN, memory_order_release);
}

static void set_next(void *letter, uint64_t count, void *next)
{
    ((uint64_t *)letter)[1] = count << MR_LETTER_SHIFT | (uintptr_t)next;
}

static void send(struct mr_heap *to, void *letter, uint64_t count)
{
    void *old = atomic_load_explicit(&to->inbox, memory_order_relaxed);
    do
        set_next(letter, count, old);
    while (!atomic_compare_exchange_weak_explicit(&to->inbox, &old, letter, memory_order_release, memory_order_relaxed));
    mr_remote_tend(to);
}

static void send_chain(struct mr_chain *chain)
{
    if (!chain->slab)
        return;
    chain->slab = NULL;
    if (chain->count > 1)
        (*(void ***)chain->head)[1] = chain->tail;
    send(chain->to, chain->head, chain->count);
}

void mr_remote_flush(struct mr_heap *self)
{
    if (self->waiting == 0)
        return;
    self->waiting = 0;
    for (unsigned i = 0; i < MR_CHAIN_COUNT; i++)
        send_chain(&self->chains[i]);
}

void mr_remote_free(struct mr_heap *self, struct mr_heap *owner, struct mr_slab *slab, void *p)
{
    struct mr_chain *chain = &self->chains[(uintptr_t)slab / sizeof *slab % MR_CHAIN_COUNT];
    if (chain->slab != slab) {
        send_chain(chain);
        *chain = (struct mr_chain){ .slab = slab, .to = owner, .tail = p };
    }
    *(void **)p = chain->head;
    chain->head = p;
    chain->count++;
    MR_ADD(self->classes[slab->cls].sent, 1);
    self->waiting += mr_sizeclass_bytes[slab->cls];
    if (self->waiting >= MR_WAITING_MAX)
        mr_remote_flush(self);
}

void mr_remote_send_one(struct mr_heap *owner, struct mr_slab *slab, void *p)
{
    atomic_fetch_add_explicit(&mr_remote_stray[slab->cls], 1, memory_order_relaxed);
    *(void **)p = NULL;
    send(owner, p, 1);
}

/* All blocks of a letter but its first become the slab's. The first goes the way of every free, which
 * also looks after a slab that was full or is empty now. */
static void splice(struct mr_slab *slab, void *letter, uint64_t count)
{
    void **second = *(void ***)letter;
    if (slab->free)
        *(void **)second[1] = slab->free;
    slab->free = second;
    MR_ADD(slab->count, 1 - count);
}

void mr_remote_drain_all(struct mr_heap *heap)
{
    if (MR_UNLIKELY(heap->mark & MR_OWNER_HARDENED)) {
        mr_harden_drain(heap);
        return;
    }
    void *letter = atomic_exchange_explicit(&heap->inbox, NULL, memory_order_acquire);
    while (letter) {
        void *next = mr_letter_next(letter);
        uint64_t count = mr_letter_count(letter);
        __builtin_prefetch(next);
        struct mr_slab *slab = mr_lookup_head(mr_lookup_slice(letter));
        MR_ASSERT(count <= mr_slab_in_use(slab), "a block in a letter is in use for its slab");
        MR_ADD(heap->classes[slab->cls].received, count);
        if (count > 1)
            splice(slab, letter, count);
        mr_bin_free(heap, slab, letter);
        letter = next;
    }
}
