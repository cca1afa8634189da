/* The life of heaps: first use, ends of threads, adoption, late threads, handlers. */
#include "lives.h"

TestSuite(heaps, .timeout = 60);

/* ---- entering ------------------------------------------------------------------------------------- */

Test(heaps, a_thread_has_its_heap_from_the_first_block_on)
{
    cr_expect_eq(mr_heap_self, MR_HEAP_NONE);
    cr_expect_eq(mr_heap_where(), MR_ROUTE_UNKNOWN);
    void *p = mr_heap_malloc(1);
    cr_assert_not_null(p);
    cr_expect(mr_heap_is_real(mr_heap_self));
    cr_expect_eq(mr_heap_where(), MR_ROUTE_SLAB);
    cr_expect_eq(head_of(p)->owner, (uintptr_t)mr_heap_self);
    cr_expect_eq(made(), 1);
    cr_expect_eq(live(), 1);
}

Test(heaps, the_stand_ins_have_nothing_to_give)
{
    struct mr_heap *const none[] = { MR_HEAP_NONE, MR_HEAP_LATE, MR_HEAP_BUSY };
    for (int k = 0; k < 3; k++) {
        cr_expect_not(mr_heap_is_real(none[k]));
        for (size_t i = 0; i < MR_DIRECT_COUNT; i++)
            cr_assert_eq(none[k]->direct[i], &mr_slab_none);
        for (int i = 0; i < MR_CLASS_COUNT; i++)
            cr_assert_eq(none[k]->current[i], &mr_slab_none);
    }
}

Test(heaps, a_heap_is_hidden_while_it_is_entered)
{
    struct mr_heap *heap = mr_heaps_enter();
    cr_expect_eq(mr_heap_self, MR_HEAP_BUSY);
    cr_expect(heap->busy);
    cr_expect_null(mr_heap_try_malloc(16));
    mr_heaps_leave(heap);
    cr_expect_eq(mr_heap_self, heap);
    cr_expect_not(heap->busy);
}

Test(heaps, boot_may_be_asked_for_again)
{
    mr_heap_boot();
    uint32_t regions = mr_region_count;
    mr_heap_boot();
    cr_expect_eq(mr_region_count, regions);
    cr_expect_eq(made(), 0, "a process that does not allocate has no heap");
}

/* ---- threads that come and go --------------------------------------------------------------------------- */

Test(heaps, one_after_another_they_use_one_heap)
{
    work_a_little(NULL);
    in_thread(work_a_little, NULL);
    size_t committed = mr_regions[0].committed;
    for (int i = 0; i < 300; i++)
        in_thread(work_a_little, NULL);
    cr_expect_eq(made(), 2);
    cr_expect_eq(live(), 1);
    cr_expect_eq(mr_regions[0].committed, committed);
    expect_in_use(0, 0);
    EXPECT_SOUND();
}

Test(heaps, no_more_are_made_than_run_at_once)
{
    enum { AT_ONCE = 6 };
    struct company others[AT_ONCE];
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < AT_ONCE; i++)
            company_start(&others[i]);
        for (int i = 0; i < AT_ONCE; i++)
            company_do(&others[i], pass_by, NULL);
        cr_expect_eq(live(), AT_ONCE);
        for (int i = 0; i < AT_ONCE; i++)
            company_end(&others[i]);
    }
    cr_expect_eq(made(), AT_ONCE);
    cr_expect_eq(live(), 0);
    EXPECT_SOUND();
}

Test(heaps, what_an_ended_thread_left_is_adopted_whole)
{
    void *left = in_thread(work_a_little, &left);
    struct mr_heap *heap = (struct mr_heap *)head_of(left)->owner;
    cr_expect_eq(heap->state, MR_HEAP_ORPHAN);
    expect_in_use(1, 16);
    mr_heap_malloc(500); /* this thread's first: no heap is made for it */
    cr_expect_eq(mr_heap_self, heap);
    cr_expect_eq(heap->state, MR_HEAP_LIVE);
    cr_expect(mr_heap_try_free(left), "its own now");
    cr_expect_eq(made(), 1);
    EXPECT_SOUND();
}

static void take_and_give(void *arg)
{
    struct batch b = { .size = *(size_t *)arg, .count = 10 };
    batch_take(&b);
    batch_give(&b);
}

static void end_after(struct company *c, size_t size)
{
    company_do(c, take_and_give, &size);
    company_end(c);
}

Test(heaps, an_ended_thread_keeps_a_little_at_hand)
{
    struct company first, second;
    company_start(&first);
    end_after(&first, 100);
    uint32_t takes = first.heap->takes;
    cr_expect(first.heap->current[mr_sizeclass_of(100)]->kept);
    cr_expect_eq(look()->rows[mr_sizeclass_of(100)].slabs, 1);
    company_start(&second);
    end_after(&second, 100);
    cr_expect_eq(second.heap, first.heap);
    cr_expect_eq(second.heap->takes, takes, "the slab of the first");
    expect_in_use(0, 0);
    EXPECT_SOUND();
}

Test(heaps, an_ended_thread_keeps_no_more_than_a_little)
{
    struct company c;
    company_start(&c);
    end_after(&c, 40000); /* 400 KB of one slab were in use */
    for (int cls = 0; cls < MR_CLASS_COUNT; cls++) {
        cr_assert_eq(c.heap->current[cls], &mr_slab_none);
        cr_assert_eq(look()->rows[cls].slabs, 0);
    }
    cr_expect_eq(c.heap->cache_room, MR_CACHE_SLICES);
}

/* Those that keep something are adopted first, or they would keep it for ever. */
Test(heaps, few_ended_threads_keep_anything)
{
    enum { ALL = 12, FEW = 8 };
    struct company others[ALL], later[FEW];
    int warm = 0;
    for (int i = 0; i < ALL; i++) {
        size_t size = 100;
        company_start(&others[i]);
        company_do(&others[i], take_and_give, &size);
    }
    for (int i = 0; i < ALL; i++)
        company_end(&others[i]);
    for (int i = 0; i < ALL; i++)
        warm += others[i].heap->kept[0] != 0;
    cr_expect_eq(warm, FEW);
    cr_expect_eq(look()->rows[mr_sizeclass_of(100)].slabs, FEW);
    for (int i = 0; i < FEW; i++) {
        company_start(&later[i]);
        company_do(&later[i], pass_by, NULL);
        cr_expect_neq(later[i].heap->kept[0], 0, "thread %d", i);
        cr_expect_not(later[i].heap->warm);
    }
    for (int i = 0; i < FEW; i++)
        company_end(&later[i]);
    cr_expect_eq(made(), ALL);
    cr_expect_eq(look()->rows[mr_sizeclass_of(100)].slabs, FEW);
    EXPECT_SOUND();
}

/* ---- late threads --------------------------------------------------------------------------------------- */

static pthread_key_t late_key;
static _Atomic int late_rounds, late_wrong;
static void *_Atomic late_block;

/* Runs three times: the first may come before the heap is left, the others come behind. */
static void late_destructor(void *round)
{
    void *p = mr_heap_malloc(200), *q = mr_heap_malloc(70000);
    late_wrong += !p || !q;
    memset(p, 1, 200);
    mr_heap_free(q);
    if ((uintptr_t)round < 3) {
        mr_heap_free(p);
        pthread_setspecific(late_key, (char *)round + 1);
        return;
    }
    late_wrong += mr_heap_self != MR_HEAP_LATE;
    late_rounds++;
    mr_heap_free(atomic_exchange(&late_block, p)); /* of another late thread: they share a heap */
}

static void *end_late(void *unused)
{
    work_a_little(unused);
    pthread_setspecific(late_key, (void *)1);
    return NULL;
}

Test(heaps, destructors_after_the_end_share_a_heap)
{
    pthread_key_create(&late_key, late_destructor);
    mr_heap_malloc(1);
    for (int i = 0; i < 100; i++)
        in_thread(end_late, NULL);
    cr_expect_eq(late_rounds, 100);
    cr_expect_eq(late_wrong, 0);
    cr_expect_eq(made(), 2);
    cr_expect_eq(live(), 1);
    expect_in_use(2, 16 + 208);
    cr_expect_eq(mr_heap_free(late_block), MR_FREED, "any thread may free it");
    expect_in_use(1, 16);
    EXPECT_SOUND();
}

Test(heaps, late_threads_at_once)
{
    enum { AT_ONCE = 8 };
    pthread_t threads[AT_ONCE];
    pthread_key_create(&late_key, late_destructor);
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < AT_ONCE; i++)
            cr_assert_eq(pthread_create(&threads[i], NULL, end_late, NULL), 0);
        for (int i = 0; i < AT_ONCE; i++)
            pthread_join(threads[i], NULL);
    }
    cr_expect_leq(made(), AT_ONCE);
    cr_expect_eq(late_rounds, 10 * AT_ONCE);
    cr_expect_eq(late_wrong, 0);
    expect_in_use(1, 208);
    EXPECT_SOUND();
}

/* ---- signal handlers -------------------------------------------------------------------------------------- */

static void *handlers_block, *blocks_to_free[3];
static enum mr_freed handler_freed[3];

static void on_signal(int sig)
{
    (void)sig;
    handlers_block = mr_heap_malloc(100);
    memset(handlers_block, 1, 100);
    for (int i = 0; i < 3; i++)
        handler_freed[i] = mr_heap_free(blocks_to_free[i]);
}

static void expect_handled(void)
{
    cr_assert_not_null(handlers_block);
    for (int i = 0; i < 3; i++)
        cr_expect_eq(handler_freed[i], MR_FREED, "block %d", i);
}

static void prepare_handler(void)
{
    signal(SIGUSR1, on_signal);
    blocks_to_free[0] = mr_heap_malloc(100);
    blocks_to_free[1] = mr_heap_malloc(5000);
    blocks_to_free[2] = mr_heap_malloc(100000);
}

Test(heaps, a_handler_in_a_slow_path_uses_the_shared_heap)
{
    prepare_handler();
    struct mr_heap *heap = mr_heaps_enter();
    raise(SIGUSR1);
    cr_expect_eq(mr_heap_self, MR_HEAP_BUSY);
    mr_heaps_leave(heap);
    expect_handled();
    cr_expect_neq(head_of(handlers_block)->owner & ~MR_OWNER_FLAGS, (uintptr_t)heap);
    expect_in_use(1, 112);
    cr_expect_eq(mr_heap_free(handlers_block), MR_FREED);
    expect_in_use(0, 0);
    EXPECT_SOUND();
}

Test(heaps, a_handler_on_the_fast_path_uses_the_threads_own)
{
    prepare_handler();
    raise(SIGUSR1);
    expect_handled();
    cr_expect_eq(head_of(handlers_block)->owner, (uintptr_t)mr_heap_self);
    expect_in_use(1, 112);
}

/* Inside the space nothing can be had from it: a mapping of its own. Slab blocks go home through
 * inboxes; the large one waits for the next request of its kind. */
Test(heaps, a_handler_inside_the_space_gets_an_emergency_block)
{
    prepare_handler();
    struct mr_heap *heap = mr_heaps_enter();
    mr_lock_acquire(&mr_space_lock);
    raise(SIGUSR1);
    mr_lock_release(&mr_space_lock);
    mr_heaps_leave(heap);
    expect_handled();
    cr_expect_null(mr_lookup_slice(handlers_block));
    cr_expect_geq(mr_heap_usable(handlers_block, NULL), 100);
    cr_expect_eq(mr_heap_free(handlers_block), MR_FREED);
    pass_by(NULL);
    expect_in_use(0, 0);
    EXPECT_SOUND();
}

static volatile bool stop_working;
static _Atomic int ticks;

/* Only where it interrupts a slow path: on a fast path it would see a slab between two of its states. */
static void on_tick(int sig)
{
    (void)sig;
    if (mr_heap_self != MR_HEAP_BUSY)
        return;
    void *p = mr_heap_malloc(300), *q = mr_heap_realloc(mr_heap_malloc(20), 4000, &handler_freed[0]);
    mr_heap_free(p);
    mr_heap_free(q);
    ticks++;
}

static void *send_ticks(void *target)
{
    while (!stop_working) {
        pthread_kill(*(pthread_t *)target, SIGUSR2);
        usleep(200);
    }
    return NULL;
}

Test(heaps, handlers_at_any_moment_of_a_slow_path)
{
    static void *blocks[500];
    pthread_t self = pthread_self(), sender;
    uint64_t state = 3;
    signal(SIGUSR2, on_tick);
    cr_assert_eq(pthread_create(&sender, NULL, send_ticks, &self), 0);
    for (int i = 0; i < 20000 || ticks < 100; i++) {
        void **p = &blocks[next_random(&state) % 500];
        if (*p)
            cr_assert_eq(mr_heap_free(*p), MR_FREED);
        *p = *p ? NULL : mr_heap_malloc(20 * random_size(&state));
    }
    stop_working = true;
    pthread_join(sender, NULL);
    for (int i = 0; i < 500; i++)
        mr_heap_free(blocks[i]);
    pass_by(NULL);
    EXPECT_SOUND();
    expect_in_use(0, 0);
}
