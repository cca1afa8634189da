/* Ends in the way argv[1] says while other threads allocate at full speed. Whichever way it is, the
 * status the parent sees is that of plain glibc. */
#include "guest.h"

#include <pthread.h>
#include <sys/wait.h>

static void *churn(void *arg)
{
    for (;;)
        guest_exercise(1);
    return arg;
}

static void *exit_here(void *arg)
{
    free(guest_new(100));
    exit((int)(intptr_t)arg);
}

static void *exec_here(void *arg)
{
    execl("/bin/sh", "sh", "-c", "exit 9", (char *)NULL);
    return arg;
}

static void *linger(void *arg)
{
    guest_sleep_ms(50);
    free(guest_new(100));
    return arg;
}

static void in_handler(int sig)
{
    exit(sig + 1);
}

static void on_abort(int sig)
{
    (void)sig;
    free(guest_new(100));
}

static void start(void *(*body)(void *), void *arg)
{
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, body, arg) == 0);
}

static void at_quick_exit_too(void) { free(guest_new(5000)); }

static void by_signal(int sig, bool reset)
{
    if (reset)
        signal(sig, SIG_DFL);
    kill(getpid(), sig);
    guest_sleep_ms(5000);
}

static int overflow(volatile char *above)
{
    volatile char here[4096];
    here[0] = above ? above[0] : 1;
    return here[0] ? overflow(here) + here[0] : 0;
}

static void end(const char *how)
{
    if (strcmp(how, "exit") == 0)
        exit(5);
    if (strcmp(how, "_exit") == 0)
        _exit(6);
    if (strcmp(how, "quick_exit") == 0)
        quick_exit(7);
    if (strcmp(how, "abort") == 0)
        abort();
    if (strcmp(how, "abort-handled") == 0) {
        signal(SIGABRT, on_abort);
        abort();
    }
    if (strcmp(how, "segv") == 0)
        *(volatile int *)8 = 1;
    if (strcmp(how, "overflow") == 0)
        exit(overflow(NULL));
    if (strcmp(how, "thread-exit") == 0)
        start(exit_here, (void *)8);
    if (strcmp(how, "thread-exec") == 0)
        start(exec_here, NULL);
    if (strcmp(how, "exit-in-handler") == 0) {
        signal(SIGTERM, in_handler);
        raise(SIGTERM);
    }
    if (strcmp(how, "raise") == 0)
        raise(SIGTERM);
    if (strncmp(how, "reset-", 6) == 0)
        by_signal(atoi(how + 6), true);
    if (atoi(how) > 0)
        by_signal(atoi(how), false);
    guest_sleep_ms(10000);
}

int main(int argc, char **argv)
{
    EXPECT(argc == 2);
    at_quick_exit(at_quick_exit_too);
    if (strcmp(argv[1], "return") == 0)
        return 4;
    if (strcmp(argv[1], "last-thread") == 0) { /* main's thread ends first; the process ends with 0 */
        start(linger, NULL);
        pthread_exit(NULL);
    }
    for (int i = 0; i < 3; i++)
        start(churn, NULL);
    guest_sleep_ms(20);
    end(argv[1]);
    return 99;
}
