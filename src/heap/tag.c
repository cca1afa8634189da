#include "tag.h"

#include "classic.h"
#include "heap.h"

/* A block's tag, wherever it is kept. */
struct place {
    uint32_t *small;
    uint64_t *large;
    size_t usable;
};

static struct place find_in_slab(struct mr_slab *slab, const void *p)
{
    int index = mr_tag_is_watched(slab) ? mr_lookup_block(slab, p) : -1;
    if (index < 0)
        return (struct place){ NULL };
    return (struct place){ .small = mr_tag_at(slab, (uint32_t)index), .usable = mr_sizeclass_bytes[slab->cls] };
}

static struct place find(const void *p)
{
    if (mr_guarded_holds(p)) {
        size_t usable;
        uint64_t *tag = mr_guarded_tag(p, &usable);
        return (struct place){ .large = tag, .usable = usable };
    }
    if (mr_heap_where() == MR_ROUTE_CLASSIC) {
        size_t usable;
        uint64_t *tag = mr_classic_tag(p, &usable);
        return (struct place){ .large = tag, .usable = usable };
    }
    struct mr_slab *slice = mr_lookup_slice(p), *head = slice ? mr_lookup_head(slice) : NULL;
    if (head && mr_slab_kind(head) == MR_KIND_SLAB)
        return find_in_slab(head, p);
    if (head && mr_slab_kind(head) == MR_KIND_LARGE && (const char *)p == mr_lookup_start(head))
        return (struct place){ .large = &head->large_tag, .usable = head->large_bytes };
    return (struct place){ NULL };
}

static bool read_small(const struct place *place, struct mr_tag *tag)
{
    *tag = mr_tag_read(*place->small, place->usable);
    return *place->small != 0;
}

static bool read_large(const struct place *place, struct mr_tag *tag)
{
    uint64_t word = *place->large;
    tag->label = (uint32_t)(word >> 32) - 1;
    tag->size = place->usable - mr_min((size_t)(uint32_t)word, place->usable);
    tag->usable = place->usable;
    return word >> 32 != 0;
}

bool mr_tag_get(const void *p, struct mr_tag *tag)
{
    struct place place = find(p);
    return place.small ? read_small(&place, tag) : place.large ? read_large(&place, tag) : false;
}

size_t mr_tag_set(void *p, uint32_t label, size_t size)
{
    struct place place = find(p);
    if (place.small)
        *place.small = mr_tag_make(label, place.usable - size);
    else if (place.large)
        *place.large = (uint64_t)(label + 1) << 32 | (uint32_t)mr_min(place.usable - size, (size_t)UINT32_MAX);
    return place.small || place.large ? place.usable : 0;
}
