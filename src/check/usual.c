#include "usual.h"

#include "zone.h"

int mr_usual_way;

/* The links of the list it lay in would be pointers to blocks, in the eyes of the leak check. */
MR_INLINE void wipe_links(void *p)
{
    ((uint64_t *)p)[0] = ((uint64_t *)p)[1] = 0;
}

/* In an entered heap. What is written afterwards is fetched while the stack is looked at. */
MR_INLINE void *take(struct mr_heap *heap, struct mr_track *track, size_t size, uintptr_t pc, uintptr_t sp, uintptr_t bp)
{
    struct mr_slab *slab = mr_heap_slab_for(heap, size);
    if (MR_UNLIKELY(!slab || !slab->free))
        return NULL;
    uint32_t *tag = mr_heap_next_tag(slab);
    __builtin_prefetch(tag, 1);
    __builtin_prefetch(slab->free, 1);
    uint32_t site = mr_track_known(track, pc, sp, bp);
    if (MR_UNLIKELY(site - 1 >= MR_ZONE_MOVING - 1))
        return NULL;
    void *p = mr_heap_pop(slab);
    *tag = mr_tag_make(site, mr_sizeclass_bytes[slab->cls] - size);
    wipe_links(p);
    if (MR_UNLIKELY(!mr_track_try_alloc(track, site, size, p)))
        mr_track_alloc(track, site, size, p);
    return p;
}

void *mr_usual_malloc(size_t size, uintptr_t pc, uintptr_t sp, uintptr_t bp)
{
    struct mr_heap *heap = mr_heap_self;
    if (MR_UNLIKELY(size > MR_SLAB_MAX || !mr_heap_is_real(heap) || !heap->user || mr_exempt_is_off()))
        return NULL;
    mr_heaps_enter_own(heap);
    void *p = take(heap, &((struct mr_usual_thread *)heap->user)->track, size, pc, sp, bp);
    mr_heaps_leave(heap);
    return p;
}

bool mr_usual_free(void *p)
{
    struct mr_tag tag;
    struct mr_heap *heap = mr_heap_self;
    if (MR_UNLIKELY(!mr_heap_is_real(heap) || !heap->user))
        return false;
    mr_heaps_enter_own(heap);
    struct mr_track *track = &((struct mr_usual_thread *)heap->user)->track;
    bool freed = mr_heap_try_free_in(heap, p, &tag);
    if (MR_LIKELY(freed) && MR_UNLIKELY(!mr_track_try_free(track, tag.label, tag.size, p)))
        mr_track_free(track, tag.label, tag.size, p);
    mr_heaps_leave(heap);
    return freed;
}
