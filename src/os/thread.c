#include "os.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>

static pthread_key_t exit_key;
static _Atomic int exit_key_state; /* 0 none, 1 being made, 2 made, 3 refused */

/* The key is made by the first thread that allocates, long before there is a second one; the states
 * are for the process that manages to start two at once. */
static bool make_key(void (*at_exit)(void *))
{
    int expected = 0;
    if (atomic_compare_exchange_strong(&exit_key_state, &expected, 1))
        atomic_store(&exit_key_state, pthread_key_create(&exit_key, at_exit) == 0 ? 2 : 3);
    while (atomic_load(&exit_key_state) == 1)
        mr_thread_yield();
    return atomic_load(&exit_key_state) == 2;
}

bool mr_thread_on_exit(void (*at_exit)(void *), void *value)
{
    int saved = errno;
    bool done = make_key(at_exit) && pthread_setspecific(exit_key, value) == 0;
    errno = saved;
    return done;
}

void mr_fork_handlers(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
    int saved = errno;
    pthread_atfork(prepare, parent, child);
    errno = saved;
}

void mr_thread_yield(void)
{
    int saved = errno;
    sched_yield();
    errno = saved;
}
