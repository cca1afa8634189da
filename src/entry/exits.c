/* exits.c: every way a process ends, and the report written on the way out.
 *
 *   exit, return from main    a handler registered before all others, so it runs after them
 *   quick_exit                likewise; interposed for its status
 *   _exit, _Exit              interposed: glibc runs nothing there
 *   abort                     interposed: a program's own handler of SIGABRT comes first
 *   fatal signals             a handler, only where the signal would have its default action, which
 *                             it then has; the exit status is what it would have been
 *
 * No handler is in place unless a report was asked for; the interposed functions do then what
 * they always do. */
#include "entry.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "conf.h"
#include "os.h"

/* The end is told once, whichever way it is reached first: the last look may itself end the process. */
static _Atomic bool looked, told;

static void tell_end(enum mr_exit_kind kind, int value)
{
    if (!atomic_exchange(&looked, true))
        mr_tell_verify();
    if (atomic_exchange(&told, true))
        return;
    mr_tell_report(kind, value);
    mr_story_end(kind, value);
}

static void on_exit_status(int status, void *unused)
{
    (void)unused;
    tell_end(MR_EXIT_EXITED, status & 0xff);
}

/* The handlers of quick_exit are not told its status: it is noted on the way in. */
static int quick_status;

static void on_quick_exit(void *unused)
{
    (void)unused;
    tell_end(MR_EXIT_EXITED, quick_status & 0xff);
}

MR_EXPORT _Noreturn void quick_exit(int status)
{
    void (*next)(int);
    quick_status = status;
    *(void **)&next = dlsym(RTLD_NEXT, "quick_exit");
    next(status);
    __builtin_unreachable();
}

/* abort: the program's handler of SIGABRT first, if it has one and that returns; then the default action.
 * Written out because the report belongs between the two. */
MR_EXPORT _Noreturn void abort(void)
{
    sigset_t just_abort;
    sigemptyset(&just_abort);
    sigaddset(&just_abort, SIGABRT);
    pthread_sigmask(SIG_UNBLOCK, &just_abort, NULL);
    raise(SIGABRT);
    if (mr_tell_is_due())
        tell_end(MR_EXIT_SIGNALLED, SIGABRT);
    signal(SIGABRT, SIG_DFL);
    raise(SIGABRT);
    for (;;)
        __builtin_trap();
}

MR_EXPORT _Noreturn void _exit(int status)
{
    if (mr_tell_is_due())
        tell_end(MR_EXIT_EXITED, status & 0xff);
    for (;;)
        syscall(SYS_exit_group, status);
}

_Noreturn void _Exit(int status) __attribute__((alias("_exit"), visibility("default")));

/* ---- signals ---------------------------------------------------------------------------------------- */

static const int fatal_signals[] = {
    SIGHUP, SIGINT, SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGUSR1, SIGSEGV, SIGUSR2, SIGPIPE,
    SIGALRM, SIGTERM, SIGSTKFLT, SIGXCPU, SIGXFSZ, SIGVTALRM, SIGPROF, SIGIO, SIGPWR, SIGSYS,
};

static void on_fatal(int sig)
{
    tell_end(MR_EXIT_SIGNALLED, sig);
    /* The signal is blocked while this runs: raised again, it acts when this returns. */
    signal(sig, SIG_DFL);
    raise(sig);
}

static void on_request(int sig)
{
    (void)sig;
    int saved = errno;
    mr_tell_report(MR_EXIT_RUNNING, 0);
    errno = saved;
}

/* Who sends it with sigqueue says what it is about; a plain kill asks for everything. */
static void on_asked(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)context;
    int saved = errno;
    mr_tell_asked(info->si_code == SI_QUEUE ? info->si_value.sival_int : MR_LEDGER_ASK_CHECK);
    errno = saved;
}

static void handle(int sig, void (*handler)(int), int flags)
{
    struct sigaction action = { .sa_handler = handler, .sa_flags = flags };
    sigfillset(&action.sa_mask);
    sigaction(sig, &action, NULL);
}

/* Others may ask for a check through the ledger, by a signal that nobody uses: counted from the top, where programs
 * that count up from SIGRTMIN come last, and below those that stop the world (os/world.c). */
static void answer_requests(void)
{
    enum { KEPT_FOR_OTHERS = 8 };
    struct sigaction now;
    for (int sig = SIGRTMAX - KEPT_FOR_OTHERS; sig > SIGRTMIN; sig--) {
        if (sigaction(sig, NULL, &now) != 0 || (now.sa_flags & SA_SIGINFO) || now.sa_handler != SIG_DFL)
            continue;
        now = (struct sigaction){ .sa_sigaction = on_asked, .sa_flags = SA_RESTART | SA_ONSTACK | SA_SIGINFO };
        sigfillset(&now.sa_mask);
        sigaction(sig, &now, NULL);
        mr_story_answers_to(sig);
        return;
    }
}

static void handle_fatal_signals(void)
{
    for (size_t i = 0; i < MR_COUNT(fatal_signals); i++) {
        struct sigaction now;
        if ((uint64_t)fatal_signals[i] != mr_conf.signal && sigaction(fatal_signals[i], NULL, &now) == 0 &&
            !(now.sa_flags & SA_SIGINFO) && now.sa_handler == SIG_DFL)
            handle(fatal_signals[i], on_fatal, SA_ONSTACK);
    }
}

/* ---- set-up -------------------------------------------------------------------------------------------- */

/* With no DSO the handlers do not belong to this library: they run in the order of registration,
 * not when the library's turn to be finalised comes. */
extern int __cxa_at_quick_exit(void (*function)(void *), void *dso);

static void forked(void)
{
    atomic_store(&looked, false);
    atomic_store(&told, false);
    mr_story_forked();
    mr_tell_forked();
}

static void complain(void)
{
    const char *text;
    size_t len = mr_conf_complaints(&text);
    if (len)
        mr_file_write(2, text, len);
}

/* MEMOIR_, letter by letter: a literal would lie among the constants, a page that is touched. */
static bool is_for_us(const char *v)
{
    return v[0] == 'M' && v[1] == 'E' && v[2] == 'M' && v[3] == 'O' && v[4] == 'I' && v[5] == 'R' && v[6] == '_';
}

/* Whether there is anything to read. Most processes leave here, before a page of ours is touched that the
 * program itself does not need: what is not asked for costs nothing at start-up either. */
static bool is_spoken_to(void)
{
    for (char **variable = environ; variable && *variable; variable++)
        if (is_for_us(*variable))
            return true;
    return false;
}

static __attribute__((constructor(101))) void start(void)
{
    if (!is_spoken_to())
        return;
    int saved = errno;
    mr_conf_boot();
    if (!mr_other_rules())
        complain();
    mr_story_begin();
    mr_memcpy_begin();
    if (mr_tell_is_due() || mr_conf.trace || mr_conf.check) /* also without a word at the end: locks are to be freed */
        mr_fork_handlers(NULL, NULL, forked);
    if (mr_tell_is_due()) {
        mr_tell_prepare();
        on_exit(on_exit_status, NULL);
        __cxa_at_quick_exit(on_quick_exit, NULL);
        if (mr_conf.signal)
            handle((int)mr_conf.signal, on_request, SA_RESTART | SA_ONSTACK);
        if (mr_conf.ledger[0] != '\0')
            answer_requests();
        if (mr_tell_is_due_at_end())
            handle_fatal_signals();
    }
    errno = saved;
}
