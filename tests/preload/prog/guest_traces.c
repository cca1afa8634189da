/* What of this process can be seen from outside: descriptors, threads, children, signals, timers,
 * environment, attributes. Printed before work, after it, and when idle; the driver compares the
 * listing with the one made without us. */
#include "guest.h"

#include <dirent.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>

static void list_directory(const char *path)
{
    char names[4096];
    int fd = open(path, O_RDONLY | O_DIRECTORY);
    long n, entries = 0;
    while ((n = syscall(SYS_getdents64, fd, names, sizeof names)) > 0)
        for (long at = 0; at < n; at += ((struct dirent64 *)(names + at))->d_reclen)
            entries++;
    close(fd);
    dprintf(1, "%s: %ld\n", path, entries);
}

static void list_descriptors(void)
{
    for (int fd = 0; fd < 1024; fd++) {
        struct stat about;
        if (fstat(fd, &about) == 0)
            dprintf(1, "fd %d type %o flags %x\n", fd, about.st_mode & S_IFMT, fcntl(fd, F_GETFD));
    }
}

/* The lines of /proc/self/status that belong to what a guest must leave alone. */
static void list_status(void)
{
    static const char *const keys[] = { "Name:", "Umask:", "TracerPid:", "FDSize:", "Threads:", "SigPnd:", "ShdPnd:",
                                        "SigBlk:", "SigIgn:", "SigCgt:", "CapEff:", "NoNewPrivs:", "Seccomp:",
                                        "THP_enabled:" };
    char text[8192];
    guest_read("/proc/self/status", text, sizeof text);
    for (size_t i = 0; i < COUNT(keys); i++) {
        char *at = strstr(text, keys[i]);
        if (at)
            dprintf(1, "%.*s\n", (int)strcspn(at, "\n"), at);
    }
}

static void list_file(const char *path)
{
    char text[4096];
    int fd = open(path, O_RDONLY);
    close(fd);
    if (fd >= 0 && guest_read(path, text, sizeof text) > 0)
        dprintf(1, "%s: %s\n", path, text);
}

static void list_limits(void)
{
    for (int i = 0; i < RLIM_NLIMITS; i++) {
        struct rlimit limit;
        if (getrlimit(i, &limit) == 0)
            dprintf(1, "limit %d %lx %lx\n", i, (long)limit.rlim_cur, (long)limit.rlim_max);
    }
    for (int i = ITIMER_REAL; i <= ITIMER_PROF; i++) {
        struct itimerval timer;
        getitimer(i, &timer);
        dprintf(1, "timer %d %ld %ld\n", i, (long)timer.it_value.tv_sec, (long)timer.it_interval.tv_sec);
    }
}

static void list_environment(void)
{
    for (char **e = environ; *e; e++)
        if (strncmp(*e, "LD_PRELOAD=", 11) != 0)
            dprintf(1, "%s\n", *e);
}

static void list_all(const char *when)
{
    dprintf(1, "== %s\n", when);
    list_directory("/proc/self/fd");
    list_directory("/proc/self/task");
    list_descriptors();
    list_status();
    list_file("/proc/thread-self/children");
    list_file("/proc/self/timers");
    list_file("/proc/self/personality");
    list_file("/proc/self/oom_score_adj");
    list_file("/proc/self/coredump_filter");
    list_limits();
    dprintf(1, "dumpable %d slack %d thp %d errno %d\n", prctl(PR_GET_DUMPABLE, 0, 0, 0, 0),
            prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0), prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), errno);
    list_environment();
}

static void *work(void *arg)
{
    guest_exercise(10);
    return arg;
}

int main(void)
{
    errno = 0;
    list_all("start");
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        EXPECT(pthread_create(&threads[i], NULL, work, NULL) == 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    work(NULL);
    void *large = guest_new(100 << 20);
    free(large);
    errno = 0;
    list_all("after work");
    guest_sleep_ms(1500);
    guest_exercise(1);
    errno = 0;
    list_all("idle");
    return 0;
}
