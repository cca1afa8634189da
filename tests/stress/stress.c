/* stress SECONDS THREADS [SEED]: threads allocate blocks of all sizes, fill them, pass them on to each
 * other over shelves, grow and shrink them, fork, end and are followed by others that inherit what
 * they held. Every block is checked whenever it changes hands or size. The time is cut into rounds;
 * between them all threads have ended, and a heap that can check itself does.
 *
 * Prints nothing and exits 0, or one line with the seed and exits 1. The seed makes each thread's
 * requests the same again, not their order among threads.
 *
 * Built as a program to run under LD_PRELOAD, and with MR_STRESS_DIRECT on top of libmemoir.a. */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef MR_STRESS_DIRECT
#include "direct.h"
#endif

/* TSan knows no threads in the child of a process with threads. */
#ifdef __SANITIZE_THREAD__
#define CHILD_HAS_THREADS false
#else
#define CHILD_HAS_THREADS true
#endif

enum { HELD = 400, SHELVES = 64, THREADS_MAX = 256, STEPS_PER_LIFE = 60000, STEPS_PER_FORK = 40000 };

/* A block and what must be in it. p == NULL: none. */
struct parcel {
    unsigned char *p;
    size_t size;
    unsigned char mark;
};

struct worker {
    pthread_t thread;
    uint64_t random;
    unsigned number;
    struct parcel held[HELD]; /* outlives the thread: the next one inherits it */
};

static struct {
    pthread_mutex_t lock;
    struct parcel parcel;
} shelves[SHELVES];

static struct worker workers[THREADS_MAX];
static unsigned worker_count;
static unsigned long long seed;
static double round_end;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

_Noreturn static void fail(const struct worker *w, const char *what, const struct parcel *parcel)
{
    dprintf(2, "stress: %s: block %p of %zu bytes, worker %u, process %d; seed %llu\n", what,
            parcel ? (void *)parcel->p : NULL, parcel ? parcel->size : 0, w->number, (int)getpid(), seed);
    _exit(1);
}

static uint64_t any(struct worker *w, uint64_t below)
{
    w->random ^= w->random >> 12;
    w->random ^= w->random << 25;
    w->random ^= w->random >> 27;
    return (w->random * 0x2545f4914f6cdd1dULL >> 20) % below;
}

/* Mostly small, now and then up to 4 MiB: every size class and the spans above are reached. */
static size_t any_size(struct worker *w)
{
    static const size_t top[] = { 64, 64, 512, 512, 512, 512, 4096, 4096, 40000, 300000 };
    size_t limit = any(w, 200) == 0 ? 4 << 20 : top[any(w, sizeof top / sizeof top[0])];
    return (size_t)any(w, limit) + 1;
}

/* The bytes of a block that are written and checked: all of a small one; of a large one both ends
 * and one in 1021, which visits every OS page. */
static size_t next_byte(size_t at, size_t size)
{
    return at < 256 || at + 65 >= size ? at + 1 : at + 1021 < size - 64 ? at + 1021 : size - 64;
}

static void fill(struct parcel *parcel, size_t from)
{
    for (size_t at = from; at < parcel->size; at = next_byte(at, parcel->size))
        parcel->p[at] = (unsigned char)(parcel->mark + at);
}

static bool holds(const struct parcel *parcel, size_t bytes)
{
    for (size_t at = 0; at < bytes; at = next_byte(at, parcel->size))
        if (parcel->p[at] != (unsigned char)(parcel->mark + at))
            return false;
    return true;
}

static bool is_zero(const struct parcel *parcel)
{
    for (size_t at = 0; at < parcel->size; at = next_byte(at, parcel->size))
        if (parcel->p[at] != 0)
            return false;
    return true;
}

static void drop(struct worker *w, struct parcel *parcel)
{
    if (!parcel->p)
        return;
    if (!holds(parcel, parcel->size))
        fail(w, "changed while held", parcel);
    free(parcel->p);
    parcel->p = NULL;
}

static void take_aligned(struct worker *w, struct parcel *parcel)
{
    size_t align = (size_t)16 << any(w, 13);
    parcel->p = aligned_alloc(align, parcel->size);
    if (((uintptr_t)parcel->p & (align - 1)) != 0)
        fail(w, "not aligned", parcel);
}

static void take(struct worker *w, struct parcel *parcel)
{
    parcel->size = any_size(w);
    parcel->mark = (unsigned char)any(w, 256);
    unsigned how = (unsigned)any(w, 16);
    if (how == 0) {
        take_aligned(w, parcel);
    } else if (how < 4) {
        parcel->p = calloc(1, parcel->size);
        if (parcel->p && !is_zero(parcel))
            fail(w, "calloc gave bytes that are not zero", parcel);
    } else {
        parcel->p = malloc(parcel->size);
    }
    if (!parcel->p)
        fail(w, "no memory", parcel);
    if (malloc_usable_size(parcel->p) < parcel->size)
        fail(w, "usable size below the size asked for", parcel);
    fill(parcel, 0);
}

static void resize(struct worker *w, struct parcel *parcel)
{
    size_t size = any_size(w), kept = size < parcel->size ? size : parcel->size;
    if (!parcel->p)
        return;
    if (!holds(parcel, parcel->size))
        fail(w, "changed while held", parcel);
    struct parcel before = *parcel;
    parcel->p = realloc(parcel->p, size);
    if (!parcel->p)
        fail(w, "no memory to resize", &before);
    before.p = parcel->p;
    if (!holds(&before, kept))
        fail(w, "realloc lost bytes", &before);
    parcel->size = size;
    fill(parcel, 0);
}

/* What lies on a shelf goes to whoever comes by: most blocks are freed by another thread. */
static void pass_on(struct worker *w, struct parcel *parcel)
{
    unsigned at = (unsigned)any(w, SHELVES);
    pthread_mutex_lock(&shelves[at].lock);
    struct parcel found = shelves[at].parcel;
    shelves[at].parcel = *parcel;
    pthread_mutex_unlock(&shelves[at].lock);
    *parcel = found;
}

static void *thread_of_child(void *arg)
{
    struct worker *w = arg;
    for (int i = 0; i < HELD; i++)
        drop(w, &w->held[i]);
    for (int i = 0; i < HELD; i++)
        take(w, &w->held[i]);
    return NULL;
}

/* The child owns a copy of everything; it may touch only what no other thread was using. */
_Noreturn static void live_as_child(struct worker *w)
{
    pthread_t thread;
    for (int i = 0; i < HELD; i += 2)
        drop(w, &w->held[i]);
    if (CHILD_HAS_THREADS && pthread_create(&thread, NULL, thread_of_child, w) == 0)
        pthread_join(thread, NULL);
    thread_of_child(w);
    _exit(0);
}

static void have_child(struct worker *w)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        live_as_child(w);
    if (pid < 0)
        return; /* a machine full of processes is not the heap's fault */
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (status != 0)
        fail(w, "the child of a fork failed", NULL);
}

static void step(struct worker *w)
{
    struct parcel *parcel = &w->held[any(w, HELD)];
    unsigned what = (unsigned)any(w, 10);
    if (what < 5) {
        drop(w, parcel);
        take(w, parcel);
    } else if (what < 7) {
        pass_on(w, parcel);
    } else if (what < 9) {
        resize(w, parcel);
    } else {
        drop(w, parcel);
    }
    if (any(w, STEPS_PER_FORK) == 0)
        have_child(w);
}

static void *live(void *arg)
{
    struct worker *w = arg;
    for (int i = 0; i < STEPS_PER_LIFE && (i % 64 != 0 || now() < round_end); i++)
        step(w);
    return NULL;
}

static void start(struct worker *w)
{
    if (pthread_create(&w->thread, NULL, live, w) != 0)
        fail(w, "no thread", NULL);
}

/* Threads that reach the end of their life are followed by new ones until the round is over. */
static void run_round(double until)
{
    round_end = until;
    for (unsigned i = 0; i < worker_count; i++)
        start(&workers[i]);
    for (bool over = false; !over;) {
        over = now() >= until;
        for (unsigned i = 0; i < worker_count; i++) {
            pthread_join(workers[i].thread, NULL);
            if (!over)
                start(&workers[i]);
        }
    }
}

static void check_heap(void)
{
#ifdef MR_STRESS_DIRECT
    const char *broken = mr_heap_check();
    if (broken)
        fail(&workers[0], broken, NULL);
#endif
}

static void drop_all(void)
{
    for (unsigned i = 0; i < worker_count; i++)
        for (int j = 0; j < HELD; j++)
            drop(&workers[i], &workers[i].held[j]);
    for (int i = 0; i < SHELVES; i++)
        drop(&workers[0], &shelves[i].parcel);
}

int main(int argc, char **argv)
{
    if (argc < 3 || atoi(argv[2]) < 1 || atoi(argv[2]) > THREADS_MAX) {
        dprintf(2, "usage: %s SECONDS THREADS(1-%d) [SEED]\n", argv[0], THREADS_MAX);
        return 2;
    }
    double end = now() + atof(argv[1]);
    worker_count = (unsigned)atoi(argv[2]);
    seed = argc > 3 ? strtoull(argv[3], NULL, 0) : (unsigned long long)time(NULL) * 1000 + (unsigned)getpid() % 1000;
    for (int i = 0; i < SHELVES; i++)
        pthread_mutex_init(&shelves[i].lock, NULL);
    for (unsigned i = 0; i < worker_count; i++)
        workers[i] = (struct worker){ .number = i, .random = (seed + i) * 0x9e3779b97f4a7c15ULL | 1 };
    while (now() < end) {
        double until = now() + 1;
        run_round(until < end ? until : end);
        check_heap();
    }
    drop_all();
    check_heap();
    return 0;
}
