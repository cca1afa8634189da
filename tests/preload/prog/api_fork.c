/* fork: the child has a whole heap, whatever other threads were doing to it. */
#include "expect.h"
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

static void use_heap(void)
{
    char *blocks[100];
    for (size_t i = 0; i < COUNT(blocks); i++) {
        blocks[i] = i % 3 ? malloc(i * i * 2) : calloc(i * i * 2, 1);
        EXPECT(blocks[i]);
        expect_fill(blocks[i], i * i * 2, i);
    }
    for (size_t i = 0; i < COUNT(blocks); i++) {
        EXPECT(expect_filled(blocks[i], i * i * 2, i));
        free(blocks[i]);
    }
}

static void reap(pid_t pid)
{
    int status;
    EXPECT(pid > 0);
    while (waitpid(pid, &status, 0) < 0)
        EXPECT(errno == EINTR);
    EXPECT_SAY(WIFEXITED(status), "the child died of signal %d", WTERMSIG(status));
    EXPECT_SAY(WEXITSTATUS(status) == 0, "the child left with %d", WEXITSTATUS(status));
}

/* In the child: a dead lock ends it instead of the test. */
static void in_child(void (*body)(void))
{
    pid_t pid = fork();
    if (pid == 0) {
        alarm(10);
        body();
        _exit(0);
    }
    reap(pid);
}

static char *inherited[200];

static void check_inherited(void)
{
    for (size_t i = 0; i < COUNT(inherited); i++) {
        EXPECT(expect_filled(inherited[i], i * 500, i));
        inherited[i] = realloc(inherited[i], i * 300 + 1);
        EXPECT(expect_filled(inherited[i], i * 300, i));
        free(inherited[i]);
    }
    use_heap();
}

static void *make_inherited(void *arg)
{
    for (size_t i = 0; i < COUNT(inherited); i++) {
        inherited[i] = malloc(i * 500);
        expect_fill(inherited[i], i * 500, i);
    }
    return arg;
}

static void the_child_owns_a_copy(void)
{
    make_inherited(NULL);
    in_child(check_inherited);
    in_child(check_inherited);
    check_inherited();
}

/* The thread that made the blocks is not in the child: it cannot take them back. */
static void the_child_frees_blocks_of_lost_threads(void)
{
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, make_inherited, NULL) == 0);
    pthread_join(thread, NULL);
    in_child(check_inherited);
    check_inherited();
}

/* --- fork while others allocate --------------------------------------------------------------- */
static atomic_bool leave;

static void *churn(void *arg)
{
    char *held[64] = { 0 };
    for (uint64_t seed = 3 + (uintptr_t)arg; !atomic_load(&leave);) {
        size_t i = expect_random(&seed) % COUNT(held), size = expect_random(&seed);
        free(held[i]);
        held[i] = malloc(size % (size % 50 ? 2000 : 400000));
        EXPECT(held[i]);
    }
    for (size_t i = 0; i < COUNT(held); i++)
        free(held[i]);
    return NULL;
}

static void under_churn(void (*body)(void))
{
    pthread_t threads[4];
    atomic_store(&leave, false);
    for (size_t i = 0; i < COUNT(threads); i++)
        EXPECT(pthread_create(&threads[i], NULL, churn, (void *)i) == 0);
    body();
    atomic_store(&leave, true);
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
}

static void many_children(void)
{
    for (int i = 0; i < 60; i++)
        in_child(use_heap);
}

static void fork_while_threads_allocate(void) { under_churn(many_children); }

static void *use_heap_thread(void *arg)
{
    use_heap();
    return arg;
}

static void start_threads(void)
{
    for (int i = 0; i < 8; i++) {
        pthread_t thread;
        EXPECT(pthread_create(&thread, NULL, use_heap_thread, NULL) == 0);
        pthread_join(thread, NULL);
    }
}

static void children_with_threads(void)
{
    for (int i = 0; i < 20; i++)
        in_child(start_threads);
}

static void the_child_starts_threads(void) { under_churn(children_with_threads); }

static void fork_again(void)
{
    use_heap();
    in_child(use_heap);
    use_heap();
}

static void grandchildren(void)
{
    for (int i = 0; i < 20; i++)
        in_child(fork_again);
}

static void the_child_forks(void) { under_churn(grandchildren); }

/* --- several threads fork at once --------------------------------------------------------------- */
static void *fork_in_turn(void *arg)
{
    for (int i = 0; i < 10; i++) {
        use_heap();
        in_child(use_heap);
    }
    return arg;
}

static void fork_storm(void)
{
    pthread_t threads[6];
    for (size_t i = 0; i < COUNT(threads); i++)
        EXPECT(pthread_create(&threads[i], NULL, fork_in_turn, NULL) == 0);
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
}

static void threads_fork_while_threads_allocate(void) { under_churn(fork_storm); }

/* --- stdio holds locks of its own over fork ------------------------------------------------------- */
static void *use_stdio(void *arg)
{
    while (!atomic_load(&leave)) {
        char *text = NULL;
        size_t len = 0;
        FILE *f = open_memstream(&text, &len);
        EXPECT(f);
        fprintf(f, "%0500d", 7);
        fclose(f);
        EXPECT(len == 500);
        free(text);
    }
    return arg;
}

static void fork_while_threads_use_stdio(void)
{
    pthread_t threads[3];
    atomic_store(&leave, false);
    for (size_t i = 0; i < COUNT(threads); i++)
        EXPECT(pthread_create(&threads[i], NULL, use_stdio, NULL) == 0);
    many_children();
    atomic_store(&leave, true);
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
}

/* A child that ends through exit runs everything that is run at the end. */
static void leave_by_exit(void)
{
    use_heap();
    exit(0);
}

static void exiting_children(void)
{
    for (int i = 0; i < 20; i++)
        in_child(leave_by_exit);
}

static void the_child_ends_by_exit(void) { under_churn(exiting_children); }

EXPECT_MAIN(CASE(the_child_owns_a_copy), CASE(the_child_frees_blocks_of_lost_threads),
            CASE(fork_while_threads_allocate), CASE(the_child_starts_threads), CASE(the_child_forks),
            CASE(threads_fork_while_threads_allocate), CASE(fork_while_threads_use_stdio),
            CASE(the_child_ends_by_exit))
