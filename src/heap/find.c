/* find.c: which block a word points into, for those who look for references.
 *
 * One entry per slice says whose it is, so a lookup reads the entry and one byte of the notes. What
 * lies outside slices (classic, emergency and guarded blocks) is a sorted list. */
#include <string.h>

#include "classic.h"
#include "emergency.h"
#include "harden.h"
#include "heap.h"
#include "os.h"
#include "space.h"

enum { IN_USE = 1 };

/* ---- standing still --------------------------------------------------------------------------------- */

static struct mr_lock *heap_lock(void)
{
    return mr_heap_where() == MR_ROUTE_CLASSIC ? &mr_classic_lock : &mr_space_lock;
}

bool mr_heap_freeze(unsigned ms)
{
    if (mr_lock_is_mine(heap_lock()) || mr_lock_is_mine(&mr_guarded_lock) || !mr_lock_acquire_within(heap_lock(), ms))
        return false;
    if (mr_lock_acquire_within(&mr_guarded_lock, ms))
        return true;
    mr_lock_release(heap_lock());
    return false;
}

void mr_heap_thaw(void)
{
    mr_lock_release(&mr_guarded_lock);
    mr_lock_release(heap_lock());
}

/* ---- memory for the tables ------------------------------------------------------------------------------- */

static void *take_memory(size_t bytes, size_t *taken)
{
    *taken = mr_align_up(bytes + 1, mr_os_page);
    void *p = mr_vm_reserve(*taken, mr_os_page);
    if (p && mr_vm_commit(p, *taken))
        return p;
    mr_vm_release(p, p ? *taken : 0);
    *taken = 0;
    return NULL;
}

void mr_find_close(struct mr_find *find)
{
    for (uint32_t r = 0; r < find->region_count; r++)
        if (find->regions[r].slices)
            mr_vm_release(find->regions[r].slices, find->regions[r].bytes >> MR_SLICE_SHIFT << 5);
    mr_vm_release(find->regions, find->regions_bytes);
    mr_vm_release(find->notes, find->notes_bytes);
    mr_vm_release(find->list, find->list_bytes);
    *find = (struct mr_find){ 0 };
}

/* ---- regions: slabs and large blocks ------------------------------------------------------------------------ */

static void enter_span(struct mr_find *find, struct mr_find_region *region, uint32_t i, struct mr_slab *head)
{
    struct mr_find_slice slice = { .start = region->base + ((uintptr_t)i << MR_SLICE_SHIFT), .first = find->count };
    if (mr_slab_kind(head) == MR_KIND_SLAB) {
        slice.size = mr_sizeclass_bytes[head->cls];
        slice.inverse = mr_sizeclass_inverse[head->cls];
        slice.count = head->ext;
    } else if (mr_slab_kind(head) == MR_KIND_LARGE) {
        slice.size = head->large_bytes;
        slice.count = 1;
    }
    if (slice.count == 0)
        return;
    find->count += slice.count;
    for (uint32_t k = 0; k < mr_slab_slices(head); k++)
        region->slices[i + k] = slice;
}

static bool enter_region(struct mr_find *find, struct mr_region *from)
{
    struct mr_find_region *region = &find->regions[find->region_count];
    size_t bytes = mr_align_up(atomic_load(&from->committed), mr_os_page << 11), taken;
    *region = (struct mr_find_region){ .base = from->base, .bytes = bytes };
    region->slices = take_memory((bytes >> MR_SLICE_SHIFT << 5) - 1, &taken);
    find->region_count++;
    if (!region->slices)
        return false;
    for (uint32_t i = mr_pool_first(&from->pool); i != MR_POOL_NONE; i = mr_pool_next(&from->pool, i))
        if (!mr_pool_is_free(&from->pool, i))
            enter_span(find, region, i, (struct mr_slab *)mr_pool_node(&from->pool, i));
    find->low = mr_min(find->low, region->base);
    find->high = mr_max(find->high, region->base + bytes);
    return true;
}

static bool enter_regions(struct mr_find *find)
{
    _Static_assert(sizeof(struct mr_find_slice) == 32, "a table's bytes are its region's >> 16 << 5");
    uint32_t n = mr_heap_where() == MR_ROUTE_SLAB ? atomic_load(&mr_region_count) : 0;
    find->regions = take_memory(n * sizeof *find->regions, &find->regions_bytes);
    bool done = find->regions != NULL;
    for (uint32_t r = 0; r < n && done; r++)
        done = enter_region(find, &mr_regions[r]);
    return done;
}

static bool number_of(const struct mr_find *find, uintptr_t word, struct mr_find_block *block)
{
    for (uint32_t r = 0; r < find->region_count; r++) {
        const struct mr_find_region *region = &find->regions[r];
        if (word - region->base >= region->bytes)
            continue;
        const struct mr_find_slice *slice = &region->slices[(word - region->base) >> MR_SLICE_SHIFT];
        size_t offset = word - slice->start;
        uint32_t i = (uint32_t)(offset * slice->inverse >> 32);
        i -= i * slice->size > offset; /* the inverse is exact for beginnings: just before one it may be too large */
        if (i >= slice->count || offset - i * slice->size >= slice->size)
            return false;
        *block = (struct mr_find_block){ slice->start + i * slice->size, slice->size, slice->first + i };
        return true;
    }
    return false;
}

/* ---- what is carved and free ----------------------------------------------------------------------------------- */

/* Follows a chain until it ends, leaves the blocks or meets itself. */
static void strike_chain(struct mr_find *find, void *p)
{
    struct mr_find_block block;
    while (p && number_of(find, (uintptr_t)p, &block) && block.start == (uintptr_t)p && block.size <= MR_SLAB_MAX &&
           find->notes[block.index]) {
        find->notes[block.index] = 0;
        find->in_use--;
        p = *(void **)p;
    }
}

static void strike_by_map(struct mr_find *find, const struct mr_slab *slab)
{
    struct mr_find_block block;
    number_of(find, (uintptr_t)mr_lookup_start(slab), &block);
    for (uint32_t i = 0; i < slab->ext; i++)
        if (!mr_harden_in_use(slab, i)) {
            find->notes[block.index + i] = 0;
            find->in_use--;
        }
}

static void strike_slab(struct mr_find *find, const struct mr_slab *slab)
{
    if (mr_harden_has(slab)) {
        strike_by_map(find, slab);
    } else {
        strike_chain(find, MR_PEEK(slab->free));
        strike_chain(find, mr_slab_returned(slab));
    }
}

static void strike_slabs(struct mr_find *find)
{
    for (uint32_t r = 0; r < find->region_count; r++) {
        const struct mr_pool *pool = &mr_regions[r].pool;
        for (uint32_t i = mr_pool_first(pool); i != MR_POOL_NONE; i = mr_pool_next(pool, i)) {
            struct mr_slab *head = (struct mr_slab *)mr_pool_node(pool, i);
            if (!mr_pool_is_free(pool, i) && mr_slab_kind(head) == MR_KIND_SLAB)
                strike_slab(find, head);
        }
    }
}

static bool is_in_use(const struct mr_find *find, const void *p)
{
    struct mr_find_block block;
    return number_of(find, (uintptr_t)p, &block) && block.start == (uintptr_t)p && find->notes[block.index];
}

/* Blocks that threads have freed for one another are on their way home. */
static void strike_travellers(struct mr_find *find)
{
    for (struct mr_heap *heap = mr_heaps_first(); heap; heap = heap->next) {
        for (unsigned i = 0; i < MR_CHAIN_COUNT; i++)
            if (heap->chains[i].slab)
                strike_chain(find, heap->chains[i].head);
        void *letter = atomic_load_explicit(&heap->inbox, memory_order_acquire);
        for (; letter && is_in_use(find, letter); letter = mr_letter_next(letter))
            strike_chain(find, letter);
    }
}

/* ---- the list ------------------------------------------------------------------------------------------------------ */

static bool add_to_list(void *ctx, const void *p, size_t size)
{
    struct mr_find *find = ctx;
    if (find->list_count < find->list_cap)
        find->list[find->list_count] = (struct mr_find_block){ (uintptr_t)p, size, 0 };
    find->list_count++;
    return true;
}

static void walk_others(struct mr_find *find)
{
    find->list_count = 0;
    mr_emergency_walk(add_to_list, find);
    mr_guarded_walk(add_to_list, find);
    if (mr_heap_where() == MR_ROUTE_CLASSIC)
        mr_classic_walk(add_to_list, find);
}

static bool starts_before(const void *a, const void *b)
{
    return ((const struct mr_find_block *)a)->start < ((const struct mr_find_block *)b)->start;
}

static void sort_list(struct mr_find *find)
{
    uint32_t i = 1;
    while (i < find->list_count && find->list[i - 1].start < find->list[i].start)
        i++;
    if (i < find->list_count)
        mr_sort(find->list, find->list_count, sizeof *find->list, starts_before);
}

static bool enter_list(struct mr_find *find)
{
    walk_others(find);
    find->list_cap = find->list_count;
    find->list = take_memory(find->list_count * sizeof *find->list, &find->list_bytes);
    if (!find->list)
        return false;
    walk_others(find);
    sort_list(find);
    for (uint32_t i = 0; i < find->list_count; i++)
        find->list[i].index = find->count++;
    if (find->list_count) {
        const struct mr_find_block *last = &find->list[find->list_count - 1];
        find->low = mr_min(find->low, find->list[0].start);
        find->high = mr_max(find->high, last->start + last->size);
    }
    return true;
}

static bool find_in_list(const struct mr_find *find, uintptr_t word, struct mr_find_block *block)
{
    uint32_t from = 0, to = find->list_count; /* the last block that starts at or before word is in [from - 1, to) */
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (find->list[middle].start <= word)
            from = middle + 1;
        else
            to = middle;
    }
    if (from == 0 || word - find->list[from - 1].start >= find->list[from - 1].size)
        return false;
    *block = find->list[from - 1];
    return true;
}

/* ---- the face --------------------------------------------------------------------------------------------------------- */

bool mr_find_open(struct mr_find *find)
{
    *find = (struct mr_find){ .low = UINTPTR_MAX };
    if (!enter_regions(find) || !enter_list(find) || !(find->notes = take_memory(find->count, &find->notes_bytes))) {
        mr_find_close(find);
        return false;
    }
    memset(find->notes, IN_USE, find->count);
    find->in_use = find->count;
    strike_slabs(find);
    if (mr_heap_where() == MR_ROUTE_SLAB)
        strike_travellers(find);
    find->low = mr_min(find->low, find->high);
    return true;
}

bool mr_find_place(const struct mr_find *find, uintptr_t word, struct mr_find_block *block)
{
    return number_of(find, word, block) || (find->list_count && find_in_list(find, word, block));
}

bool mr_find_block(const struct mr_find *find, uintptr_t word, struct mr_find_block *block)
{
    return mr_find_place(find, word, block) && find->notes[block->index];
}

static void visit_slice(const struct mr_find *find, const struct mr_find_slice *slice, mr_find_visit *each, void *ctx)
{
    for (uint32_t i = 0; i < slice->count; i++)
        if (find->notes[slice->first + i])
            each(ctx, &(struct mr_find_block){ slice->start + i * slice->size, slice->size, slice->first + i });
}

void mr_find_each(const struct mr_find *find, mr_find_visit *each, void *ctx)
{
    for (uint32_t r = 0; r < find->region_count; r++) {
        const struct mr_find_region *region = &find->regions[r];
        for (size_t i = 0; i < region->bytes >> MR_SLICE_SHIFT; i++)
            if (region->slices[i].start == region->base + (i << MR_SLICE_SHIFT))
                visit_slice(find, &region->slices[i], each, ctx);
    }
    for (uint32_t i = 0; i < find->list_count; i++)
        if (find->notes[find->list[i].index])
            each(ctx, &find->list[i]);
}

size_t mr_find_own(struct mr_find_range *ranges, size_t cap)
{
    struct mr_find_range range;
    size_t n = 0;
    for (uint32_t r = 0; r < atomic_load(&mr_region_count) && n < cap; r++)
        ranges[n++] = (struct mr_find_range){ mr_regions[r].base, mr_regions[r].base + mr_regions[r].reserved };
    for (uint32_t k = 0; n < cap && mr_classic_region(k, &range.from, &range.to); k++)
        ranges[n++] = range;
    if (n < cap && mr_guarded_own(&range.from, &range.to))
        ranges[n++] = range;
    return n;
}
