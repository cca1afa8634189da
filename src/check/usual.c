#include "usual.h"

#include "zone.h"

int mr_usual_way;

/* Whatever is out of the ordinary is done by a function of its own that is jumped to: a call in its place, though it were
 * never made, would have each request save and restore six registers. */
#define APART static MR_NOINLINE

/* ---- malloc -------------------------------------------------------------------------------------------- */

static struct mr_usual_thread *thread_of(struct mr_heap *heap) { return heap->user; }
static struct mr_track *track_of(struct mr_heap *heap) { return &thread_of(heap)->track; }

APART void *give_up(struct mr_heap *heap, size_t size)
{
    struct mr_unwind_start from = thread_of(heap)->from;
    mr_usual_take *otherwise = thread_of(heap)->take;
    mr_heaps_leave_own(heap);
    return otherwise(size, from.pc, from.sp, from.bp);
}

APART void *book(struct mr_heap *heap, uint32_t site, size_t size, void *p)
{
    mr_track_alloc(track_of(heap), site, size, p);
    mr_heaps_leave_own(heap);
    return p;
}

APART void *look(struct mr_heap *heap, bool at_the_peak, void *p)
{
    mr_track_look(track_of(heap), at_the_peak);
    mr_heaps_leave_own(heap);
    return p;
}

/* The links of the list it lay in would be pointers to blocks, in the eyes of the leak check. */
MR_INLINE void wipe_links(void *p)
{
    ((uint64_t *)p)[0] = ((uint64_t *)p)[1] = 0;
}

/* The next block of the slab, which has one. */
MR_INLINE void *hand_out(struct mr_heap *heap, struct mr_slab *slab, uint32_t *tag, uint32_t site, size_t size)
{
    void *p = mr_heap_pop(slab);
    *tag = mr_tag_make(site, mr_sizeclass_bytes[slab->cls] - size);
    wipe_links(p);
    enum mr_track_left left = mr_track_try_alloc(track_of(heap), site, size, p);
    if (MR_UNLIKELY(left == MR_TRACK_ALL))
        return book(heap, site, size, p);
    if (MR_UNLIKELY(left != MR_TRACK_NOTHING))
        return look(heap, left == MR_TRACK_PEAK_LOOK_DUE, p);
    mr_heaps_leave_own(heap);
    return p;
}

static bool is_site(uint32_t site) { return MR_LIKELY(site - 1 < MR_ZONE_MOVING - 1); }

/* What will be written is fetched while the stack is looked at. */
MR_INLINE uint32_t *fetch(const struct mr_slab *slab)
{
    uint32_t *tag = mr_heap_next_tag(slab);
    __builtin_prefetch(tag, 1);
    __builtin_prefetch(slab->free, 1);
    return tag;
}

APART void *take_met(struct mr_heap *heap, size_t size)
{
    const struct mr_unwind_start *from = &thread_of(heap)->from;
    struct mr_slab *slab = mr_heap_slab_for(heap, size);
    if (MR_UNLIKELY(!slab || !slab->free))
        return give_up(heap, size);
    uint32_t *tag = fetch(slab), site = mr_track_met(track_of(heap), from->pc, from->sp, from->bp);
    return is_site(site) ? hand_out(heap, slab, tag, site, size) : give_up(heap, size);
}

MR_INLINE void *take(struct mr_heap *heap, size_t size, uintptr_t pc, uintptr_t sp, uintptr_t bp, mr_usual_take *otherwise)
{
    mr_heaps_enter_own(heap);
    struct mr_usual_thread *thread = thread_of(heap);
    thread->from = (struct mr_unwind_start){ pc, sp, bp };
    thread->take = otherwise;
    if (!mr_track_may_be_last(&thread->track, pc, sp, bp))
        return take_met(heap, size);
    struct mr_slab *slab = mr_heap_slab_for(heap, size);
    if (MR_UNLIKELY(!slab || !slab->free))
        return give_up(heap, size);
    uint32_t *tag = fetch(slab), site = mr_track_last(&thread->track);
    MR_EXPENSIVE(!MR_EVERY(100) || mr_track_agrees(&thread->track, site, pc, sp, bp), "the last stack is the one that is there");
    return is_site(site) ? hand_out(heap, slab, tag, site, size) : take_met(heap, size);
}

APART void *take_unless_off(size_t size, uintptr_t pc, uintptr_t sp, uintptr_t bp, mr_usual_take *otherwise)
{
    return mr_exempt_is_off_here() ? otherwise(size, pc, sp, bp) : take(mr_heap_self, size, pc, sp, bp, otherwise);
}

void *mr_usual_malloc(size_t size, uintptr_t pc, uintptr_t sp, uintptr_t bp, mr_usual_take *otherwise)
{
    struct mr_heap *heap = mr_heap_self;
    if (MR_UNLIKELY(size > MR_SLAB_MAX || !mr_heap_is_real(heap) || !heap->user))
        return otherwise(size, pc, sp, bp);
    if (MR_UNLIKELY(atomic_load_explicit(&mr_exempt_count, memory_order_relaxed) != 0))
        return take_unless_off(size, pc, sp, bp, otherwise);
    return take(heap, size, pc, sp, bp, otherwise);
}

/* ---- free ---------------------------------------------------------------------------------------------- */

APART bool refuse(struct mr_heap *heap, void *p)
{
    mr_usual_give *otherwise = thread_of(heap)->give;
    mr_heaps_leave_own(heap);
    return otherwise(p);
}

APART bool unbook(struct mr_heap *heap, struct mr_slab *slab, uint32_t site, size_t size, void *p)
{
    if (mr_slab_is_empty(slab))
        mr_bin_emptied(heap, slab);
    mr_track_free(track_of(heap), site, size, p);
    mr_heaps_leave_own(heap);
    return true;
}

APART bool look_again(struct mr_heap *heap)
{
    mr_track_look(track_of(heap), false);
    mr_heaps_leave_own(heap);
    return true;
}

bool mr_usual_free(void *p, mr_usual_give *otherwise)
{
    uint32_t word;
    struct mr_heap *heap = mr_heap_self;
    if (MR_UNLIKELY(!mr_heap_is_real(heap) || !heap->user))
        return otherwise(p);
    mr_heaps_enter_own(heap);
    thread_of(heap)->give = otherwise;
    struct mr_slab *slab = mr_heap_untag(heap, p, &word);
    if (MR_UNLIKELY(!slab))
        return refuse(heap, p);
    struct mr_tag tag = mr_tag_read(word, mr_sizeclass_bytes[slab->cls]);
    if (MR_UNLIKELY(mr_slab_is_empty(slab)))
        return unbook(heap, slab, tag.label, tag.size, p);
    enum mr_track_left left = mr_track_try_free(track_of(heap), tag.label, tag.size, p);
    if (MR_UNLIKELY(left == MR_TRACK_ALL))
        return unbook(heap, slab, tag.label, tag.size, p);
    if (MR_UNLIKELY(left != MR_TRACK_NOTHING))
        return look_again(heap);
    mr_heaps_leave_own(heap);
    return true;
}
