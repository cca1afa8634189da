#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the caller of memoir had set up, for the program to find. */
struct dispositions {
    sigset_t blocked;
    struct sigaction child;
};

/* All signals but those that memoir's own faults raise, and those that stop a background job. */
static sigset_t watched_signals(void)
{
    static const int others[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGTTIN, SIGTTOU };
    sigset_t set;
    sigfillset(&set);
    for (size_t i = 0; i < MR_COUNT(others); i++)
        sigdelset(&set, others[i]);
    return set;
}

/* From here on signals wait for sigwaitinfo. An ignored SIGCHLD would make the kernel drop the status. */
static struct dispositions take_signals(const sigset_t *watched)
{
    struct dispositions before;
    struct sigaction plain = { .sa_handler = SIG_DFL };
    sigprocmask(SIG_BLOCK, watched, &before.blocked);
    sigaction(SIGCHLD, &plain, &before.child);
    return before;
}

/* In the child: becomes the program, or sends errno through the pipe, which closes by itself on exec. */
_Noreturn static void become(char *const *argv, const struct dispositions *before, int pipe)
{
    sigaction(SIGCHLD, &before->child, NULL);
    sigprocmask(SIG_SETMASK, &before->blocked, NULL);
    execvp(argv[0], argv);
    int why = errno;
    if (write(pipe, &why, sizeof why) < 0)
        _exit(1);
    _exit(0);
}

/* What memoir opens later must not land in a standard stream that its caller closed. */
static void fill_standard_streams(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0)
            return;
}

/* Returns the child's pid once it runs the program, or -1 with errno. */
static pid_t start(char *const *argv, const struct dispositions *before)
{
    int ends[2], why = 0;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0)
        become(argv, before, ends[1]);
    why = pid < 0 ? errno : 0;
    close(ends[1]);
    ssize_t got = pid < 0 ? 0 : read(ends[0], &why, sizeof why);
    close(ends[0]);
    if (got == sizeof why)
        waitpid(pid, NULL, 0);
    fill_standard_streams();
    errno = why;
    return why ? -1 : pid;
}

/* What the kernel sends comes from the terminal and reached the program as well (same process group), but
 * for an alarm that memoir's caller set; what the program sends to its parent or group is not for it. */
static bool is_to_be_passed_on(const siginfo_t *info, pid_t pid)
{
    if (info->si_code == SI_KERNEL)
        return info->si_signo == SIGALRM;
    return info->si_signo != SIGCHLD && !(info->si_code <= 0 && info->si_pid == pid);
}

/* True when the child has ended. When the terminal stopped it, memoir stops too, as a shell expects
 * of a job; SIGCONT wakes both. */
static bool look_after(pid_t pid, int *status)
{
    while (waitpid(pid, status, WNOHANG | WUNTRACED) == pid) {
        if (!WIFSTOPPED(*status))
            return true;
        int by = WSTOPSIG(*status);
        if (by == SIGTSTP || by == SIGTTIN || by == SIGTTOU) {
            raise(SIGSTOP);
            kill(pid, SIGCONT);
        }
    }
    return false;
}

pid_t mr_child_run(char *const *argv, int *status)
{
    sigset_t watched = watched_signals();
    struct dispositions before = take_signals(&watched);
    pid_t pid = start(argv, &before);
    if (pid < 0)
        return -1;
    for (;;) {
        siginfo_t info;
        int number = sigwaitinfo(&watched, &info);
        if (number > 0 && is_to_be_passed_on(&info, pid))
            kill(pid, number);
        if (look_after(pid, status))
            return pid;
    }
}

_Noreturn void mr_child_imitate(int status)
{
    if (WIFSIGNALED(status)) {
        int by = WTERMSIG(status);
        sigset_t only;
        struct rlimit none = { 0, 0 };
        setrlimit(RLIMIT_CORE, &none);
        prctl(PR_SET_DUMPABLE, 0); /* where cores go through a pipe, the limit does not count */
        signal(by, SIG_DFL);
        sigemptyset(&only);
        sigaddset(&only, by);
        raise(by);
        sigprocmask(SIG_UNBLOCK, &only, NULL);
        _exit(128 + by);
    }
    _exit(WEXITSTATUS(status));
}
