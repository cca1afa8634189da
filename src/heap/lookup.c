#include "space.h"

uintptr_t mr_lookup_base;
size_t mr_lookup_bytes;
const struct mr_slab mr_slab_none;

static struct mr_region *region_of(uintptr_t p)
{
    uint32_t n = atomic_load_explicit(&mr_region_count, memory_order_acquire);
    for (uint32_t i = 0; i < n; i++)
        if (p - mr_regions[i].base < atomic_load_explicit(&mr_regions[i].committed, memory_order_relaxed))
            return &mr_regions[i];
    return NULL;
}

struct mr_slab *mr_lookup_slice_anywhere(const void *p)
{
    struct mr_region *region = region_of((uintptr_t)p);
    return region ? mr_slab_at(region->base, (uintptr_t)p) : NULL;
}

char *mr_lookup_start_anywhere(const struct mr_slab *head)
{
    struct mr_region *region = region_of((uintptr_t)head);
    MR_ASSERT(region, "descriptors lie in the table of their region");
    size_t index = (size_t)(head - (const struct mr_slab *)region->base);
    return (char *)region->base + (index << MR_SLICE_SHIFT);
}

int mr_lookup_block(const struct mr_slab *slab, const void *p)
{
    size_t offset = (size_t)((const char *)p - mr_lookup_start(slab));
    size_t index = offset * mr_sizeclass_inverse[slab->cls] >> 32;
    return index * mr_sizeclass_bytes[slab->cls] == offset && index < MR_PEEK(slab->ext) ? (int)index : -1;
}
