#include "child.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "os.h"

TestSuite(world, .timeout = 60);

enum { THREADS = 8 };

static _Atomic uint64_t ticks[THREADS];
static _Atomic int32_t tids[THREADS];
static _Atomic bool leave;
static pthread_t threads[THREADS];

static void *tick(void *mine)
{
    size_t i = (size_t)mine;
    tids[i] = mr_world_tid();
    while (!leave)
        ticks[i]++;
    return NULL;
}

static void *nap(void *mine)
{
    tids[(size_t)mine] = mr_world_tid();
    while (!leave)
        usleep(1000);
    return NULL;
}

static void *hide_from_signals(void *mine)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    return nap(mine);
}

static void begin(size_t i, void *(*what)(void *))
{
    cr_assert_eq(pthread_create(&threads[i], NULL, what, (void *)i), 0);
    while (!tids[i])
        usleep(100);
}

static void finish(size_t n)
{
    leave = true;
    for (size_t i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
}

static const struct mr_world_thread *find(const struct mr_world *world, int32_t tid)
{
    for (uint32_t i = 0; i < world->count; i++)
        if (world->threads[i].tid == tid)
            return &world->threads[i];
    return NULL;
}

static int look_alone(void)
{
    struct mr_world world;
    bool stopped = mr_world_stop(&world, 1000), alone = world.count == 0 && !world.unlisted && world.unstopped == 0;
    return !(stopped && alone && mr_world_resume(&world) > 0 && mr_world_resume(&world) == 0);
}

Test(world, alone_there_is_nobody_to_stop) { cr_expect_eq(child_result(look_alone), 0); }

/* The test's own process may have threads of Criterion's, which take no signals. */
static uint32_t strangers(void)
{
    struct mr_world world;
    cr_assert(mr_world_stop(&world, 5000));
    uint32_t n = world.unstopped;
    mr_world_resume(&world);
    return n;
}

Test(world, threads_stand_still_until_they_are_resumed)
{
    struct mr_world world;
    uint32_t others = strangers();
    for (size_t i = 0; i < THREADS; i++)
        begin(i, i % 2 ? tick : nap);
    for (int round = 0; round < 20; round++) {
        uint64_t before[THREADS];
        errno = 44;
        cr_assert(mr_world_stop(&world, 5000));
        cr_expect_eq(world.unstopped, others);
        memcpy(before, (void *)ticks, sizeof before);
        usleep(2000);
        cr_expect_eq(memcmp(before, (void *)ticks, sizeof before), 0);
        for (size_t i = 0; i < THREADS; i++) {
            const struct mr_world_thread *t = find(&world, tids[i]);
            cr_assert(t && t->state == MR_WORLD_STOPPED);
            cr_expect(t->sp < t->self && t->self == (uintptr_t)threads[i], "the stack lies below the thread's control block");
            cr_expect_gt(t->register_bytes, 0);
        }
        mr_world_resume(&world);
        cr_expect(errno == 44);
    }
    for (uint64_t now = ticks[1]; ticks[1] == now;)
        usleep(100);
    finish(THREADS);
}

Test(world, who_blocks_the_signal_is_named)
{
    struct mr_world world;
    uint32_t others = strangers();
    begin(0, hide_from_signals);
    begin(1, nap);
    uint64_t since = mr_clock_ns();
    cr_assert(mr_world_stop(&world, 20000));
    cr_expect_lt(mr_clock_ns() - since, (uint64_t)10000000000u, "nobody waits for who cannot come");
    cr_expect_eq(world.unstopped, others + 1);
    cr_expect_eq(find(&world, tids[0])->state, MR_WORLD_BLOCKED);
    cr_expect_eq(find(&world, tids[1])->state, MR_WORLD_STOPPED);
    mr_world_resume(&world);
    finish(2);
}

/* ---- a busy machine -------------------------------------------------------------------------------------------- */

enum { RIVALS = 4 };

static void stay_on_this_cpu(void)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET((unsigned)sched_getcpu(), &one);
    cr_assert_eq(sched_setaffinity(0, sizeof one, &one), 0);
}

static pid_t begin_rival(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            ;
    }
    return pid;
}

static void *starve(void *mine)
{
    sched_setscheduler(0, SCHED_IDLE, &(struct sched_param){ 0 });
    return nap(mine);
}

/* Between two stops the thread must leave the handler, for which it has to wait for its CPU longer than a stop usually
 * takes: it blocks the signal then, and will come. */
Test(world, who_only_wants_a_cpu_is_waited_for, .timeout = 150)
{
    struct mr_world world;
    pid_t rivals[RIVALS];
    uint32_t others = strangers();
    stay_on_this_cpu();
    begin(0, starve);
    for (size_t i = 0; i < RIVALS; i++)
        rivals[i] = begin_rival();
    for (int round = 0; round < 4; round++) {
        cr_assert(mr_world_stop(&world, 3000));
        cr_expect_eq(world.unstopped, others);
        cr_expect_eq(find(&world, tids[0])->state, MR_WORLD_STOPPED, "round %d: after %lu ms", round,
                     (unsigned long)((mr_clock_ns() - world.since_ns) / 1000000));
        mr_world_resume(&world);
    }
    for (size_t i = 0; i < RIVALS; i++) {
        kill(rivals[i], SIGKILL);
        waitpid(rivals[i], NULL, 0);
    }
    finish(1);
}

static void *block_and_tick(void *mine)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    return tick(mine);
}

/* It has had a CPU and did not come. */
Test(world, who_is_awake_and_blocks_the_signal_is_named_soon)
{
    struct mr_world world;
    strangers();
    begin(0, block_and_tick);
    cr_assert(mr_world_stop(&world, 20000));
    cr_expect_eq(find(&world, tids[0])->state, MR_WORLD_BLOCKED);
    cr_expect_lt(mr_clock_ns() - world.since_ns, (uint64_t)10000000000u);
    mr_world_resume(&world);
    finish(1);
}

/* ---- several at once --------------------------------------------------------------------------------------------- */

static struct mr_world other_world;
static _Atomic int other_did;

static void *stop_too(void *unused)
{
    other_did = mr_world_stop(&other_world, 1000) ? 1 : 2;
    if (other_did == 1)
        mr_world_resume(&other_world);
    return unused;
}

/* A second one cannot even ask while the first has stopped it; among those that come at once, one wins. */
Test(world, one_at_a_time)
{
    struct mr_world world;
    cr_assert(mr_world_stop(&world, 1000));
    pthread_t other;
    cr_assert_eq(pthread_create(&other, NULL, stop_too, NULL), 0); /* came after the stop */
    pthread_join(other, NULL);
    cr_expect_eq(other_did, 2);
    mr_world_resume(&world);
}

static _Atomic int own_signals;
static void count_signal(int sig) { (void)sig; own_signals++; }

/* A program that takes our signal keeps it. */
Test(world, a_signal_the_program_takes_is_its_own)
{
    struct mr_world world;
    uint32_t others = strangers();
    begin(0, nap);
    for (int sig = SIGRTMIN; sig <= SIGRTMAX; sig++) {
        struct sigaction now;
        sigaction(sig, NULL, &now);
        if (now.sa_handler != SIG_DFL)
            signal(sig, count_signal);
    }
    cr_assert(mr_world_stop(&world, 1000));
    cr_expect_eq(world.unstopped, others);
    mr_world_resume(&world);
    cr_expect_eq(own_signals, 0);
    finish(1);
}

/* ---- the copy --------------------------------------------------------------------------------------------- */

static _Atomic int forks;
static void count_fork(void) { forks++; }

Test(world, a_copy_is_noticed_by_nobody)
{
    pthread_atfork(count_fork, count_fork, count_fork);
    volatile int here = 1;
    int *shared = mr_world_share(4096);
    int64_t copy = mr_world_copy();
    if (copy == 0) {
        here = 2;
        shared[0] = here;
        mr_world_leave(0);
    }
    cr_assert_gt(copy, 0);
    cr_expect_eq(waitpid(-1, NULL, 0), -1, "a wait for children does not see it");
    cr_expect(mr_world_reap(copy, 10000));
    cr_expect_eq(here, 1);
    cr_expect_eq(shared[0], 2);
    cr_expect_eq(forks, 0);
    mr_vm_release(shared, 4096);
}

Test(world, a_copy_that_fails_or_hangs_is_known)
{
    int64_t copy = mr_world_copy();
    if (copy == 0)
        mr_world_leave(3);
    cr_expect_not(mr_world_reap(copy, 10000));
    copy = mr_world_copy();
    if (copy == 0)
        for (;;)
            pause();
    cr_expect_not(mr_world_reap(copy, 50));
    cr_expect_eq(kill((pid_t)copy, 0), -1, "it is gone");
}

/* ---- faults -------------------------------------------------------------------------------------------------- */

static sigjmp_buf back;
static uintptr_t fault_at;

static void on_fault(uintptr_t address)
{
    fault_at = address;
    siglongjmp(back, 1);
}

Test(world, a_fault_is_reported_while_guarded)
{
    struct mr_world_guard guard;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *p = mmap(NULL, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    signal(SIGSEGV, SIG_DFL);
    mr_world_guard(&guard, on_fault);
    if (sigsetjmp(back, 1) == 0) {
        *(volatile char *)(p + 100);
        cr_assert_fail("the page cannot be read");
    }
    mr_world_unguard(&guard);
    cr_expect_eq(fault_at, (uintptr_t)p + 100);
    struct sigaction now;
    sigaction(SIGSEGV, NULL, &now);
    cr_expect_eq(now.sa_handler, SIG_DFL);
}
