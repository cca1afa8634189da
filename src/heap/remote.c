/* remote.c: blocks freed by threads that do not own their slab.
 *
 * The freeing thread gathers them in chains by slab (snmalloc's BatchIt: Filardo and Parkinson, ISMM
 * 2024). A chain goes to the owner's inbox as one letter, with one compare-and-swap. The owner hangs it
 * onto the slab's list when it next comes through a slow path, and of all its blocks, whose cache lines are
 * another core's, touches the first and, when more come, the last. Chains, inbox and lists are first in
 * first out: blocks that went out side by side come back and go out again side by side, so that whoever reads
 * them in turn meets ascending addresses. Until then a block counts as in use in its slab, so a slab cannot
 * vanish under a letter; reports subtract what is on the way (sent - received). */
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

/* How many blocks the letter holds and which is its last, as they stand in its word. */
static uint64_t contents(const struct mr_slab *slab, const void *last, uint64_t count)
{
    return (uint64_t)mr_lookup_block(slab, last) << 51 | (count - 1) << 43;
}

static void set_word(void *letter, uint64_t contents, const void *next)
{
    ((uint64_t *)letter)[1] = contents | (uintptr_t)next >> 4;
}

static void send(struct mr_heap *to, void *letter, uint64_t contents)
{
    void *old = atomic_load_explicit(&to->inbox, memory_order_relaxed);
    do
        set_word(letter, contents, old);
    while (!atomic_compare_exchange_weak_explicit(&to->inbox, &old, letter, memory_order_release, memory_order_relaxed));
    mr_remote_tend(to);
}

static void send_chain(struct mr_chain *chain)
{
    struct mr_slab *slab = chain->slab;
    if (!slab)
        return;
    chain->slab = NULL;
    send(chain->to, chain->head, contents(slab, chain->tail, chain->count));
}

void mr_remote_flush(struct mr_heap *self)
{
    if (self->waiting == 0)
        return;
    self->waiting = 0;
    for (unsigned i = 0; i < MR_CHAIN_COUNT; i++)
        send_chain(&self->chains[i]);
}

static struct mr_chain *chain_of(struct mr_heap *self, const struct mr_slab *slab)
{
    return &self->chains[(uintptr_t)slab / sizeof *slab % MR_CHAIN_COUNT];
}

/* Whoever is stopped between two of these steps loses a block, and never counts one too many. */
MR_INLINE void append(struct mr_heap *self, struct mr_chain *chain, struct mr_slab *slab, void *p)
{
    *(void **)p = NULL;
    *(void **)chain->tail = p;
    chain->tail = p;
    atomic_signal_fence(memory_order_seq_cst);
    chain->count++;
    MR_ADD(self->classes[slab->cls].sent, 1);
    self->waiting += mr_sizeclass_bytes[slab->cls];
}

void mr_remote_free(struct mr_heap *self, struct mr_heap *owner, struct mr_slab *slab, void *p)
{
    struct mr_chain *chain = chain_of(self, slab);
    if (chain->slab != slab || chain->count == MR_LETTER_MOST) {
        send_chain(chain);
        *chain = (struct mr_chain){ .slab = slab, .to = owner, .tail = &chain->head };
    }
    append(self, chain, slab, p);
    if (self->waiting >= MR_WAITING_MAX)
        mr_remote_flush(self);
}

/* A chain that has begun tells that the slab is one, and whose: only the block is left to be looked at. In a wide slab
 * that goes for its first slice. Who interrupts this finds the heap busy, as in every slow path. */
bool mr_remote_try_free(struct mr_slab *slab, void *p)
{
    struct mr_heap *self = mr_heap_self;
    if (MR_UNLIKELY(!mr_heap_is_real(self)))
        return false;
    struct mr_chain *chain = chain_of(self, slab);
    if (MR_UNLIKELY(chain->slab != slab || chain->count == MR_LETTER_MOST || p == chain->tail))
        return false;
    size_t offset = (uintptr_t)p % MR_SLICE, bytes = mr_sizeclass_bytes[slab->cls];
    size_t index = offset * mr_sizeclass_inverse[slab->cls] >> 32;
    if (MR_UNLIKELY(index * bytes != offset || index >= MR_PEEK(slab->ext) || self->waiting + bytes >= MR_WAITING_MAX))
        return false;
    mr_heaps_enter_own(self);
    append(self, chain, slab, p);
    mr_heaps_leave(self);
    return true;
}

bool mr_remote_was_last(struct mr_heap *self, const struct mr_slab *slab, const void *p)
{
    const struct mr_chain *chain = chain_of(self, slab);
    return chain->slab == slab && chain->tail == p;
}

void mr_remote_send_one(struct mr_heap *owner, struct mr_slab *slab, void *p)
{
    atomic_fetch_add_explicit(&mr_remote_stray[slab->cls], 1, memory_order_relaxed);
    *(void **)p = NULL;
    send(owner, p, contents(slab, p, 1));
}

/* The letters in the order they were sent. */
static void *oldest_first(void *letter)
{
    void *first = NULL;
    while (letter) {
        void *next = mr_letter_next(letter);
        set_word(letter, mr_letter_word(letter) >> 43 << 43, first);
        first = letter;
        letter = next;
    }
    return first;
}

void mr_remote_drain_all(struct mr_heap *heap)
{
    if (MR_UNLIKELY(heap->mark & MR_OWNER_HARDENED)) {
        mr_harden_drain(heap);
        return;
    }
    void *letter = oldest_first(atomic_exchange_explicit(&heap->inbox, NULL, memory_order_acquire));
    while (letter) {
        void *next = mr_letter_next(letter);
        uint32_t count = mr_letter_count(letter), last = mr_letter_last(letter);
        struct mr_slab *slab = mr_lookup_head(mr_lookup_slice(letter));
        MR_ASSERT(count <= mr_slab_in_use(slab), "a block in a letter is in use for its slab");
        MR_ADD(heap->classes[slab->cls].received, count);
        mr_bin_append(heap, slab, letter, mr_lookup_start(slab) + (size_t)last * mr_sizeclass_bytes[slab->cls], count);
        letter = next;
    }
}
