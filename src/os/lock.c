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
 *   state = held | awake << 1 | sleepers << 2 */

enum { HELD = 1, AWAKE = 2, SLEEPER = 4 };
enum { SPINS = 200 };

/* Ranks this thread holds, one bit each. Only the debug variants pay for it. */
static MR_TLS uint32_t held_ranks MR_UNUSED;

static void note_taken(struct mr_lock *lock)
{
    atomic_store_explicit(&lock->holder, mr_thread_self(), memory_order_relaxed);
    if (MR_DEBUG >= 1) {
        MR_ASSERT(held_ranks >> lock->rank == 0, "locks are taken in the order of their ranks");
        held_ranks |= 1u << lock->rank;
    }
}

static void futex(_Atomic uint32_t *word, int op, uint32_t value, const struct timespec *timeout)
{
    int saved = errno;
    syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, value, timeout, NULL, 0);
    errno = saved;
}

static bool change(struct mr_lock *lock, uint32_t *seen, uint32_t to)
{
    return atomic_compare_exchange_weak_explicit(&lock->state, seen, to, memory_order_acquire, memory_order_relaxed);
}

bool mr_lock_try(struct mr_lock *lock)
{
    uint32_t seen = atomic_load_explicit(&lock->state, memory_order_relaxed);
    while (!(seen & HELD))
        if (change(lock, &seen, seen | HELD)) {
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
static uint32_t spin(struct mr_lock *lock, bool *awake)
{
    uint32_t seen = atomic_load_explicit(&lock->state, memory_order_relaxed);
    for (int i = 0; i < SPINS && (seen & HELD); i++) {
        if (!*awake && !(seen & AWAKE) && seen >= SLEEPER)
            *awake = change(lock, &seen, seen | AWAKE);
        pause_briefly();
        seen = atomic_load_explicit(&lock->state, memory_order_relaxed);
    }
    return seen;
}

/* Sleeps until there is a token, and takes it. */
static void sleep_for_token(struct mr_lock *lock)
{
    for (;;) {
        uint32_t tokens = atomic_load_explicit(&lock->tokens, memory_order_relaxed);
        if (tokens == 0)
            futex(&lock->tokens, FUTEX_WAIT, 0, NULL);
        else if (atomic_compare_exchange_weak_explicit(&lock->tokens, &tokens, tokens - 1, memory_order_acquire,
                                                       memory_order_relaxed))
            return;
    }
}

static void acquire_slow(struct mr_lock *lock)
{
    bool awake = false; /* the AWAKE bit is ours to clear */
    for (;;) {
        uint32_t seen = spin(lock, &awake);
        uint32_t to = seen & HELD ? seen + SLEEPER : seen | HELD;
        if (awake)
            to &= ~(uint32_t)AWAKE;
        if (!change(lock, &seen, to))
            continue;
        if (!(seen & HELD))
            return;
        sleep_for_token(lock);
        awake = true; /* whoever made the token set the bit for us */
    }
}

void mr_lock_acquire(struct mr_lock *lock)
{
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

static void wake_one(struct mr_lock *lock, uint32_t seen)
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
    atomic_store_explicit(&lock->holder, 0, memory_order_relaxed);
    uint32_t seen = atomic_fetch_sub_explicit(&lock->state, HELD, memory_order_release) - HELD;
    if (MR_UNLIKELY(seen >= SLEEPER))
        wake_one(lock, seen);
}

bool mr_lock_is_mine(struct mr_lock *lock)
{
    return atomic_load_explicit(&lock->holder, memory_order_relaxed) == mr_thread_self();
}

void mr_lock_after_fork(struct mr_lock *lock, bool held)
{
    if (!held) {
        if (MR_DEBUG >= 1)
            held_ranks &= ~(1u << lock->rank);
        atomic_store_explicit(&lock->holder, 0, memory_order_relaxed);
    }
    atomic_store_explicit(&lock->tokens, 0, memory_order_relaxed);
    atomic_store_explicit(&lock->state, held ? HELD : 0, memory_order_release);
}
