/* Coroutines that move from thread to thread: what one thread allocated is freed on another in the
 * middle of a function, and a thread's end does not take its guests' blocks along. */
#include "guest.h"

#include <pthread.h>
#include <sched.h>
#include <ucontext.h>

enum { COROUTINES = 64, HOPS = 300, STACK = 64 << 10, WORKERS = 4 };

struct coroutine {
    ucontext_t here, *back;
    char *stack;
    bool done;
};

static struct coroutine all[COROUTINES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int queue[COROUTINES], queued, left = COROUTINES;

static void hop(struct coroutine *self)
{
    swapcontext(&self->here, self->back);
}

static void body(int index)
{
    struct coroutine *self = &all[index];
    void *held[8] = { NULL };
    size_t sizes[8];
    uint64_t seed = (uint64_t)index + 1;
    for (int i = 0; i < HOPS; i++) {
        unsigned at = (unsigned)i % 8;
        if (held[at])
            guest_drop(held[at], sizes[at]);
        sizes[at] = (size_t)(expect_random(&seed) % 5000) + 1;
        held[at] = guest_new(sizes[at]);
        hop(self);
    }
    for (int i = 0; i < 8; i++)
        guest_drop(held[i], sizes[i]);
    self->done = true;
    hop(self);
}

static int next_ready(void)
{
    pthread_mutex_lock(&lock);
    int index = -1;
    if (queued > 0) {
        index = queue[0];
        memmove(queue, queue + 1, (size_t)--queued * sizeof queue[0]);
    } else if (left == 0) {
        index = -2;
    }
    pthread_mutex_unlock(&lock);
    return index;
}

static void put_back(int index)
{
    pthread_mutex_lock(&lock);
    if (all[index].done)
        left--;
    else
        queue[queued++] = index;
    pthread_mutex_unlock(&lock);
}

static void *work(void *arg)
{
    ucontext_t home;
    int index;
    while ((index = next_ready()) != -2) {
        if (index < 0) {
            sched_yield();
            continue;
        }
        all[index].back = &home;
        swapcontext(&home, &all[index].here);
        put_back(index);
    }
    return arg;
}

int main(void)
{
    for (int i = 0; i < COROUTINES; i++) {
        getcontext(&all[i].here);
        all[i].stack = malloc(STACK);
        all[i].here.uc_stack = (stack_t){ .ss_sp = all[i].stack, .ss_size = STACK };
        makecontext(&all[i].here, (void (*)(void))body, 1, i);
        queue[queued++] = i;
    }
    pthread_t threads[WORKERS];
    for (int i = 0; i < WORKERS; i++)
        EXPECT(pthread_create(&threads[i], NULL, work, NULL) == 0);
    for (int i = 0; i < WORKERS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < COROUTINES; i++)
        free(all[i].stack);
    return 0;
}
