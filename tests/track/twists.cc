/* twists.cc: requests for memory from every kind of stack there is. Run under compare.so. */
#include <alloca.h>
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdexcept>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <string>
#include <sys/mman.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>
#include <vector>

#define KEEP __asm__ volatile("" ::: "memory")
#define NOINLINE __attribute__((noinline))

static NOINLINE void request(void)
{
    free(malloc(24));
    KEEP;
}

/* ---- exceptions ---- */

struct cleaner {
    ~cleaner() { request(); }
};

static NOINLINE void thrower(int depth)
{
    cleaner c;
    request();
    if (depth == 0)
        throw std::runtime_error("a message longer than the small string buffer of the class");
    thrower(depth - 1);
    KEEP;
}

static NOINLINE void exceptions(void)
{
    for (int i = 0; i < 50; i++)
        try {
            thrower(i % 10);
        } catch (const std::exception &e) {
            std::string copy = std::string(e.what()) + " caught";
            request();
            try {
                thrower(3);
            } catch (...) {
                request();
            }
        }
}

/* ---- signals ---- */

static void handler(int) { request(); }

static NOINLINE void raise_some(int depth)
{
    if (depth == 0) {
        for (int i = 0; i < 20; i++) {
            raise(SIGUSR1);
            request();
        }
    } else
        raise_some(depth - 1);
    KEEP;
}

static volatile sig_atomic_t ticks;
static void tick(int)
{
    request();
    ticks = ticks + 1;
}

/* Interrupts anywhere, in prologues, in the C library and in PLT stubs. */
static NOINLINE void interrupted(int wanted)
{
    struct itimerspec spec = {};
    struct sigevent event = {};
    timer_t timer;
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGALRM;
    signal(SIGALRM, tick);
    timer_create(CLOCK_MONOTONIC, &event, &timer);
    spec.it_interval.tv_nsec = spec.it_value.tv_nsec = 100000;
    timer_settime(timer, 0, &spec, NULL);
    char text[64];
    while (ticks < wanted) {
        snprintf(text, sizeof text, "%d %s %f", (int)ticks, "some text", 1.5);
        if (strlen(text) > 63 || getpid() == 1 || strstr(text, "zzz"))
            request();
        for (volatile int i = 0; i < 100; i++) {}
        time(NULL);
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
    }
    timer_delete(timer);
}

static void signals(void)
{
    struct sigaction act = {};
    stack_t stack = {};
    act.sa_handler = handler;
    sigaction(SIGUSR1, &act, NULL);
    raise_some(3);
    stack.ss_size = 65536;
    stack.ss_sp = mmap(NULL, stack.ss_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    sigaltstack(&stack, NULL);
    act.sa_flags = SA_ONSTACK;
    sigaction(SIGUSR1, &act, NULL);
    raise_some(3);
    raise_some(30);
    interrupted(2000);
}

/* ---- coroutines ---- */

static ucontext_t outside, inside;
static NOINLINE void deep_coroutine(int depth)
{
    request();
    if (depth) {
        deep_coroutine(depth - 1);
        request();
    } else
        swapcontext(&inside, &outside);
    KEEP;
}
static void coroutine(void)
{
    for (;;) {
        deep_coroutine(5);
        request();
        swapcontext(&inside, &outside);
    }
}

/* Stacks of changing size in one place, unmapped in between. */
static NOINLINE void coroutines(void)
{
    char *place = (char *)mmap(NULL, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 100; i++) {
        size_t size = 65536 << i % 3;
        char *stack = (char *)mmap(place, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        getcontext(&inside);
        inside.uc_stack.ss_sp = stack;
        inside.uc_stack.ss_size = size;
        inside.uc_link = &outside;
        makecontext(&inside, coroutine, 0);
        for (int k = 0; k < 5; k++) {
            swapcontext(&outside, &inside);
            request();
        }
        mmap(place, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        request();
    }
}

/* ---- frames of all shapes ---- */

static NOINLINE void with_alloca(int n)
{
    char *p = (char *)alloca((size_t)n * 24 + 8);
    memset(p, n, (size_t)n);
    request();
    if (n > 0)
        with_alloca(n / 2);
    KEEP;
}

static NOINLINE void with_vla(int n)
{
    char text[n + 1];
    snprintf(text, (size_t)n + 1, "%d", n);
    request();
    if (n > 4)
        with_vla(n - 3);
    request();
}

typedef double wide __attribute__((vector_size(32)));
static NOINLINE void realigned(int n, wide *w)
{
    wide here = *w;
    volatile wide *p = &here;
    request();
    *p = *p + 1.0;
    if (n > 0)
        realigned(n - 1, &here);
    request();
}

static NOINLINE void realigned_alloca(int n)
{
    wide here = {};
    wide *volatile p = &here;
    char *q = (char *)alloca((size_t)n * 32 + 16);
    memset(q, 0, 16);
    realigned(2, p);
    request();
    if (n > 0)
        realigned_alloca(n - 1);
    KEEP;
}

static NOINLINE void recursion(int n)
{
    if (n % 100 == 0)
        request();
    if (n > 0)
        recursion(n - 1);
    KEEP;
}

__attribute__((noreturn)) static NOINLINE void leave(int depth)
{
    if (depth == 0) {
        request();
        pthread_exit(NULL);
    }
    leave(depth - 1);
}

/* ---- threads, plugins ---- */

static void *thread(void *arg)
{
    for (int i = 0; i < 200; i++)
        request();
    with_alloca(100);
    recursion(500);
    realigned_alloca(4);
    if (arg)
        leave(3);
    return NULL;
}

static void threads(void)
{
    pthread_t t[8];
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 8; i++)
            pthread_create(&t[i], NULL, thread, i % 2 ? &t : NULL);
        for (int i = 0; i < 8; i++)
            pthread_join(t[i], NULL);
    }
}

static void call_back(void) { request(); }

static void plugins(const char *one, const char *other)
{
    for (int i = 0; i < 20; i++) {
        void *handle = dlopen(i % 2 ? one : other, i % 3 ? RTLD_LAZY : RTLD_NOW);
        if (!handle) {
            fprintf(stderr, "twists: %s\n", dlerror());
            exit(2);
        }
        void (*run)(void (*)(void)) = (void (*)(void (*)(void)))dlsym(handle, "run");
        run(call_back);
        dlclose(handle);
        request();
    }
}

static int by_length(const void *a, const void *b)
{
    request();
    return *(const int *)a - *(const int *)b;
}

int main(int argc, char **argv)
{
    exceptions();
    signals();
    coroutines();
    with_alloca(1000);
    with_vla(60);
    realigned_alloca(10);
    recursion(900);
    recursion(10000);
    threads();
    if (argc > 2)
        plugins(argv[1], argv[2]);
    int numbers[100];
    for (int i = 0; i < 100; i++)
        numbers[i] = i * 7919 % 100;
    qsort(numbers, 100, sizeof *numbers, by_length);
    return 0;
}
