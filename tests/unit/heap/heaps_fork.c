/* Heaps across fork: what the child finds of those whose threads are gone. */
#include "lives.h"

TestSuite(heaps_fork, .timeout = 60);

static volatile bool stop_working;

static struct company other;

static int others_are_orphans(void)
{
    if (live() != 1 || other.heap->state != MR_HEAP_ORPHAN)
        return 1;
    if (mr_heap_check())
        return 2;
    work_a_little(NULL);
    uint64_t before = made();
    pthread_t thread;
    pthread_create(&thread, NULL, work_a_little, NULL);
    pthread_join(thread, NULL);
    return made() == before ? 0 : 3;
}

Test(heaps_fork, a_fork_child_may_adopt_what_the_other_threads_had)
{
    company_start(&other);
    mr_heap_malloc(1);
    company_do(&other, pass_by, NULL);
    cr_expect_eq(child_result(others_are_orphans), 0);
    cr_expect_eq(live(), 2);
    cr_expect_eq(other.heap->state, MR_HEAP_LIVE);
    company_end(&other);
}

static int others_was_busy(void)
{
    return other.heap->state == MR_HEAP_DEAD && live() == 1 && !mr_heap_check() ? 0 : 1;
}

static void stay_inside(void *heap) { *(struct mr_heap **)heap = mr_heaps_enter(); }
static void go_out(void *heap) { mr_heaps_leave(*(struct mr_heap **)heap); }

Test(heaps_fork, a_heap_in_the_middle_of_something_is_dead_in_the_child)
{
    struct mr_heap *inside;
    company_start(&other);
    mr_heap_malloc(1);
    company_do(&other, stay_inside, &inside);
    other.heap = inside;
    cr_expect_eq(child_result(others_was_busy), 0);
    company_do(&other, go_out, &inside);
    cr_expect_eq(other.heap->state, MR_HEAP_LIVE);
    company_end(&other);
}

static void *work_until_told(void *arg)
{
    uint64_t state = (uintptr_t)arg;
    while (!stop_working) {
        void *p = mr_heap_malloc(random_size(&state)), *q = mr_heap_malloc(random_size(&state));
        mr_heap_free(p);
        mr_heap_free(q);
    }
    return NULL;
}

/* Heaps of lost threads may be torn; what the child itself uses is sound. */
static int work_in_child(void)
{
    uint64_t state = 9;
    for (int i = 0; i < 500; i++) {
        void *p = mr_heap_malloc(random_size(&state));
        if (!p || mr_heap_free(p) != MR_FREED)
            return 1;
    }
    return mr_space_check() ? 2 : mr_bin_check(mr_heap_self) ? 3 : 0;
}

Test(heaps_fork, a_fork_amid_working_threads_leaves_a_usable_child)
{
    pthread_t threads[3];
    mr_heap_malloc(1);
    for (uintptr_t i = 0; i < 3; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, work_until_told, (void *)(i + 1)), 0);
    for (int i = 0; i < 25; i++) {
        int result = child_result(work_in_child);
        cr_expect_eq(result, 0, "child %d: %d", i, result);
    }
    stop_working = true;
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    EXPECT_SOUND();
}

static int works_after_a_fork_in_a_handler(void)
{
    mr_lock_release(&mr_space_lock); /* the interrupted section goes on in the child too */
    return work_in_child();
}

/* The forking thread holds a lock already: neither side may wait for it. */
Test(heaps_fork, a_fork_inside_the_space_does_not_wait_for_itself)
{
    mr_heap_malloc(1);
    mr_lock_acquire(&mr_space_lock);
    cr_expect_eq(child_result(works_after_a_fork_in_a_handler), 0);
    cr_expect(mr_lock_is_mine(&mr_space_lock));
    mr_lock_release(&mr_space_lock);
    work_a_little(NULL);
    EXPECT_SOUND();
}
