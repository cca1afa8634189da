#include "os.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* A futex lock of three states (U. Drepper, "Futexes Are Tricky", mutex2), which spins for a
 * moment first: what memoir holds a lock for takes less time than a sleep. */

enum { FREE, HELD, CONTENDED };
enum { SPINS = 100 };

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

static long futex(struct mr_lock *lock, int op, uint32_t value, const struct timespec *timeout)
{
    int saved = errno;
    long result = syscall(SYS_futex, &lock->state, op | FUTEX_PRIVATE_FLAG, value, timeout, NULL, 0);
    errno = saved;
    return result;
}

bool mr_lock_try(struct mr_lock *lock)
{
    uint32_t expected = FREE;
    if (!atomic_compare_exchange_strong_explicit(&lock->state, &expected, HELD, memory_order_acquire,
                                                 memory_order_relaxed))
        return false;
    note_taken(lock);
    return true;
}

static bool spin(struct mr_lock *lock)
{
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(&lock->state, memory_order_relaxed) == FREE && mr_lock_try(lock))
            return true;
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
    }
    return false;
}

void mr_lock_acquire(struct mr_lock *lock)
{
    if (mr_lock_try(lock) || spin(lock))
        return;
    while (atomic_exchange_explicit(&lock->state, CONTENDED, memory_order_acquire) != FREE)
        futex(lock, FUTEX_WAIT, CONTENDED, NULL);
    note_taken(lock);
}

bool mr_lock_acquire_within(struct mr_lock *lock, unsigned ms)
{
    if (mr_lock_try(lock) || spin(lock))
        return true;
    uint64_t end = mr_clock_ms() + ms;
    const struct timespec tick = { .tv_nsec = 2 * 1000 * 1000 };
    while (atomic_exchange_explicit(&lock->state, CONTENDED, memory_order_acquire) != FREE) {
        if (mr_clock_ms() >= end)
            return false;
        futex(lock, FUTEX_WAIT, CONTENDED, &tick);
    }
    note_taken(lock);
    return true;
}

void mr_lock_release(struct mr_lock *lock)
{
    MR_ASSERT(mr_lock_is_mine(lock), "only the holder releases a lock");
    if (MR_DEBUG >= 1)
        held_ranks &= ~(1u << lock->rank);
    atomic_store_explicit(&lock->holder, 0, memory_order_relaxed);
    if (atomic_exchange_explicit(&lock->state, FREE, memory_order_release) == CONTENDED)
        futex(lock, FUTEX_WAKE, 1, NULL);
}

bool mr_lock_is_mine(struct mr_lock *lock)
{
    return atomic_load_explicit(&lock->holder, memory_order_relaxed) == mr_thread_self();
}

void mr_lock_reset(struct mr_lock *lock)
{
    if (MR_DEBUG >= 1)
        held_ranks &= ~(1u << lock->rank);
    atomic_store_explicit(&lock->holder, 0, memory_order_relaxed);
    atomic_store_explicit(&lock->state, FREE, memory_order_release);
}
