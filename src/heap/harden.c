#include "harden.h"

#include <string.h>

#include "conf.h"
#include "fences.h"
#include "os.h"

/* Blocks are carved so many bytes at a time, and at least so many: that is what the next one is picked from. */
enum { CARVE_BYTES = 16 << 10, CARVE_BLOCKS = 8 };

/* Up to here a large block is zeroed by hand, which is faster than faulting its memory in again. */
static const size_t WIPE_BY_HAND = (size_t)1 << 20;

static bool wipes; /* freed memory is zeroed */
bool mr_harden_alone;

void mr_harden_init(void)
{
    bool on = mr_conf.harden && mr_conf.strategy == MR_STRATEGY_SLAB;
    mr_space_round = on ? 2 * MR_SLICE - 1 : MR_SLICE - 1;
    mr_fences_init(on);
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
    return !mr_space_guard() || (at && mr_fences_reserve(region));
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
MR_INLINE uint64_t bit_of(uint32_t index) { return (uint64_t)1 << index % 64; }

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

/* ---- large blocks ---------------------------------------------------------------------------------- */

bool mr_harden_wipe(const struct mr_slab *head, size_t from)
{
    char *start = mr_lookup_start(head) + from;
    size_t bytes = head->large_bytes - from;
    size_t rest = ((size_t)(mr_slab_slices(head) - mr_space_guard()) << MR_SLICE_SHIFT) - from;
    if (!wipes)
        return false;
    if (bytes > WIPE_BY_HAND && mr_vm_purge(start, rest))
        return true;
    memset(start, 0, bytes);
    return false;
}

/* ---- taking -------------------------------------------------------------------------------------------- */

static uint64_t nothing; /* what the hands of classes without a slab look at */

void mr_harden_equip(struct mr_heap *heap, struct mr_hand *hands)
{
    /* Where the kernel has put things, and the clock. */
    heap->random = (uintptr_t)heap ^ (uintptr_t)&hands << 20 ^ mr_clock_ns() * 0x9e3779b97f4a7c15;
    for (unsigned cls = 0; cls < MR_CLASS_COUNT; cls++)
        hands[cls].used = &nothing;
    heap->hands = hands;
}

/* Only the high bits: a linear congruence (Knuth's MMIX) is what every block can afford. */
MR_INLINE uint64_t draw(struct mr_heap *heap)
{
    return heap->random = heap->random * 6364136223846793005 + 1442695040888963407;
}

static void carve(struct mr_heap *heap, struct mr_slab *slab, uint32_t most)
{
    uint32_t n = mr_min(mr_max(CARVE_BYTES / mr_sizeclass_bytes[slab->cls], CARVE_BLOCKS), most - slab->ext);
    if (heap->mark & MR_OWNER_WATCHED)
        memset(mr_tag_at(slab, slab->ext + n - 1), 0, n * sizeof(uint32_t));
    MR_POKE(slab->ext, (uint16_t)(slab->ext + n));
}

static uint64_t carved_of(const struct mr_slab *slab, uint32_t word)
{
    uint32_t here = slab->ext - word * 64;
    return here < 64 ? bit_of(here) - 1 : UINT64_MAX;
}

/* Points a hand at 64 neighbours of which one is free, anywhere in the slab. False: there are none. */
static bool aim(struct mr_heap *heap, struct mr_hand *hand, struct mr_slab *slab)
{
    struct mr_hard *map = map_of(slab);
    uint32_t words = words_for(slab->ext), word = (uint32_t)((draw(heap) >> 32) * words >> 32);
    if (mr_slab_in_use(slab) == slab->ext)
        return false;
    while (!(~map->words[word].used & carved_of(slab, word)))
        word = word + 1 < words ? word + 1 : 0;
    size_t size = mr_sizeclass_bytes[slab->cls];
    *hand = (struct mr_hand){ &map->words[word].used, carved_of(slab, word), mr_lookup_start(slab) + word * 64 * size, size, slab };
    return true;
}

/* One of the free blocks among 4 neighbours: programs that walk what they allocated in a row lose to each doubling, for
 * the processor no longer fetches ahead what they come to (src/README.md). free: of the 64 at hand; not 0. */
MR_INLINE uint32_t pick(struct mr_heap *heap, uint64_t free)
{
    uint32_t low = mr_lowest_bit(free), turn = draw(heap) >> 62, window = free >> low & 15;
    return low + (mr_lowest_bit((window << 4 | window) >> turn) + turn) % 4;
}

/* NULL: none of the blocks at hand is free. */
MR_INLINE void *take_at(struct mr_heap *heap, struct mr_hand *hand)
{
    uint64_t used = MR_PEEK(*hand->used), free = ~used & hand->carved;
    if (MR_UNLIKELY(!free))
        return NULL;
    uint32_t bit = pick(heap, free);
    MR_POKE(*hand->used, used | (uint64_t)1 << bit);
    return hand->start + bit * hand->size;
}

void *mr_harden_take(struct mr_heap *heap, struct mr_slab *slab, uint32_t most)
{
    struct mr_hand *hand = &heap->hands[slab->cls];
    void *p = take_at(heap, hand);
    if (p)
        return p;
    if (mr_slab_in_use(slab) == slab->ext && slab->ext < most)
        carve(heap, slab, most);
    return aim(heap, hand, slab) ? take_at(heap, hand) : NULL;
}

static MR_NOINLINE void *take_elsewhere(struct mr_heap *heap, struct mr_hand *hand)
{
    void *p = hand->carved && aim(heap, hand, hand->slab) ? take_at(heap, hand) : NULL;
    if (p)
        MR_ADD(hand->slab->count, MR_COUNT_ALLOC);
    mr_heaps_leave_own(heap);
    return p;
}

void *mr_harden_take_quick(size_t size)
{
    struct mr_heap *heap = mr_heap_self;
    if (MR_UNLIKELY(size > MR_SLAB_MAX || !mr_heap_is_real(heap)))
        return NULL;
    struct mr_hand *hand = &heap->hands[mr_sizeclass_of(size)];
    mr_heaps_enter_own(heap);
    void *p = take_at(heap, hand);
    if (MR_UNLIKELY(!p))
        return take_elsewhere(heap, hand);
    MR_ADD(hand->slab->count, MR_COUNT_ALLOC);
    mr_heaps_leave_own(heap);
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

/* What needs more than a bit and a count goes the long way: a slab with any flag but that of hardening, one that this
 * block empties, a block in a further region. */
bool mr_harden_free_quick(void *p)
{
    struct mr_heap *heap = mr_heap_self;
    uintptr_t base = mr_lookup_base, offset = (uintptr_t)p - base, within = (uintptr_t)p % MR_SLICE;
    if (MR_UNLIKELY(offset >= MR_GLANCE(mr_lookup_bytes)))
        return false;
    struct mr_slab *slab = mr_slab_at(base, (uintptr_t)p);
    if (MR_UNLIKELY(atomic_load_explicit(&slab->owner, memory_order_relaxed) != ((uintptr_t)heap | MR_OWNER_HARDENED) ||
                    slab->count_low <= 1))
        return false;
    struct mr_hard *map = &mr_regions[0].maps[offset >> MR_SLICE_SHIFT];
    size_t size = mr_sizeclass_bytes[slab->cls];
    uint32_t index = (uint32_t)(within * mr_sizeclass_inverse[slab->cls] >> 32);
    uint64_t used = used_with(map, index);
    if (MR_UNLIKELY(!used || index * size != within))
        return false;
    mr_heaps_enter_own(heap);
    memset(p, 0, size);
    MR_POKE(map->words[index / 64].used, used & ~bit_of(index));
    MR_ADD(slab->count, -(uint64_t)1);
    mr_heaps_leave_own(heap);
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
