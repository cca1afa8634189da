/* Every other way to start a process, from a program that has a heap in use. */
#include "expect.h"
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static atomic_bool leave;

static void reap(pid_t pid)
{
    int status;
    EXPECT(pid > 0 && waitpid(pid, &status, 0) == pid);
    EXPECT_SAY(status == 0, "the child ended with status %#x", status);
}

static void *churn(void *arg)
{
    while (!atomic_load(&leave)) {
        free(malloc(3000));
        free(malloc(300000));
    }
    return arg;
}

static void under_churn(void (*body)(void))
{
    pthread_t threads[2];
    atomic_store(&leave, false);
    for (size_t i = 0; i < COUNT(threads); i++)
        EXPECT(pthread_create(&threads[i], NULL, churn, NULL) == 0);
    for (int i = 0; i < 20; i++)
        body();
    atomic_store(&leave, true);
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
}

static void vfork_once(void)
{
    pid_t pid = vfork();
    if (pid == 0) {
        execl("/bin/true", "true", (char *)NULL);
        _exit(1);
    }
    reap(pid);
    free(malloc(1000));
}

static void spawn_once(void)
{
    char *const argv[] = { "true", NULL };
    pid_t pid;
    EXPECT(posix_spawnp(&pid, "true", NULL, NULL, argv, environ) == 0);
    reap(pid);
}

static void system_once(void)
{
    EXPECT(system("exit 0") == 0);
    EXPECT(WEXITSTATUS(system("exit 3")) == 3);
}

static void popen_once(void)
{
    char *line = NULL;
    size_t size = 0;
    FILE *f = popen("echo one; echo two", "r");
    EXPECT(f);
    EXPECT(getline(&line, &size, f) == 4 && strcmp(line, "one\n") == 0);
    EXPECT(getline(&line, &size, f) == 4 && strcmp(line, "two\n") == 0);
    EXPECT(pclose(f) == 0);
    free(line);
}

static void exec_once(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        free(malloc(100));
        execlp("true", "true", (char *)NULL);
        _exit(1);
    }
    reap(pid);
}

static void vfork_and_exec(void) { under_churn(vfork_once); }
static void posix_spawn_starts(void) { under_churn(spawn_once); }
static void system_runs(void) { under_churn(system_once); }
static void popen_reads(void) { under_churn(popen_once); }
static void fork_and_exec(void) { under_churn(exec_once); }

/* A child by system call alone: no atfork handler of anybody has run. */
static void clone_without_handlers(void)
{
    char *before = malloc(100);
    expect_fill(before, 100, 1);
    pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0) {
        for (size_t size = 1; size < 1000000; size *= 3)
            free(malloc(size));
        EXPECT(expect_filled(before, 100, 1));
        free(before);
        _exit(0);
    }
    reap(pid);
    EXPECT(expect_filled(before, 100, 1));
    free(before);
}

static int allocate_for_parent(void *arg)
{
    char **block = arg;
    *block = malloc(2000);
    memset(*block, 8, 2000);
    free(malloc(200000));
    return 0;
}

/* The child runs in the parent's memory while the parent waits, as vfork does. */
static void clone_in_the_same_memory(void)
{
    static char stack[256 << 10] __attribute__((aligned(16)));
    char *block = NULL;
    pid_t pid = clone(allocate_for_parent, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, &block);
    reap(pid);
    EXPECT(block && block[1999] == 8);
    free(block);
    for (size_t size = 1; size < 1000000; size *= 3)
        free(malloc(size));
}

EXPECT_MAIN(CASE(vfork_and_exec), CASE(posix_spawn_starts), CASE(system_runs), CASE(popen_reads),
            CASE(fork_and_exec), CASE(clone_without_handlers), CASE(clone_in_the_same_memory))
