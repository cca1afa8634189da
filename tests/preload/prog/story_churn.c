/* story_churn: everything at once that call stacks and figures must survive: more threads than lanes, which come and go,
 * a library opened and closed, forks, and a signal whose handler allocates. Prints how many blocks each of three
 * functions made: what the report says of them must be the same. */
#include "expect.h"
#include "plugin.h"

#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>

#define APART __attribute__((noinline, noclone))

enum { THREADS = 90, GENERATIONS = 3, TURNS = 3000, OPENINGS = 150, FORKS = 40 };

static size_t made_by_churn, made_by_handler, kept;
void *story_keepers[THREADS * GENERATIONS]; /* for all to see: stores that nobody reads would be left out */

static void count(size_t *figure) { __atomic_fetch_add(figure, 1, __ATOMIC_RELAXED); }

APART static void churn_one(size_t size)
{
    count(&made_by_churn);
    free(expect_opaque(malloc(size)));
}

APART static void keep_one(size_t i)
{
    count(&kept);
    story_keepers[i] = malloc(48);
}

APART static void in_handler(int sig)
{
    int saved = errno;
    (void)sig;
    count(&made_by_handler);
    free(expect_opaque(malloc(100)));
    errno = saved;
}

static pthread_barrier_t all_here;

static void *churn(void *arg)
{
    pthread_barrier_wait(&all_here);
    for (size_t i = 0; i < TURNS; i++)
        churn_one(i % 300);
    keep_one((size_t)arg);
    return NULL;
}

static void *open_and_close(void *arg)
{
    for (int i = 0; i < OPENINGS; i++) {
        void *plugin = plugin_open("story_lost", RTLD_NOW);
        ((int (*)(void))plugin_find(plugin, "story_lost"))();
        EXPECT(dlclose(plugin) == 0);
    }
    return arg;
}

static void *fork_often(void *arg)
{
    for (int i = 0; i < FORKS; i++) {
        pid_t child = fork();
        if (child == 0) {
            free(expect_opaque(malloc(3000)));
            _exit(0);
        }
        int status;
        EXPECT(waitpid(child, &status, 0) == child);
        EXPECT_SAY(status == 0, "a child ended with status %#x", (unsigned)status);
    }
    return arg;
}

static void generation(size_t first)
{
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        EXPECT(pthread_create(&threads[i], NULL, churn, (void *)(first + i)) == 0);
    for (size_t i = 0; i < THREADS; i++)
        EXPECT(pthread_join(threads[i], NULL) == 0);
}

int main(void)
{
    pthread_t others[2];
    struct itimerval often = { { 0, 1000 }, { 0, 1000 } }, never = { { 0, 0 }, { 0, 0 } };
    sigaction(SIGALRM, &(struct sigaction){ .sa_handler = in_handler, .sa_flags = SA_RESTART }, NULL);
    EXPECT(pthread_barrier_init(&all_here, NULL, THREADS) == 0);
    setitimer(ITIMER_REAL, &often, NULL);
    EXPECT(pthread_create(&others[0], NULL, open_and_close, NULL) == 0);
    EXPECT(pthread_create(&others[1], NULL, fork_often, NULL) == 0);
    for (size_t i = 0; i < GENERATIONS; i++)
        generation(i * THREADS);
    for (int i = 0; i < 2; i++)
        EXPECT(pthread_join(others[i], NULL) == 0);
    setitimer(ITIMER_REAL, &never, NULL);
    char text[160];
    expect_write(1, text, (size_t)snprintf(text, sizeof text, "churn_one %zu\nkeep_one %zu\nin_handler %zu\nstory_lost %d\n",
                                           made_by_churn, kept, made_by_handler, OPENINGS));
    return 0;
}
