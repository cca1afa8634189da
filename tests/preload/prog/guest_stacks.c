/* Stacks with hardly any room: the smallest signal stack, the smallest thread stack, 64 KiB threads,
 * and one that is nearly full after a deep recursion. */
#include "guest.h"

#include <limits.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>

/* Memory right after a page that must never be touched: an overrun is a crash, not luck. */
static void *guarded(size_t size)
{
    char *at = mmap(NULL, size + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(at != MAP_FAILED && mprotect(at, 4096, PROT_NONE) == 0);
    return at + 4096;
}

static void allocate(void)
{
    static const size_t sizes[] = { 20, 600, 5000, 40000, 300000, 3000000 };
    void *blocks[6];
    for (int i = 0; i < 6; i++)
        EXPECT((blocks[i] = malloc(sizes[i])) != NULL);
    for (int i = 0; i < 6; i++)
        EXPECT((blocks[i] = realloc(blocks[i], sizes[i] * 2)) != NULL);
    for (int i = 0; i < 6; i++)
        free(blocks[i]);
}

static void on_signal(int sig)
{
    (void)sig;
    allocate();
}

/* The signal frame of this machine (with AVX-512 over 3 KiB) plus what a handler of 2048 bytes had. */
static void *small_signal_stack(void *arg)
{
    size_t size = ((size_t)sysconf(_SC_MINSIGSTKSZ) + 2048 + 4095) & ~(size_t)4095;
    stack_t stack = { .ss_sp = guarded(size), .ss_size = size };
    EXPECT(sigaltstack(&stack, NULL) == 0);
    struct sigaction act = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK };
    sigaction(SIGUSR1, &act, NULL);
    for (int i = 0; i < 20; i++)
        EXPECT(raise(SIGUSR1) == 0);
    return arg;
}

static void *first_allocation(void *arg)
{
    allocate();
    guest_exercise(2);
    return arg;
}

static void run_on(size_t stack_size, void *(*body)(void *), int count)
{
    pthread_attr_t attr;
    pthread_t threads[32];
    pthread_attr_init(&attr);
    EXPECT(pthread_attr_setstacksize(&attr, stack_size) == 0);
    for (int i = 0; i < count; i++)
        EXPECT(pthread_create(&threads[i], &attr, body, NULL) == 0);
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

/* Each frame holds a block over the call. */
static unsigned recurse(unsigned depth)
{
    size_t n = depth % 500 + 1;
    void *p = guest_new(n);
    unsigned below = depth ? recurse(depth - 1) : 0;
    guest_drop(p, n);
    return below + 1;
}

int main(void)
{
    run_on((size_t)sysconf(_SC_THREAD_STACK_MIN), first_allocation, 8);
    run_on(64 << 10, first_allocation, 32);
    run_on(64 << 10, small_signal_stack, 1);
    small_signal_stack(NULL);
    EXPECT(recurse(60000) == 60001);
    return 0;
}
