/* bin_check.c: the invariants of one heap's slabs. */
#include "harden.h"
#include "thread_heap.h"

/* A list, whose links the program can write over: none is followed before it is known to lead to a block. */
static const char *check_list(const struct mr_slab *slab, const void *p, uint32_t *listed, const void **at)
{
    for (; p; p = *(void *const *)p, ++*listed) {
        if (*listed > slab->ext || mr_lookup_block(slab, p) < 0)
            return "a free list leaves its slab";
        *at = p;
    }
    return NULL;
}

static const char *check_blocks(const struct mr_slab *slab, uint32_t slop, const void **at)
{
    uint32_t listed = 0;
    const char *wrong = check_list(slab, slab->free, &listed, at);
    wrong = wrong ? wrong : check_list(slab, mr_slab_returned(slab), &listed, at);
    if (wrong)
        return wrong;
    *at = mr_lookup_start(slab);
    uint64_t blocks = listed + mr_slab_in_use(slab);
    return blocks + slop < slab->ext || blocks > (uint64_t)slab->ext + slop
               ? "free blocks and blocks in use do not add up to the carved ones" : NULL;
}

static const char *check_slab(const struct mr_heap *heap, const struct mr_slab *slab, unsigned cls, uint32_t slop,
                              const void **at)
{
    *at = mr_lookup_start(slab);
    if (mr_slab_kind(slab) != MR_KIND_SLAB || slab->cls != cls)
        return "a heap holds a slab that is not of its class";
    if (atomic_load_explicit(&slab->owner, memory_order_relaxed) != ((uintptr_t)heap | heap->mark))
        return "a heap holds a slab whose owner is another, or which is marked full";
    return mr_harden_has(slab) ? mr_harden_check(slab) : check_blocks(slab, slop, at);
}

const char *mr_bin_check_at(const struct mr_heap *heap, uint32_t slop, const void **at)
{
    for (unsigned cls = 0; cls < MR_CLASS_COUNT; cls++) {
        const struct mr_slab *slab = heap->use[cls];
        bool kept = heap->kept[cls / 64] >> cls % 64 & 1;
        if (kept != slab->kept)
            return "the kept bit and the current slab disagree";
        const char *wrong = slab == &mr_slab_none ? NULL : check_slab(heap, slab, cls, slop, at);
        for (slab = heap->queue[cls].first; slab && !wrong; slab = slab->next)
            wrong = slab->queued ? check_slab(heap, slab, cls, slop, at) : "a slab in the queue does not know it";
        if (wrong)
            return wrong;
    }
    for (size_t i = 0; i < MR_DIRECT_COUNT; i++)
        if (heap->direct[i] != (mr_heap_is_veiled(heap) ? &mr_slab_none : heap->use[mr_sizeclass_direct[i]]))
            return "a direct entry is not the current slab of its class";
    return NULL;
}

const char *mr_bin_check(const struct mr_heap *heap)
{
    const void *at;
    return mr_bin_check_at(heap, 0, &at);
}
