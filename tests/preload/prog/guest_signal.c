/* Handlers that allocate while the main thread allocates. POSIX forbids it, real programs do it: the
 * handler may be told that there is no memory, but nothing hangs, crashes or is handed out twice.
 * Each handler frees what it took (what it keeps may be handed out twice, by any malloc, when it comes
 * between a fast path's load and store). argv[1]: "small", or "large" for sizes that reach every path. */
#include "guest.h"

#include <sys/time.h>

static volatile sig_atomic_t fired;
static size_t top = 3000;

static void *take(size_t n)
{
    void *p = malloc(n);
    return p ? guest_mark(p, n) : NULL;
}

static void drop(void *p, size_t n)
{
    if (p)
        guest_drop(p, n);
}

static void balanced(int sig)
{
    int saved = errno;
    (void)sig;
    size_t n = fired++ * 53u % top + 1;
    void *a = take(n), *b = take(n / 2 + 1);
    drop(a, n);
    drop(b, n / 2 + 1);
    errno = saved;
}

static void churn_for(double seconds)
{
    enum { SLOTS = 200 };
    void *blocks[SLOTS] = { NULL };
    size_t sizes[SLOTS];
    uint64_t seed = 11;
    double end = guest_seconds() + seconds;
    for (unsigned i = 0; i % 1024 != 0 || guest_seconds() < end; i++) {
        unsigned at = (unsigned)(expect_random(&seed) % SLOTS);
        if (blocks[at])
            guest_drop(blocks[at], sizes[at]);
        sizes[at] = (size_t)(expect_random(&seed) % top) + 1;
        blocks[at] = guest_new(sizes[at]);
    }
}

int main(int argc, char **argv)
{
    EXPECT(argc == 2);
    if (strcmp(argv[1], "large") == 0)
        top = 200000;
    struct sigaction act = { .sa_handler = balanced };
    act.sa_flags = SA_RESTART;
    sigaction(SIGALRM, &act, NULL);
    struct itimerval timer = { { 0, 200 }, { 0, 200 } };
    setitimer(ITIMER_REAL, &timer, NULL);
    churn_for(1.5);
    setitimer(ITIMER_REAL, &(struct itimerval){ { 0, 0 }, { 0, 0 } }, NULL);
    EXPECT(fired > 100);
    return 0;
}
