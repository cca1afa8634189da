#include "compare.h"
#include "cli.h"
#include "os.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOOK_MS = 100 };

/* Input that is a file is read anew by each run; any other can be had only once, by nobody. */
static void give_input(void)
{
    struct stat st;
    int fd = fstat(STDIN_FILENO, &st) == 0 && S_ISREG(st.st_mode) ? open("/proc/self/fd/0", O_RDONLY) : -1;
    dup2(fd >= 0 ? fd : open("/dev/null", O_RDONLY), STDIN_FILENO);
}

static void drop_output(void)
{
    int nowhere = open("/dev/null", O_WRONLY);
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
}

static void preload(const struct mr_compare *compare, const struct mr_compare_way *way)
{
    char *all = NULL;
    const char *others = compare->others && *compare->others ? compare->others : NULL;
    if (*way->library && asprintf(&all, "%s%s%s", way->library, others ? ":" : "", others ? others : "") > 0)
        setenv("LD_PRELOAD", all, 1);
    if (way->variable)
        setenv(way->variable, way->value, 1);
}

_Noreturn static void become(const struct mr_compare *compare, const struct mr_compare_way *way)
{
    sigset_t none;
    setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
    give_input();
    if (!compare->show_output || compare->run != 0)
        drop_output();
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    preload(compare, way);
    execvp(compare->program[0], compare->program);
    _exit(errno == ENOENT ? MR_CODE_NOT_FOUND : MR_CODE_NOT_EXECUTABLE);
}

/* Until it has ended; with *stop it is ended. */
static void await(struct mr_compare *compare, const struct mr_compare_way *way, pid_t pid, const volatile int *stop)
{
    int handle = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd ended = { .fd = handle, .events = POLLIN };
    uint64_t begin = mr_clock_ms();
    while (handle >= 0 && poll(&ended, 1, LOOK_MS) <= 0) {
        if (*stop)
            kill(pid, SIGTERM);
        mr_progress_show(&compare->progress, "run %zu of %zu, %lu s: %s", compare->run + 1, compare->run_count,
                         (unsigned long)((mr_clock_ms() - begin) / 1000), way->name);
    }
    if (handle >= 0)
        close(handle);
}

static void take(struct mr_compare_way *way, double wall, const struct rusage *used)
{
    size_t i = way->runs++;
    way->figures[MR_COMPARE_WALL][i] = wall;
    way->figures[MR_COMPARE_CPU][i] = (double)(used->ru_utime.tv_sec + used->ru_stime.tv_sec) +
                                      (double)(used->ru_utime.tv_usec + used->ru_stime.tv_usec) / 1e6;
    way->figures[MR_COMPARE_RESIDENT][i] = (double)used->ru_maxrss * 1024;
    way->figures[MR_COMPARE_FAULTS][i] = (double)(used->ru_minflt + used->ru_majflt);
}

bool mr_compare_run(struct mr_compare *compare, struct mr_compare_way *way, const volatile int *stop)
{
    struct rusage used;
    int status = 0;
    uint64_t begin = mr_clock_ns();
    pid_t pid = fork();
    if (pid == 0)
        become(compare, way);
    if (pid < 0) {
        mr_cli_say("cannot start %s: %s", compare->program[0], strerror(errno));
        return false;
    }
    await(compare, way, pid, stop);
    while (wait4(pid, &status, 0, &used) < 0 && errno == EINTR)
        ;
    double wall = (double)(mr_clock_ns() - begin) / 1e9;
    if (*stop)
        return false;
    if (way->runs == 0)
        way->status = status;
    way->varies |= status != way->status;
    take(way, wall, &used);
    compare->run++;
    return true;
}
