/* A program's own handlers of SIGSEGV and SIGBUS: what they are told and how they leave must not depend on whether
 * blocks are guarded (MEMOIR_GUARD). */
#include "expect.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static char *nowhere; /* an inaccessible page */
static sigjmp_buf back;
static volatile sig_atomic_t calls;
static void *volatile seen_address, *volatile seen_stack;
static volatile int seen_code, seen_usr1_blocked, seen_segv_blocked;

static void look(siginfo_t *info)
{
    sigset_t mask;
    char here;
    calls++;
    sigprocmask(SIG_BLOCK, NULL, &mask);
    seen_usr1_blocked = sigismember(&mask, SIGUSR1);
    seen_segv_blocked = sigismember(&mask, SIGSEGV);
    seen_stack = expect_opaque(&here);
    if (info) {
        seen_address = info->si_addr;
        seen_code = info->si_code;
    }
}

static void leap(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    EXPECT(context != NULL);
    look(info);
    siglongjmp(back, 1);
}

static void mend(int sig)
{
    (void)sig;
    look(NULL);
    mprotect(nowhere, 4096, PROT_READ | PROT_WRITE);
}

static void prepare(void)
{
    free(expect_opaque(malloc(100))); /* a guarded block: faults are watched from here on */
    nowhere = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    calls = 0;
}

static void install(void (*handler)(int, siginfo_t *, void *), int flags)
{
    struct sigaction action = { .sa_sigaction = handler, .sa_flags = flags | SA_SIGINFO };
    sigaddset(&action.sa_mask, SIGUSR1);
    EXPECT(sigaction(SIGSEGV, &action, NULL) == 0);
}

static void the_handler_learns_what_happened(void)
{
    prepare();
    install(leap, 0);
    if (sigsetjmp(back, 1) == 0)
        nowhere[7] = 1;
    EXPECT(calls == 1 && seen_address == nowhere + 7 && seen_code == SEGV_ACCERR);
    EXPECT(seen_usr1_blocked && seen_segv_blocked);
    sigset_t mask;
    sigprocmask(SIG_BLOCK, NULL, &mask);
    EXPECT(!sigismember(&mask, SIGSEGV) && !sigismember(&mask, SIGUSR1));
    if (sigsetjmp(back, 1) == 0)
        nowhere[8] = 1;
    EXPECT(calls == 2 && seen_address == nowhere + 8);
}

static void it_may_mend_and_go_on(void)
{
    prepare();
    EXPECT(signal(SIGSEGV, mend) != SIG_ERR);
    nowhere[9] = 5;
    EXPECT(calls == 1 && nowhere[9] == 5);
    EXPECT(signal(SIGSEGV, SIG_DFL) == mend);
}

static void nodefer_leaves_the_signal_open(void)
{
    prepare();
    install(leap, SA_NODEFER);
    if (sigsetjmp(back, 1) == 0)
        nowhere[0] = 1;
    EXPECT(calls == 1 && !seen_segv_blocked && seen_usr1_blocked);
}

static void it_runs_on_its_own_stack(void)
{
    static char stack[65536];
    const stack_t alternate = { .ss_sp = stack, .ss_size = sizeof stack };
    prepare();
    EXPECT(sigaltstack(&alternate, NULL) == 0);
    install(leap, SA_ONSTACK);
    if (sigsetjmp(back, 1) == 0)
        nowhere[0] = 1;
    EXPECT((char *)seen_stack >= stack && (char *)seen_stack < stack + sizeof stack);
    install(leap, 0);
    if (sigsetjmp(back, 1) == 0)
        nowhere[0] = 1;
    EXPECT((char *)seen_stack < stack || (char *)seen_stack >= stack + sizeof stack);
    EXPECT(calls == 2);
}

/* A finding needs little room: the fault is reported on the stack the program has for its handler. */
static void findings_fit_small_stacks(void)
{
    static char stack[8192];
    const stack_t alternate = { .ss_sp = stack, .ss_size = sizeof stack };
    if (!getenv("MEMOIR_GUARD"))
        SKIP("blocks are not guarded");
    prepare();
    expect_fill(stack, 64, 1);
    EXPECT(sigaltstack(&alternate, NULL) == 0);
    install(leap, SA_ONSTACK);
    char *volatile p = expect_opaque(malloc(96));
    if (sigsetjmp(back, 1) == 0)
        p[96] = 1;
    free(p);
    EXPECT(calls == 0 && expect_filled(stack, 64, 1));
}

static void what_was_set_is_told_back(void)
{
    struct sigaction now;
    prepare();
    install(leap, SA_NODEFER | SA_RESTART);
    EXPECT(sigaction(SIGSEGV, NULL, &now) == 0);
    EXPECT(now.sa_sigaction == leap && sigismember(&now.sa_mask, SIGUSR1) && !sigismember(&now.sa_mask, SIGUSR2));
    EXPECT((now.sa_flags & (SA_SIGINFO | SA_NODEFER | SA_RESTART | SA_ONSTACK)) == (SA_SIGINFO | SA_NODEFER | SA_RESTART));
    EXPECT((void *)signal(SIGSEGV, SIG_IGN) == (void *)leap);
    EXPECT(signal(SIGSEGV, SIG_DFL) == SIG_IGN);
    EXPECT(signal(SIGBUS, SIG_DFL) == SIG_DFL);
    errno = 0;
    EXPECT(sigaction(SIGKILL, &now, NULL) == -1 && errno == EINVAL);
}

/* How a child ends that does that. */
static int fate_of(void (*act)(void))
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        act();
        _exit(0);
    }
    EXPECT(waitpid(pid, &status, 0) == pid);
    return status;
}

static void by_default(void)
{
    signal(SIGSEGV, SIG_DFL);
    nowhere[0] = 1;
}

static void though_ignored(void)
{
    signal(SIGSEGV, SIG_IGN);
    nowhere[0] = 1;
}

static void sent_and_ignored(void)
{
    signal(SIGSEGV, SIG_IGN);
    raise(SIGSEGV);
}

static void sent_by_default(void)
{
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
}

static void only_once(void)
{
    install(leap, SA_RESETHAND | SA_NODEFER);
    if (sigsetjmp(back, 1) == 0)
        nowhere[0] = 1;
    if (calls != 1)
        _exit(9);
    nowhere[0] = 1;
}

static void sent_to_the_handler(void)
{
    install(leap, 0);
    if (sigsetjmp(back, 1) == 0)
        raise(SIGSEGV);
    _exit(calls == 1 && seen_code == SI_TKILL ? 0 : 9);
}

static bool dies(int status) { return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV; }

static void the_end_is_the_same(void)
{
    prepare();
    EXPECT(dies(fate_of(by_default)));
    EXPECT(dies(fate_of(though_ignored)));
    EXPECT(dies(fate_of(sent_by_default)));
    EXPECT(dies(fate_of(only_once)));
    EXPECT(fate_of(sent_and_ignored) == 0);
    EXPECT(fate_of(sent_to_the_handler) == 0);
}

static void handlers_of_other_signals(void)
{
    prepare();
    EXPECT(signal(SIGUSR1, mend) == SIG_DFL);
    raise(SIGUSR1);
    EXPECT(calls == 1);
    EXPECT(signal(SIGUSR1, SIG_DFL) == mend);
}

EXPECT_MAIN(CASE(the_handler_learns_what_happened), CASE(it_may_mend_and_go_on), CASE(nodefer_leaves_the_signal_open),
            CASE(it_runs_on_its_own_stack), CASE(findings_fit_small_stacks), CASE(what_was_set_is_told_back), CASE(the_end_is_the_same),
            CASE(handlers_of_other_signals))
