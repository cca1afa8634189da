#include "emergency.h"

#include "os.h"

enum { SLOTS = 1024 };

/* A slot is claimed by swapping `bytes` from 0, published by writing `block`. */
static struct slot {
    _Atomic size_t bytes;
    _Atomic(void *) block;
} slots[SLOTS];

/* Slots ever used: lookups stop here, so they cost nothing in a process without emergencies. */
static _Atomic uint32_t used;
static _Atomic uint64_t taken, given, taken_bytes, given_bytes;

static struct slot *claim(size_t bytes)
{
    for (uint32_t i = 0; i < SLOTS; i++) {
        size_t none = 0;
        if (!atomic_compare_exchange_strong(&slots[i].bytes, &none, bytes))
            continue;
        uint32_t seen = atomic_load(&used);
        while (seen <= i && !atomic_compare_exchange_weak(&used, &seen, i + 1))
            ;
        return &slots[i];
    }
    return NULL;
}

static struct slot *find(const void *p)
{
    uint32_t n = atomic_load_explicit(&used, memory_order_acquire);
    for (uint32_t i = 0; i < n; i++)
        if (atomic_load_explicit(&slots[i].block, memory_order_relaxed) == p)
            return &slots[i];
    return NULL;
}

/* At least a page over MR_SLAB_MAX, so it counts as what it is: a large block. */
void *mr_emergency_take(size_t size, size_t align)
{
    size_t bytes = mr_align_up(mr_max(size, MR_SLAB_MAX + 1), mr_os_page);
    struct slot *slot = claim(bytes);
    if (!slot)
        return NULL;
    void *p = mr_vm_reserve(bytes, mr_max(align, mr_os_page));
    if (!p || !mr_vm_commit(p, bytes)) {
        mr_vm_release(p, p ? bytes : 0);
        atomic_store(&slot->bytes, 0);
        return NULL;
    }
    atomic_fetch_add_explicit(&taken, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&taken_bytes, bytes, memory_order_relaxed);
    atomic_store_explicit(&slot->block, p, memory_order_release);
    return p;
}

enum mr_freed mr_emergency_free(void *p)
{
    struct slot *slot = find(p);
    if (!slot)
        return MR_NOT_OURS;
    size_t bytes = atomic_load(&slot->bytes);
    atomic_fetch_add_explicit(&given, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&given_bytes, bytes, memory_order_relaxed);
    atomic_store(&slot->block, NULL);
    mr_vm_release(p, bytes);
    atomic_store(&slot->bytes, 0);
    return MR_FREED;
}

size_t mr_emergency_usable(const void *p)
{
    struct slot *slot = find(p);
    return slot ? atomic_load(&slot->bytes) : 0;
}

void mr_emergency_look(struct mr_heap_stats *stats)
{
    struct mr_row *row = &stats->rows[MR_CLASS_COUNT];
    row->allocs += taken;
    row->frees += given;
    row->alloc_bytes += taken_bytes;
    row->in_use_bytes += taken_bytes - given_bytes;
}

bool mr_emergency_walk(mr_heap_each *each, void *ctx)
{
    uint32_t n = atomic_load_explicit(&used, memory_order_acquire);
    for (uint32_t i = 0; i < n; i++) {
        void *p = atomic_load(&slots[i].block);
        if (p && !each(ctx, p, slots[i].bytes))
            return false;
    }
    return true;
}
