/* fault.c: faults of the process's own instructions, looked at before the program's handlers get them.
 *
 * Our action stands in the kernel for SIGSEGV and SIGBUS; the program's is remembered here (the entry layer brings its
 * calls of sigaction and signal). Ours has the program's mask and flags, so a handler of the program's that is called
 * from ours runs on the stack and with the signals blocked as if the kernel had called it:
 *
 *   mask, SA_ONSTACK, SA_NODEFER, SA_RESTART = the program's         SA_SIGINFO set, SA_RESETHAND done here
 *
 * What has its default action gets it from the kernel: that action is put in place, and the instruction runs again. */
#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "os.h"

/* Past the public name, which this library itself puts in front. */
extern int __sigaction(int sig, const struct sigaction *action, struct sigaction *old);

/* The program's actions. A writer fills the one that is not current: handlers read without waiting. */
static struct remembered {
    struct sigaction actions[2];
    _Atomic uint32_t current;
} programs[2];

static mr_fault_handler *_Atomic the_handler;
static _Atomic bool changing;

static struct remembered *remembered_for(int sig) { return &programs[sig == SIGBUS]; }

static bool is_function(const struct sigaction *action)
{
    return action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN;
}

/* ---- what the signal tells --------------------------------------------------------------------------- */

#if defined(__x86_64__)
static struct mr_fault read_fault(const siginfo_t *info, const ucontext_t *c)
{
    enum { WRITES = 2 }; /* of the page fault's error code */
    const greg_t *r = c->uc_mcontext.gregs;
    return (struct mr_fault){
        .address = (uintptr_t)info->si_addr,
        .access = r[REG_ERR] & WRITES ? MR_FAULT_WRITE : MR_FAULT_READ,
        .pc = (uintptr_t)r[REG_RIP],
        .sp = (uintptr_t)r[REG_RSP],
        .bp = (uintptr_t)r[REG_RBP],
    };
}
#else
static struct mr_fault read_fault(const siginfo_t *info, const ucontext_t *c)
{
    return (struct mr_fault){
        .address = (uintptr_t)info->si_addr,
        .access = MR_FAULT_ACCESS,
        .pc = (uintptr_t)c->uc_mcontext.pc,
        .sp = (uintptr_t)c->uc_mcontext.sp,
        .bp = (uintptr_t)c->uc_mcontext.regs[29],
    };
}
#endif

/* By kill and the like, not by an instruction. */
static bool was_sent(const siginfo_t *info) { return info->si_code <= 0; }

/* ---- the program's turn --------------------------------------------------------------------------------- */

static void remember(struct remembered *r, const struct sigaction *action)
{
    uint32_t next = 1 - atomic_load_explicit(&r->current, memory_order_relaxed);
    r->actions[next] = *action;
    atomic_store_explicit(&r->current, next, memory_order_release);
}

/* A signal that was sent does not come again by itself. */
static void act_by_default(int sig, siginfo_t *info)
{
    const struct sigaction action = { .sa_handler = SIG_DFL };
    __sigaction(sig, &action, NULL);
    if (was_sent(info))
        syscall(SYS_rt_tgsigqueueinfo, getpid(), mr_world_tid(), sig, info);
}

static void pass_on(int sig, siginfo_t *info, void *context)
{
    struct remembered *r = remembered_for(sig);
    const struct sigaction action = r->actions[atomic_load_explicit(&r->current, memory_order_acquire)];
    if (!is_function(&action)) {
        if (action.sa_handler == SIG_DFL || !was_sent(info))
            act_by_default(sig, info);
        return;
    }
    if (action.sa_flags & SA_RESETHAND) {
        struct sigaction reset = action;
        reset.sa_handler = SIG_DFL;
        remember(r, &reset);
    }
    if (action.sa_flags & SA_SIGINFO)
        action.sa_sigaction(sig, info, context);
    else
        action.sa_handler(sig);
}

/* si_addr is a place only where the page tables refused it. */
MR_NO_SANITIZE static void on_fault(int sig, siginfo_t *info, void *context)
{
    int saved = errno;
    if (!was_sent(info) && info->si_code != SI_KERNEL) {
        const struct mr_fault fault = read_fault(info, context);
        mr_fault_handler *handler = atomic_load_explicit(&the_handler, memory_order_acquire);
        if (handler && handler(&fault)) {
            errno = saved;
            return;
        }
    }
    errno = saved;
    pass_on(sig, info, context);
}

/* ---- setting it up ----------------------------------------------------------------------------------------- */

static bool put_in_place(int sig, const struct sigaction *program)
{
    struct sigaction ours = { .sa_flags = SA_ONSTACK | SA_RESTART };
    if (is_function(program)) {
        ours.sa_mask = program->sa_mask;
        ours.sa_flags = program->sa_flags & ~SA_RESETHAND;
    }
    ours.sa_sigaction = on_fault;
    ours.sa_flags |= SA_SIGINFO;
    return __sigaction(sig, &ours, NULL) == 0;
}

/* Nobody may be interrupted while he changes an action, or a handler that does the same would wait for ever. */
static void begin_change(sigset_t *mask)
{
    sigset_t all;
    sigfillset(&all);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, mask, _NSIG / 8);
    while (atomic_exchange_explicit(&changing, true, memory_order_acquire))
        mr_thread_yield();
}

static void end_change(const sigset_t *mask)
{
    atomic_store_explicit(&changing, false, memory_order_release);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, mask, NULL, _NSIG / 8);
}

static bool take_over(int sig)
{
    struct sigaction now;
    if (__sigaction(sig, NULL, &now) != 0)
        return false;
    if (!(now.sa_flags & SA_SIGINFO) || now.sa_sigaction != on_fault)
        remember(remembered_for(sig), &now);
    return put_in_place(sig, &now);
}

bool mr_fault_watch(mr_fault_handler *handler)
{
    int saved = errno;
    sigset_t mask;
    begin_change(&mask);
    bool done = take_over(SIGSEGV) && take_over(SIGBUS);
    atomic_store_explicit(&the_handler, done ? handler : NULL, memory_order_release);
    end_change(&mask);
    errno = saved;
    return done;
}

bool mr_fault_is_watched(int sig)
{
    bool ours = sig == SIGSEGV || sig == SIGBUS;
    return ours && atomic_load_explicit(&the_handler, memory_order_relaxed) != NULL;
}

int mr_fault_action(int sig, const struct sigaction *action, struct sigaction *old)
{
    struct remembered *r = remembered_for(sig);
    struct sigaction fresh = action ? *action : (struct sigaction){ .sa_flags = 0 }, before;
    sigset_t mask;
    begin_change(&mask);
    before = r->actions[atomic_load_explicit(&r->current, memory_order_relaxed)];
    bool done = true;
    if (action && (done = put_in_place(sig, &fresh)))
        remember(r, &fresh);
    end_change(&mask);
    if (done && old)
        *old = before;
    return done ? 0 : -1;
}
