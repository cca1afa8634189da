/* pthread_atfork handlers of the program allocate and free before and after the fork. */
#include "expect.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

static char *kept;
static unsigned prepared, parents, children;
static atomic_bool leave;

static void prepare(void)
{
    prepared++;
    free(malloc(100000));
    kept = malloc(300);
    expect_fill(kept, 300, 9);
}

static void finish(unsigned *count)
{
    ++*count;
    EXPECT(expect_filled(kept, 300, 9));
    kept = realloc(kept, 30000);
    EXPECT(expect_filled(kept, 300, 9));
    free(kept);
    free(calloc(7, 1000));
}

static void parent(void) { finish(&parents); }
static void child(void) { finish(&children); }

static void fork_once(void)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        alarm(10);
        free(malloc(5000));
        _exit(children == 1 ? 0 : 1);
    }
    EXPECT(pid > 0 && waitpid(pid, &status, 0) == pid);
    EXPECT_SAY(status == 0, "the child ended with status %#x", status);
}

static void handlers_may_allocate(void)
{
    for (int i = 0; i < 20; i++)
        fork_once();
    EXPECT(prepared == 20 && parents == 20 && children == 0);
}

static void *churn(void *arg)
{
    while (!atomic_load(&leave)) {
        free(malloc(100));
        free(malloc(50000));
        free(malloc(500000));
    }
    return arg;
}

static void handlers_may_allocate_while_threads_do(void)
{
    pthread_t threads[3];
    for (size_t i = 0; i < COUNT(threads); i++)
        EXPECT(pthread_create(&threads[i], NULL, churn, NULL) == 0);
    for (int i = 0; i < 100; i++)
        fork_once();
    atomic_store(&leave, true);
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
}

/* Before anything else of the program, so that its handlers lie outside everybody's. */
__attribute__((constructor)) static void register_handlers(void)
{
    EXPECT(pthread_atfork(prepare, parent, child) == 0);
}

EXPECT_MAIN(CASE(handlers_may_allocate), CASE(handlers_may_allocate_while_threads_do))
