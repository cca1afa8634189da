/* mr_bin_check against each kind of damage, done by hand and undone again. */
#include "facts.h"

static struct mr_heap *heap;
static struct mr_slab *current, *queued;
enum { CLS = 55, DIRECT_CLS = 2 };

/* A heap with a current slab that is partly free and a queued one of the same class. */
static void prepare(void)
{
    void *first[8];
    heap = mr_heaps_enter();
    for (int i = 0; i < 8; i++)
        first[i] = mr_bin_take(heap, CLS, NULL);
    void *p = mr_bin_take(heap, CLS, NULL), *q = mr_bin_take(heap, CLS, NULL);
    current = head_of(p);
    mr_bin_free(heap, current, q);
    queued = head_of(first[0]);
    mr_bin_free(heap, queued, first[0]);
    mr_bin_take(heap, DIRECT_CLS, NULL);
    cr_assert_null(mr_bin_check(heap));
}

/* Each damage is undone: the test ends with a sound heap. */
static void restored(void)
{
    cr_expect_null(mr_bin_check(heap));
    mr_heaps_leave(heap);
}

TestSuite(bin_check, .init = prepare, .fini = restored, .timeout = 30);

static void expect(const char *words)
{
    const char *wrong = mr_bin_check(heap);
    cr_assert_not_null(wrong, "not noticed: %s", words);
    cr_expect_str_eq(wrong, words);
}

Test(bin_check, a_kept_bit_that_is_wrong)
{
    heap->kept[0] ^= (uint64_t)1 << CLS;
    expect("the kept bit and the current slab disagree");
    heap->kept[0] ^= (uint64_t)1 << CLS;
    current->kept = true;
    expect("the kept bit and the current slab disagree");
    current->kept = false;
}

Test(bin_check, a_slab_of_another_class)
{
    current->cls++;
    expect("a heap holds a slab that is not of its class");
    current->cls--;
    queued->cls--;
    expect("a heap holds a slab that is not of its class");
    queued->cls++;
}

Test(bin_check, a_descriptor_that_is_no_slab)
{
    mr_slab_set_kind(queued, MR_KIND_LARGE);
    expect("a heap holds a slab that is not of its class");
    mr_slab_set_kind(queued, MR_KIND_SLAB);
}

Test(bin_check, an_owner_that_is_another)
{
    queued->owner |= MR_OWNER_FULL;
    expect("a heap holds a slab whose owner is another, or which is marked full");
    queued->owner = (uintptr_t)(heap + 1);
    expect("a heap holds a slab whose owner is another, or which is marked full");
    queued->owner = (uintptr_t)heap;
}

Test(bin_check, a_free_list_that_leads_away)
{
    void *list = current->free;
    void *elsewhere[2] = { NULL };
    current->free = elsewhere;
    expect("a free list leaves its slab");
    current->free = (char *)list + 8;
    expect("a free list leaves its slab");
    current->free = mr_lookup_start(current) + (size_t)current->ext * mr_sizeclass_bytes[CLS];
    expect("a free list leaves its slab");
    current->free = list;
}

Test(bin_check, a_free_list_that_meets_itself)
{
    void **first = current->free;
    void *next = *first;
    *first = first;
    expect("a free list leaves its slab");
    *first = next;
}

Test(bin_check, sums_that_are_off)
{
    queued->count += MR_COUNT_ALLOC;
    expect("free blocks and blocks in use do not add up to the carved ones");
    queued->count -= MR_COUNT_ALLOC;
    current->ext++;
    expect("free blocks and blocks in use do not add up to the carved ones");
    current->ext--;
}

Test(bin_check, a_block_freed_twice)
{
    void **first = current->free;
    void *next = *first;
    *first = NULL; /* the rest of the list is lost, as after a double free */
    current->count--;
    expect("free blocks and blocks in use do not add up to the carved ones");
    current->count++;
    *first = next;
}

Test(bin_check, a_queue_its_slab_does_not_know)
{
    queued->queued = false;
    expect("a slab in the queue does not know it");
    queued->queued = true;
}

Test(bin_check, a_direct_entry_that_leads_elsewhere)
{
    size_t i = mr_sizeclass_bytes[DIRECT_CLS] / 16;
    heap->direct[i] = (struct mr_slab *)&mr_slab_none;
    expect("a direct entry is not the current slab of its class");
    heap->direct[i] = heap->current[DIRECT_CLS];
    heap->direct[0] = current;
    expect("a direct entry is not the current slab of its class");
    heap->direct[0] = heap->current[0];
}

/* The whole heap's check finds what the bin's does. */
Test(bin_check, damage_is_the_heaps_too)
{
    queued->count++;
    cr_expect_str_eq(mr_heap_check(), mr_bin_check(heap));
    queued->count--;
    cr_expect_null(mr_heap_check());
}
