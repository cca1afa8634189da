#include "child.h"

#include <errno.h>
#include <time.h>

#include "os.h"

static struct mr_lock lock = MR_LOCK_INIT(MR_RANK_CLASSIC);

static void rest(unsigned ms)
{
    nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000l }, NULL);
}

/* ---- alone ------------------------------------------------------------------------------------ */

Test(lock, is_taken_once_and_released)
{
    cr_expect(mr_lock_try(&lock));
    cr_expect_not(mr_lock_try(&lock), "not by its own holder either");
    mr_lock_release(&lock);
    cr_expect_eq(lock.state, 0);
    cr_expect(mr_lock_try(&lock));
}

Test(lock, knows_its_holder)
{
    cr_expect_not(mr_lock_is_mine(&lock));
    mr_lock_acquire(&lock);
    cr_expect(mr_lock_is_mine(&lock));
    mr_lock_release(&lock);
    cr_expect_not(mr_lock_is_mine(&lock));
}

static void *ask_whether_mine(void *unused)
{
    (void)unused;
    return (void *)(uintptr_t)mr_lock_is_mine(&lock);
}

static void *ask_whether_free(void *unused)
{
    (void)unused;
    bool got = mr_lock_try(&lock);
    if (got)
        mr_lock_release(&lock);
    return (void *)(uintptr_t)got;
}

Test(lock, is_not_another_threads)
{
    mr_lock_acquire(&lock);
    cr_expect_not(in_thread(ask_whether_mine, NULL));
    cr_expect_not(in_thread(ask_whether_free, NULL));
    mr_lock_release(&lock);
    cr_expect(in_thread(ask_whether_free, NULL));
}

static volatile int mine_in_handler = -1;

static void on_signal(int sig)
{
    (void)sig;
    mine_in_handler = mr_lock_is_mine(&lock);
}

Test(lock, a_handler_sees_that_it_interrupted_the_holder)
{
    signal(SIGUSR1, on_signal);
    raise(SIGUSR1);
    cr_expect_eq(mine_in_handler, 0);
    mr_lock_acquire(&lock);
    raise(SIGUSR1);
    cr_expect_eq(mine_in_handler, 1);
    mr_lock_release(&lock);
}

/* ---- together ----------------------------------------------------------------------------------- */

enum { THREADS = 4, ROUNDS = 20000 };
static volatile uint64_t counter;
static volatile int inside;
static _Atomic int overlaps, changed_errno;

static void critical(void)
{
    if (inside++)
        overlaps++;
    counter = counter + 1;
    inside--;
    mr_lock_release(&lock);
}

static void *count_up(void *unused)
{
    (void)unused;
    errno = 77;
    for (int i = 0; i < ROUNDS; i++) {
        mr_lock_acquire(&lock);
        critical();
    }
    changed_errno += errno != 77;
    return NULL;
}

static void *count_up_impatiently(void *unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        while (!mr_lock_acquire_within(&lock, i % 3))
            ;
        critical();
    }
    return NULL;
}

static void run_all(void *(*one)(void *), void *(*other)(void *))
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, i % 2 ? one : other, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    cr_expect_eq(counter, THREADS * ROUNDS);
    cr_expect_eq(overlaps, 0);
}

/* Afterwards nobody holds it, sleeps or was promised it: sleepers = tokens = awake = 0. */
Test(lock, excludes_and_ends_as_it_began, .timeout = 60)
{
    run_all(count_up, count_up);
    cr_expect_eq(lock.state, 0);
    cr_expect_eq(lock.tokens, 0);
    cr_expect_eq(changed_errno, 0);
}

Test(lock, excludes_those_who_wait_for_a_while, .timeout = 60)
{
    run_all(count_up, count_up_impatiently);
    cr_expect_eq(lock.state, 0);
    cr_expect_eq(lock.tokens, 0);
}

static void *take_and_give(void *unused)
{
    (void)unused;
    mr_lock_acquire(&lock);
    mr_lock_release(&lock);
    return NULL;
}

/* They sleep (each counts for 2^48 in the state), and one release after the other lets all go. */
Test(lock, release_lets_sleepers_go, .timeout = 30)
{
    pthread_t threads[THREADS];
    mr_lock_acquire(&lock);
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, take_and_give, NULL), 0);
    for (int i = 0; i < 2000 && lock.state >> 48 == 0; i++)
        rest(1);
    cr_expect_neq(lock.state >> 48, 0, "waiting without end is not spinning");
    mr_lock_release(&lock);
    for (int i = 0; i < THREADS; i++)
        cr_expect_eq(pthread_join(threads[i], NULL), 0);
    cr_expect_eq(lock.state, 0);
    cr_expect_eq(lock.tokens, 0);
}

static volatile bool holder_may_go;
static _Atomic bool holder_has_it;

static void *hold(void *unused)
{
    (void)unused;
    mr_lock_acquire(&lock);
    holder_has_it = true;
    while (!holder_may_go)
        rest(1);
    mr_lock_release(&lock);
    return NULL;
}

static pthread_t start_holder(void)
{
    pthread_t holder;
    cr_assert_eq(pthread_create(&holder, NULL, hold, NULL), 0);
    while (!holder_has_it)
        rest(1);
    return holder;
}

Test(lock, within_gives_up_after_its_time, .timeout = 30)
{
    pthread_t holder = start_holder();
    uint64_t begin = mr_clock_ms();
    cr_expect_not(mr_lock_acquire_within(&lock, 60));
    cr_expect_geq(mr_clock_ms() - begin, 60);
    cr_expect_not(mr_lock_is_mine(&lock));
    cr_expect_not(mr_lock_acquire_within(&lock, 0));
    holder_may_go = true;
    cr_expect(mr_lock_acquire_within(&lock, 20000));
    cr_expect(mr_lock_is_mine(&lock));
    mr_lock_release(&lock);
    pthread_join(holder, NULL);
}

/* ---- fork ------------------------------------------------------------------------------------------ */

static int free_after_fork(void)
{
    lock.tokens = 2; /* meant for threads that are gone */
    mr_lock_after_fork(&lock, false);
    bool fresh = lock.state == 0 && lock.tokens == 0;
    return fresh && mr_lock_try(&lock) && mr_lock_is_mine(&lock);
}

Test(lock, held_by_a_lost_thread_is_free_in_the_child, .timeout = 30)
{
    pthread_t holder = start_holder(), waits;
    cr_assert_eq(pthread_create(&waits, NULL, take_and_give, NULL), 0);
    while (lock.state >> 48 == 0)
        rest(1);
    cr_expect_eq(child_result(free_after_fork), 1);
    holder_may_go = true;
    pthread_join(holder, NULL);
    pthread_join(waits, NULL);
}

static int still_held_after_fork(void)
{
    mr_lock_after_fork(&lock, true);
    bool held = mr_lock_is_mine(&lock) && !mr_lock_try(&lock);
    mr_lock_release(&lock);
    return held && lock.state == 0 && mr_lock_try(&lock);
}

Test(lock, held_by_the_forking_thread_is_its_in_the_child)
{
    mr_lock_acquire(&lock);
    cr_expect_eq(child_result(still_held_after_fork), 1);
    mr_lock_release(&lock);
}

/* ---- the rules, in the debug variants ------------------------------------------------------------------ */

static struct mr_lock low = MR_LOCK_INIT(MR_RANK_HEAPS), high = MR_LOCK_INIT(MR_RANK_SPACE);

static int take_upwards(void)
{
    mr_lock_acquire(&low);
    mr_lock_acquire(&high);
    mr_lock_release(&low);
    mr_lock_release(&high);
    mr_lock_acquire(&low);
    return 0;
}

static int take_downwards(void)
{
    mr_lock_acquire(&high);
    mr_lock_acquire(&low);
    return 0;
}

static int try_downwards(void)
{
    return mr_lock_try(&high) && mr_lock_try(&low) ? 0 : 1;
}

static int release_what_is_free(void)
{
    mr_lock_release(&low);
    return 0;
}

Test(lock, ranks_are_checked_in_the_debug_variants)
{
    cr_expect_eq(child_result(take_upwards), 0);
    cr_expect_eq(child_aborts(take_downwards), MR_DEBUG >= 1);
    cr_expect_not(child_aborts(try_downwards), "trying cannot close a circle of waiters");
}

Test(lock, only_the_holder_releases)
{
    cr_expect_eq(child_aborts(release_what_is_free), MR_DEBUG >= 1);
}
