/* fork in a signal handler while another thread allocates; the child allocates too. argv[1]: "idle":
 * the interrupted thread is not allocating; "busy": it is. */
#include "guest.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/time.h>
#include <sys/wait.h>

static volatile sig_atomic_t forked, failed;
static atomic_bool stop;

static void on_alarm(int sig)
{
    int saved = errno, status = 0;
    (void)sig;
    pid_t pid = fork();
    if (pid == 0) {
        guest_exercise(2);
        _exit(0);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
        failed = 1;
    forked++;
    errno = saved;
}

static void *churn(void *arg)
{
    while (!stop)
        guest_exercise(1);
    return arg;
}

int main(int argc, char **argv)
{
    bool busy = argc > 1 && strcmp(argv[1], "busy") == 0;
    sigset_t alarm_only;
    sigemptyset(&alarm_only);
    sigaddset(&alarm_only, SIGALRM);
    sigprocmask(SIG_BLOCK, &alarm_only, NULL);
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        EXPECT(pthread_create(&threads[i], NULL, churn, NULL) == 0);
    signal(SIGALRM, on_alarm);
    sigprocmask(SIG_UNBLOCK, &alarm_only, NULL);
    setitimer(ITIMER_REAL, &(struct itimerval){ { 0, 3000 }, { 0, 3000 } }, NULL);
    while (forked < 30 && !failed)
        if (busy)
            guest_exercise(1);
        else
            pause();
    setitimer(ITIMER_REAL, &(struct itimerval){ { 0, 0 }, { 0, 0 } }, NULL);
    stop = true;
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    EXPECT(!failed);
    return 0;
}
