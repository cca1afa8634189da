#include "harden.h"

#include <string.h>

#include "conf.h"
#include "os.h"

/* Blocks are carved so many bytes at a time, and at least so many: that is what the next one is picked from. */
enum { CARVE_BYTES = 16 << 10, CARVE_BLOCKS = 8 };

/* A guard is a mapping and parts another: of 65,530 that a process may have, the heap takes half at most. Below a limit on
 * data there are none: what they give up others would take, and they could not be undone. */
enum { GUARDS_MOST = 16 << 10 };
static int guards_most;

/* Up to here a large block is zeroed by hand, which is faster than faulting its memory in again. */
static const size_t WIPE_BY_HAND = (size_t)1 << 20;

static bool wipes; /* freed memory is zeroed */
static _Atomic int guard_count;

void mr_harden_init(void)
{
    bool on = mr_conf.harden && mr_conf.strategy == MR_STRATEGY_SLAB;
    mr_space_round = on ? 2 * MR_SLICE - 1 : MR_SLICE - 1;
    guards_most = on && !mr_process_data_is_limited() ? GUARDS_MOST : 0;
    wipes = on && !(mr_conf.check & MR_CHECK_FILL);
}

/* ---- maps ---------------------------------------------------------------------------------------- */

static size_t map_bytes(size_t bytes)
{
    return mr_align_up((bytes >> MR_SLICE_SHIFT) * sizeof(struct mr_hard), mr_os_page);
}

/* One OS page on either side stays inaccessible. */
bool mr_harden_reserve(struct mr_region *region)
{
    size_t bytes = map_bytes(region->reserved);
    char *at = mr_space_guard() ? mr_vm_reserve(bytes + 2 * mr_os_page, mr_os_page) : NULL;
    region->maps = at ? (struct mr_hard *)(void *)(at + mr_os_page) : NULL;
    return at || !mr_space_guard();
}

bool mr_harden_commit(struct mr_region *region, size_t committed)
{
    size_t need = map_bytes(committed);
    if (!region->maps || need <= region->maps_committed)
        return true;
    if (!mr_vm_commit((char *)region->maps + region->maps_committed, need - region->maps_committed))
        return false;
    region->maps_committed = need;
    return true;
}

void mr_harden_unreserve(const struct mr_region *region)
{
    if (region->maps)
        mr_vm_release((char *)region->maps + region->maps_committed + mr_os_page,
                      map_bytes(region->reserved) - region->maps_committed);
}

MR_INLINE struct mr_hard *map_of(const struct mr_slab *slab)
{
    const struct mr_region *region = mr_regions;
    while (MR_UNLIKELY((uintptr_t)slab - region->base >= region->reserved))
        region++;
    return &region->maps[slab - (const struct mr_slab *)region->base];
}

static uint32_t words_for(uint32_t blocks) { return (blocks + 63) / 64; }
static uint64_t bit_of(uint32_t index) { return (uint64_t)1 << index % 64; }

void mr_harden_start(struct mr_slab *slab, unsigned blocks)
{
    memset(map_of(slab), 0, offsetof(struct mr_hard, words) + words_for(blocks) * sizeof map_of(slab)->words[0]);
}

bool mr_harden_is_awaited(const struct mr_slab *slab)
{
    return mr_harden_has(slab) && atomic_load_explicit(&map_of(slab)->pending, memory_order_acquire) != 0;
}

bool mr_harden_in_use(const struct mr_slab *slab, uint32_t index)
{
    struct mr_hard *map = map_of(slab);
    uint64_t freed = atomic_load_explicit(&map->words[index / 64].freed, memory_order_relaxed);
    return MR_PEEK(map->words[index / 64].used) & ~freed & bit_of(index);
}

/* ---- guards ---------------------------------------------------------------------------------------- */

static char *guard_of(const struct mr_slab *head)
{
    return mr_lookup_start(head) + ((size_t)(mr_slab_slices(head) - 1) << MR_SLICE_SHIFT);
}

void mr_harden_guard(struct mr_slab *head, bool zero)
{
    if (atomic_fetch_add_explicit(&guard_count, 1, memory_order_relaxed) < guards_most &&
        (zero || mr_vm_purge(guard_of(head), MR_SLICE)) && mr_vm_protect(guard_of(head), MR_SLICE, false))
        head->guarded = true;
    else
        atomic_fetch_sub_explicit(&guard_count, 1, memory_order_relaxed);
}

bool mr_harden_unguard(struct mr_slab *head)
{
    if (!head->guarded)
        return true;
    if (!mr_vm_protect(guard_of(head), MR_SLICE, true))
        return false;
    head->guarded = false;
    atomic_fetch_sub_explicit(&guard_count, 1, memory_order_relaxed);
    return true;
}

/* Spans whose guard the system does not give back, because of a limit that came later. They are inaccessible as a whole, which a limit on data does not count:
 * so others can come back, and some of them in the end. */
static struct mr_slab *_Atomic aside;

static void push_aside(struct mr_slab *head)
{
    head->next = atomic_load_explicit(&aside, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&aside, &head->next, head, memory_order_release, memory_order_relaxed))
        ;
}

void mr_harden_set_aside(struct mr_slab *head)
{
    size_t bytes = (size_t)mr_slab_slices(head) << MR_SLICE_SHIFT;
    mr_vm_purge(mr_lookup_start(head), bytes);
    mr_vm_protect(mr_lookup_start(head), bytes, false);
    push_aside(head);
}

static bool come_back(struct mr_slab *head)
{
    if (!mr_vm_protect(mr_lookup_start(head), (size_t)mr_slab_slices(head) << MR_SLICE_SHIFT, true))
        return false;
    head->guarded = false;
    atomic_fetch_sub_explicit(&guard_count, 1, memory_order_relaxed);
    mr_space_give(head, true);
    return true;
}

void mr_harden_call_back(void)
{
    struct mr_slab *head = atomic_exchange_explicit(&aside, NULL, memory_order_acquire);
    bool more = true;
    while (head) {
        struct mr_slab *next = head->next;
        if (!more || !(more = come_back(head)))
            push_aside(head);
        head = next;
    }
}

bool mr_harden_wipe(const struct mr_slab *head, uint32_t from)
{
    char *start = mr_lookup_start(head) + ((size_t)from << MR_SLICE_SHIFT);
    size_t bytes = (size_t)(mr_slab_slices(head) - mr_space_guard() - from) << MR_SLICE_SHIFT;
    if (!wipes)
        return false;
    if (bytes > WIPE_BY_HAND && mr_vm_purge(start, bytes))
        return true;
    memset(start, 0, bytes);
    return false;
}

/* ---- taking -------------------------------------------------------------------------------------------- */

/* xorshift64* (Vigna, 2016), seeded by where the kernel has put things and by the clock. */
MR_INLINE uint64_t draw(struct mr_heap *heap)
{
    uint64_t x = heap->random ? heap->random : (uintptr_t)heap ^ (uintptr_t)&x << 20 ^ mr_clock_ns() * 0x9e3779b97f4a7c15;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    heap->random = x;
    return x * 0x2545f4914f6cdd1d;
}

static void carve(struct mr_heap *heap, struct mr_slab *slab, uint32_t most)
{
    uint32_t n = mr_min(mr_max(CARVE_BYTES / mr_sizeclass_bytes[slab->cls], CARVE_BLOCKS), most - slab->ext);
    if (heap->mark & MR_OWNER_WATCHED)
        memset(mr_tag_at(slab, slab->ext + n - 1), 0, n * sizeof(uint32_t));
    MR_POKE(slab->ext, (uint16_t)(slab->ext + n));
}

static uint64_t free_bits(const struct mr_hard *map, uint32_t word, uint32_t carved)
{
    uint32_t here = carved - word * 64;
    return ~map->words[word].used & (here < 64 ? bit_of(here) - 1 : UINT64_MAX);
}

/* One of the free blocks among 16 neighbours: among 64, programs that walk what they allocated in a row lost more to cache
 * misses (src/README.md). Precondition: one of the carved blocks is free. */
MR_INLINE uint32_t pick(struct mr_heap *heap, struct mr_hard *map, uint32_t carved)
{
    uint64_t luck = draw(heap), bits = free_bits(map, map->word, carved);
    if (!bits) {
        uint32_t words = words_for(carved), word = (uint32_t)((luck >> 32) % words);
        while (!(bits = free_bits(map, word, carved)))
            word = word + 1 < words ? word + 1 : 0;
        map->word = word;
    }
    uint32_t low = mr_lowest_bit(bits), turn = luck >> 60, window = bits >> low & 0xffff;
    uint32_t turned = (window >> turn | window << (16 - turn)) & 0xffff;
    return map->word * 64 + low + (mr_lowest_bit(turned) + turn) % 16;
}

MR_INLINE void *take_one(struct mr_heap *heap, struct mr_slab *slab, struct mr_hard *map)
{
    uint32_t index = pick(heap, map, slab->ext);
    MR_POKE(map->words[index / 64].used, map->words[index / 64].used | bit_of(index));
    return mr_lookup_start(slab) + (size_t)index * mr_sizeclass_bytes[slab->cls];
}

void *mr_harden_take(struct mr_heap *heap, struct mr_slab *slab, uint32_t most)
{
    struct mr_hard *map = map_of(slab);
    if (mr_slab_in_use(slab) == slab->ext && slab->ext < most)
        carve(heap, slab, most);
    if (mr_slab_in_use(slab) == slab->ext)
        return NULL;
    return take_one(heap, slab, map);
}

void *mr_harden_try_take(size_t size)
{
    struct mr_heap *heap = mr_heap_self;
    if (MR_UNLIKELY(!mr_heap_is_real(heap)))
        return NULL;
    struct mr_slab *slab = heap->use[mr_sizeclass_of(size)];
    if (MR_UNLIKELY(mr_slab_in_use(slab) == slab->ext || (heap->mark & MR_OWNER_WATCHED)))
        return NULL;
    mr_heaps_enter();
    void *p = take_one(heap, slab, map_of(slab));
    MR_ADD(slab->count, MR_COUNT_ALLOC);
    mr_heaps_leave(heap);
    return p;
}

/* ---- giving back ----------------------------------------------------------------------------------------- */

static void post(struct mr_heap *owner, struct mr_slab *slab, struct mr_hard *map)
{
    void *old = atomic_load_explicit(&owner->inbox, memory_order_relaxed);
    do
        map->next = old;
    while (!atomic_compare_exchange_weak_explicit(&owner->inbox, &old, slab, memory_order_release, memory_order_relaxed));
}

/* The last access is the one to the bit. */
static enum mr_freed send(struct mr_heap *owner, struct mr_slab *slab, uint32_t index)
{
    struct mr_hard *map = map_of(slab);
    if (atomic_fetch_add(&map->pending, 1) == 0)
        post(owner, slab, map);
    if (atomic_fetch_or(&map->words[index / 64].freed, bit_of(index)) & bit_of(index)) {
        atomic_fetch_add(&map->refused, 1);
        return MR_NOT_A_BLOCK;
    }
    return MR_FREED;
}

static enum mr_freed free_remotely(struct mr_heap *heap, struct mr_heap *owner, struct mr_slab *slab, uint32_t index)
{
    unsigned cls = slab->cls;
    enum mr_freed freed = send(owner, slab, index);
    if (freed == MR_FREED && heap)
        MR_ADD(heap->classes[cls].sent, 1);
    else if (freed == MR_FREED)
        atomic_fetch_add_explicit(&mr_remote_stray[cls], 1, memory_order_relaxed);
    mr_remote_tend(owner);
    return freed;
}

/* A word of `used` with the block's bit, if the block is in use for the program; else 0. */
MR_INLINE uint64_t used_with(struct mr_hard *map, uint32_t index)
{
    uint64_t used = MR_PEEK(map->words[index / 64].used);
    uint64_t freed = atomic_load_explicit(&map->words[index / 64].freed, memory_order_relaxed);
    return used & ~freed & bit_of(index) ? used : 0;
}

enum mr_freed mr_harden_free(struct mr_heap *heap, struct mr_heap *owner, struct mr_slab *slab, uint32_t index)
{
    struct mr_hard *map = map_of(slab);
    uint32_t size = mr_sizeclass_bytes[slab->cls];
    uint64_t used = used_with(map, index);
    if (!used)
        return MR_NOT_A_BLOCK;
    if (wipes)
        memset(mr_lookup_start(slab) + (size_t)index * size, 0, size);
    if (heap != owner)
        return free_remotely(heap, owner, slab, index);
    MR_POKE(map->words[index / 64].used, used & ~bit_of(index));
    mr_bin_came_back(heap, slab, 1);
    return MR_FREED;
}

/* A slab with any flag but that of hardening, and one that this block empties, goes the long way. */
bool mr_harden_try_free(void *p)
{
    struct mr_heap *heap = mr_heap_self;
    uintptr_t base = mr_lookup_base;
    if (MR_UNLIKELY((uintptr_t)p - base >= MR_GLANCE(mr_lookup_bytes) || !mr_heap_is_real(heap) || !wipes))
        return false;
    struct mr_slab *slab = mr_slab_at(base, (uintptr_t)p);
    if (MR_UNLIKELY(atomic_load_explicit(&slab->owner, memory_order_relaxed) != ((uintptr_t)heap | MR_OWNER_HARDENED) ||
                    mr_slab_in_use(slab) <= 1))
        return false;
    struct mr_hard *map = map_of(slab);
    int index = mr_lookup_block(slab, p);
    uint64_t used = index < 0 ? 0 : used_with(map, (uint32_t)index);
    if (MR_UNLIKELY(!used))
        return false;
    mr_heaps_enter();
    memset(p, 0, mr_sizeclass_bytes[slab->cls]);
    MR_POKE(map->words[index / 64].used, used & ~bit_of((uint32_t)index));
    MR_ADD(slab->count, -(uint64_t)1);
    mr_heaps_leave(heap);
    return true;
}

/* A bit whose block is free for the slab already is a double free in two threads at once: it changes nothing. */
static uint32_t collect_bits(struct mr_slab *slab, struct mr_hard *map, uint32_t *came_back)
{
    uint32_t bits = 0;
    *came_back = 0;
    for (uint32_t w = 0; w < words_for(slab->ext); w++) {
        uint64_t freed = atomic_load_explicit(&map->words[w].freed, memory_order_relaxed) == 0
                             ? 0 : atomic_exchange(&map->words[w].freed, 0);
        bits += (uint32_t)__builtin_popcountll(freed);
        *came_back += (uint32_t)__builtin_popcountll(freed & map->words[w].used);
        MR_POKE(map->words[w].used, map->words[w].used & ~freed);
    }
    return bits;
}

static void collect(struct mr_heap *heap, struct mr_slab *slab, struct mr_hard *map)
{
    uint32_t came_back, refused = atomic_exchange(&map->refused, 0), bits = collect_bits(slab, map, &came_back);
    MR_ADD(heap->classes[slab->cls].received, bits);
    if (atomic_fetch_sub(&map->pending, bits + refused) != bits + refused)
        post(heap, slab, map); /* somebody has announced and not freed yet */
    if (came_back || mr_slab_is_empty(slab))
        mr_bin_came_back(heap, slab, came_back);
}

void mr_harden_drain(struct mr_heap *heap)
{
    struct mr_slab *slab = atomic_exchange_explicit(&heap->inbox, NULL, memory_order_acquire);
    while (slab) {
        struct mr_hard *map = map_of(slab);
        struct mr_slab *next = map->next;
        collect(heap, slab, map);
        slab = next;
    }
}

/* ---- check --------------------------------------------------------------------------------------------------- */

const char *mr_harden_check(const struct mr_slab *slab)
{
    const struct mr_hard *map = map_of(slab);
    uint32_t used = 0;
    for (uint32_t w = 0; w < words_for(slab->ext); w++)
        used += (uint32_t)__builtin_popcountll(map->words[w].used);
    return used == mr_slab_in_use(slab) ? NULL : "the map of a slab and its count disagree about the blocks in use";
}
