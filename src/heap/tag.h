/* tag.h: a word beside each block, for whoever watches the heap.
 *
 * A watched slab keeps one 32-bit tag per block at its end, growing down, out of the reach of all but
 * the worst overflow; its last blocks give their place for them:
 *
 *   | block 0 | block 1 | ... | block n-1 | (rest) | tag n-1 | ... | tag 1 | tag 0 |
 *
 *   tag = (label + 1) << 13 | slack         slack = usable bytes - bytes asked for
 *   tag == 0  <=>  the block is not in use
 *
 * So the tag also says exactly which blocks are in use: freed twice, a block shows it. A large block's tag stands in
 * its descriptor, with 32 bits for the slack. Labels mean nothing here; whoever watches gives them.
 * Slack beyond 13 bits (small requests of huge alignment) is cut: `size` then comes back larger than it was
 * asked for, and the same each time. */
#ifndef MR_HEAP_TAG_H
#define MR_HEAP_TAG_H

#include "slab.h"

#define MR_TAG_SLACK_BITS 13
#define MR_TAG_SLACK_MAX (((uint32_t)1 << MR_TAG_SLACK_BITS) - 1)
#define MR_TAG_LABELS (((uint32_t)1 << (32 - MR_TAG_SLACK_BITS)) - 1) /* labels are below that */
#define MR_TAG_NO_LABEL ((uint32_t)1 << MR_TAG_SLACK_BITS)            /* label 0, no slack */

/* What is known of a block in use. */
struct mr_tag {
    uint32_t label;
    size_t size; /* asked for */
    size_t usable;
};

MR_INLINE uint32_t mr_tag_make(uint32_t label, size_t slack)
{
    return (label + 1) << MR_TAG_SLACK_BITS | (uint32_t)mr_min(slack, (size_t)MR_TAG_SLACK_MAX);
}

MR_INLINE struct mr_tag mr_tag_read(uint32_t word, size_t usable)
{
    return (struct mr_tag){ (word >> MR_TAG_SLACK_BITS) - 1, usable - mr_min((size_t)(word & MR_TAG_SLACK_MAX), usable),
                            usable };
}

/* The tag of block `index` of a watched slab. */
MR_INLINE uint32_t *mr_tag_at(const struct mr_slab *slab, uint32_t index)
{
    size_t bytes = (size_t)mr_sizeclass_slices(slab->cls) << MR_SLICE_SHIFT;
    return (uint32_t *)(mr_lookup_start(slab) + bytes) - 1 - index;
}

MR_INLINE bool mr_tag_is_watched(const struct mr_slab *slab)
{
    return atomic_load_explicit(&slab->owner, memory_order_relaxed) & MR_OWNER_WATCHED;
}

/* A block of a watched slab, in use or not, and where its tag is: for who comes back to it. */
struct mr_tag_spot {
    char *block;
    uint32_t *tag;
    size_t usable;
};

/* That block around p. False: there is none, or it does not lie in the first region: others know. */
MR_INLINE bool mr_tag_around(const void *p, struct mr_tag_spot *spot)
{
    uintptr_t base = mr_lookup_base;
    if (MR_UNLIKELY((uintptr_t)p - base >= MR_GLANCE(mr_lookup_bytes)))
        return false;
    struct mr_slab *slab = mr_lookup_head(mr_slab_at(base, (uintptr_t)p));
    if (MR_UNLIKELY(mr_slab_kind(slab) != MR_KIND_SLAB || !mr_tag_is_watched(slab)))
        return false;
    char *start = mr_lookup_start(slab);
    size_t size = mr_sizeclass_bytes[slab->cls], offset = (size_t)((const char *)p - start);
    size_t index = offset * mr_sizeclass_inverse[slab->cls] >> 32;
    index -= index * size > offset; /* just before a block begins the inverse may be too large */
    const char *end = start + ((size_t)mr_sizeclass_slices(slab->cls) << MR_SLICE_SHIFT); /* mr_tag_at, with the start at hand */
    *spot = (struct mr_tag_spot){ start + index * size, (uint32_t *)end - 1 - index, size };
    return MR_LIKELY(index < MR_PEEK(slab->ext));
}

/* Of the block in use that starts at p. False: none does, or it is not watched. */
bool mr_tag_get(const void *p, struct mr_tag *tag);

/* Gives the block at p, in use and watched, another label and size (its class stays). Returns its usable bytes; 0, and
 * nothing happened, when there is no such block. */
size_t mr_tag_set(void *p, uint32_t label, size_t size);

#endif
