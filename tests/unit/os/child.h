/* child.h: what must happen in a process or a thread of its own: forks, aborts, ends of threads. */
#ifndef MR_TEST_CHILD_H
#define MR_TEST_CHILD_H

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* The wait status of a fork child that runs `run` and exits with what it returns; quiet ones say nothing. */
static inline int child_status(int (*run)(void), bool quiet)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        if (quiet)
            dup2(open("/dev/null", O_WRONLY), 2);
        alarm(60); /* a child that hangs must not outlive the test */
        _exit(run());
    }
    cr_assert_gt(child, 0);
    cr_assert_eq(waitpid(child, &status, 0), child);
    return status;
}

/* What `run` returned in the child; -1 when a signal ended it. */
static inline int child_result(int (*run)(void))
{
    int status = child_status(run, false);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline bool child_aborts(int (*run)(void))
{
    int status = child_status(run, true);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

/* Runs `run` in a thread and waits for its end, thread-specific destructors included. */
static inline void *in_thread(void *(*run)(void *), void *arg)
{
    pthread_t thread;
    void *result = NULL;
    cr_assert_eq(pthread_create(&thread, NULL, run, arg), 0);
    cr_assert_eq(pthread_join(thread, &result), 0);
    return result;
}

#endif
