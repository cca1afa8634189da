#include "os.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* A lock for sections shorter than a sleep. Whoever comes spins first; sleepers are woken one at a
 * time, and not at all while somebody is awake and trying, so under contention most releases
 * cost no system call (the scheme of Go's sync.Mutex in its normal mode: who is awake may
 * overtake sleepers). A sleeper leaves with a token that its waker made: no wake is lost, none is
 * taken for another's.
 *
 *   state = sleepers << 48 | holder | awake
 *   threads asleep = sleepers + tokens
 *
 * The holder (its mr_thread_self(), a multiple of 16 below 2^48; 0: free) is part of the word, so
 * there is no moment at which a thread has the lock and a signal handler on it cannot know. */

static const uint64_t AWAKE = 1, SLEEPER = (uint64_t)1 << 48, HELD = SLEEPER - 16;
enum { SPINS = 200 };

/* Ranks this thread holds, one bit each. Only the debug variants pay for it. */
static MR_TLS uint32_t held_ranks MR_UNUSED;

static void note_taken(struct mr_lock *lock)
{
    if (MR_DEBUG >= 1)
        held_ranks |= 1u << lock->rank;
}

static void futex(_Atomic uint32_t *word, int op, uint32_t value, const struct timespec *timeout)
{
    int saved = errno;
    syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, value, timeout, NULL, 0);
    errno = saved;
}

static bool change(struct mr_lock *lock, uint64_t *seen, uint64_t to)
{
    return atomic_compare_exchange_weak_explicit(&lock->state, seen, to, memory_order_acquire, memory_order_relaxed);
}

bool mr_lock_try(struct mr_lock *lock)
{
    uint64_t seen = atomic_load_explicit(&lock->state, memory_order_relaxed);
    while (!(seen & HELD))
        if (change(lock, &seen, seen | mr_thread_self())) {
            note_taken(lock);
            return true;
        }
    return false;
}

static void pause_briefly(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

/* Spins until the lock is free or the patience is gone. While spinning, marks that somebody is awake, so
 * the holder wakes nobody else. */
static uint64_t spin(struct mr_lock *lock, bool *awake)
{
    uint64_t seen = atomic_load_explicit(&lock->state, memory_order_relaxed);
    for (int i = 0; i < SPINS && (seen & HELD); i++) {
        if (!*awake && !(seen & AWAKE) && seen >= SLEEPER)
            *awake = change(lock, &seen, seen | AWAKE);
        pause_briefly();
        seen = atomic_load_explicit(&lock->state, memory_order_relaxed);
    }
    return seen;
}

/* Takes a token, or the caller's own count of sleepers back; false when neither can be had at once. */
static bool stop_sleeping(struct mr_lock *lock, bool *woken)
{
    uint32_t tokens = atomic_load_explicit(&lock->tokens, memory_order_relaxed);
    if (tokens > 0) {
        *woken = true;
        return atomic_compare_exchange_weak_explicit(&lock->tokens, &tokens, tokens - 1, memory_order_acquire,
                                                     memory_order_relaxed);
    }
    uint64_t seen = atomic_load_explicit(&lock->state, memory_order_relaxed);
    *woken = false;
    return seen >= SLEEPER && change(lock, &seen, seen - SLEEPER);
}

/* Sleeps until it is woken or some milliseconds have passed. The limit is for the thread that is awake
 * and trying but was interrupted by a signal whose handler waits here: it will wake nobody. */
static bool sleep_a_while(struct mr_lock *lock)
{
    const struct timespec while_ = { .tv_nsec = 5 * 1000 * 1000 };
    bool woken;
    futex(&lock->tokens, FUTEX_WAIT, 0, &while_);
    while (!stop_sleeping(lock, &woken))
        pause_briefly();
    return woken;
}

static void acquire_slow(struct mr_lock *lock)
{
    bool awake = false; /* the AWAKE bit is ours to clear */
    for (;;) {
        uint64_t seen = spin(lock, &awake);
        uint64_t to = seen & HELD ? seen + SLEEPER : seen | mr_thread_self();
        if (awake)
            to &= ~AWAKE;
        if (!change(lock, &seen, to))
            continue;
        if (!(seen & HELD))
            return;
        awake = sleep_a_while(lock); /* whoever made the token set the bit for us */
    }
}

/* Only who waits without end can close a circle of waiters: trying is free of ranks. */
void mr_lock_acquire(struct mr_lock *lock)
{
    MR_ASSERT(MR_DEBUG == 0 || held_ranks >> lock->rank == 0, "locks are taken in the order of their ranks");
    if (mr_lock_try(lock))
        return;
    acquire_slow(lock);
    note_taken(lock);
}

bool mr_lock_acquire_within(struct mr_lock *lock, unsigned ms)
{
    const struct timespec tick = { .tv_nsec = 1000 * 1000 };
    _Atomic uint32_t nobody = 0;
    for (uint64_t end = mr_clock_ms() + ms; !mr_lock_try(lock);) {
        if (mr_clock_ms() >= end)
            return false;
        futex(&nobody, FUTEX_WAIT, 0, &tick);
    }
    return true;
}

static void wake_one(struct mr_lock *lock, uint64_t seen)
{
    while (seen >= SLEEPER && !(seen & (HELD | AWAKE)))
        if (change(lock, &seen, (seen - SLEEPER) | AWAKE)) {
            atomic_fetch_add_explicit(&lock->tokens, 1, memory_order_release);
            futex(&lock->tokens, FUTEX_WAKE, 1, NULL);
            return;
        }
}

void mr_lock_release(struct mr_lock *lock)
{
    MR_ASSERT(mr_lock_is_mine(lock), "only the holder releases a lock");
    if (MR_DEBUG >= 1)
        held_ranks &= ~(1u << lock->rank);
    uint64_t seen = atomic_fetch_sub_explicit(&lock->state, mr_thread_self(), memory_order_release) - mr_thread_self();
    if (MR_UNLIKELY(seen >= SLEEPER))
        wake_one(lock, seen);
}

bool mr_lock_is_mine(struct mr_lock *lock)
{
    return (atomic_load_explicit(&lock->state, memory_order_relaxed) & HELD) == mr_thread_self();
}

void mr_lock_after_fork(struct mr_lock *lock, bool held)
{
    if (!held && MR_DEBUG >= 1)
        held_ranks &= ~(1u << lock->rank);
    atomic_store_explicit(&lock->tokens, 0, memory_order_relaxed);
    atomic_store_explicit(&lock->state, held ? mr_thread_self() : 0, memory_order_release);
}
