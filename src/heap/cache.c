#include "cache.h"

#include "space.h"

struct mr_slab *mr_cache_take(struct mr_heap *heap, uint32_t slices, bool *zero)
{
    struct mr_slab *head = slices <= MR_CACHE_SLICES ? mr_cache_try(heap, slices) : NULL;
    if (head) {
        *zero = false;
        return head;
    }
    head = mr_space_take(slices, 1, zero);
    if (head || heap->cache_room == MR_CACHE_SLICES)
        return head;
    mr_cache_drop(heap); /* what is kept here may be what is missing there */
    return mr_space_take(slices, 1, zero);
}

void mr_cache_drop(struct mr_heap *heap)
{
    for (uint32_t i = 0; i < MR_CACHE_SLICES; i++) {
        struct mr_slab *head;
        while ((head = heap->cache[i])) {
            heap->cache[i] = head->next;
            mr_space_give(head, false);
        }
    }
    heap->cache_room = MR_CACHE_SLICES;
}
