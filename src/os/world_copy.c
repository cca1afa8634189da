/* world_copy.c: what one does while the others stand still: the process is copied, and faults are caught while its memory
 * is read. */
#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "os.h"

/* The calls go past the C library's public names, which programs interpose. */
extern int __sigaction(int sig, const struct sigaction *action, struct sigaction *old);

/* ---- the copy ------------------------------------------------------------------------------------------------------- */

/* No exit signal: a wait for children does not see it. UNTRACED: a debugger does not follow it. */
int64_t mr_world_copy(void)
{
    int saved = errno;
    pid_t original = getpid();
    long pid = syscall(SYS_clone, CLONE_UNTRACED, NULL, NULL, NULL, NULL);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != original)
            mr_world_leave(1);
    }
    errno = saved;
    return pid;
}

_Noreturn void mr_world_leave(int status)
{
    for (;;)
        syscall(SYS_exit_group, status);
}

/* -1 while it runs on, 1 once it has ended well, 0 when it has ended otherwise or somebody else took its status. */
static int look_at_copy(int64_t copy, int flags)
{
    int status = 0;
    long got;
    do
        got = syscall(SYS_wait4, copy, &status, __WCLONE | flags, NULL);
    while (got < 0 && errno == EINTR);
    return got == 0 ? -1 : got == copy && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool mr_world_reap(int64_t copy, unsigned ms)
{
    int saved = errno, ended;
    struct timespec nap = { .tv_nsec = 20000 };
    uint64_t until = mr_clock_ns() + (uint64_t)ms * 1000000;
    while ((ended = look_at_copy(copy, WNOHANG)) < 0 && mr_clock_ns() < until) {
        uint32_t nobody = 0;
        syscall(SYS_futex, &nobody, FUTEX_WAIT_PRIVATE, 0, &nap, NULL, 0);
        nap.tv_nsec = nap.tv_nsec < 5000000 ? nap.tv_nsec * 2 : nap.tv_nsec;
    }
    if (ended < 0) {
        syscall(SYS_kill, copy, SIGKILL);
        look_at_copy(copy, 0);
    }
    errno = saved;
    return ended == 1;
}

void *mr_world_share(size_t bytes)
{
    int saved = errno;
    void *p = (void *)syscall(SYS_mmap, NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, (off_t)0);
    errno = saved;
    return p == MAP_FAILED ? NULL : p;
}

/* ---- faults -------------------------------------------------------------------------------------------------------- */

static const int guarded[] = { SIGSEGV, SIGBUS };
static void (*on_guarded)(uintptr_t);
static int32_t guarded_thread;
static struct mr_world_guard *_Atomic outer_actions;

/* Another thread's fault is its own business: what was there before comes back, and it faults again. */
MR_NO_SANITIZE static void on_fault(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)context;
    if (mr_world_tid() == guarded_thread)
        on_guarded((uintptr_t)info->si_addr);
    else if (atomic_load(&outer_actions))
        mr_world_unguard(atomic_load(&outer_actions));
}

void mr_world_guard(struct mr_world_guard *saved, void (*handler)(uintptr_t address))
{
    _Static_assert(sizeof(struct sigaction) <= sizeof saved->actions[0], "a guard keeps two actions");
    struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER };
    on_guarded = handler;
    guarded_thread = mr_world_tid();
    outer_actions = saved;
    for (size_t i = 0; i < MR_COUNT(guarded); i++)
        __sigaction(guarded[i], &action, (struct sigaction *)saved->actions[i]);
}

void mr_world_unguard(const struct mr_world_guard *saved)
{
    for (size_t i = 0; i < MR_COUNT(guarded); i++)
        __sigaction(guarded[i], (const struct sigaction *)saved->actions[i], NULL);
    outer_actions = NULL;
}
