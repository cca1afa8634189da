/* signals.c: the program's actions for SIGSEGV and SIGBUS while guarded blocks are watched (MEMOIR_GUARD).
 *
 * To the program its handler is in place, though ours stands before it (os/fault.c). Every other signal, and every
 * signal where nothing is watched, goes to whoever stands behind us in the symbol order. */
#include "entry.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>

#include "os.h"

extern int __sigaction(int sig, const struct sigaction *action, struct sigaction *old);

typedef int sigaction_call(int, const struct sigaction *, struct sigaction *);
typedef void handler(int);
typedef handler *signal_call(int, handler *);

/* The loader may not be asked in a handler: it is asked at the first call, which comes earlier nearly always. */
static void *behind(void *_Atomic *known, const char *name, void *otherwise)
{
    void *found = atomic_load_explicit(known, memory_order_relaxed);
    if (MR_UNLIKELY(!found)) {
        found = dlsym(RTLD_NEXT, name);
        found = found ? found : otherwise;
        atomic_store_explicit(known, found, memory_order_relaxed);
    }
    return found;
}

MR_EXPORT int sigaction(int sig, const struct sigaction *action, struct sigaction *old)
{
    static void *_Atomic next;
    if (mr_fault_is_watched(sig))
        return mr_fault_action(sig, action, old);
    return ((sigaction_call *)behind(&next, "sigaction", (void *)__sigaction))(sig, action, old);
}

static handler *set(int sig, handler *wanted, int flags)
{
    struct sigaction action = { .sa_handler = wanted, .sa_flags = flags }, old;
    if (!(flags & SA_NODEFER))
        sigaddset(&action.sa_mask, sig);
    return wanted == SIG_ERR || mr_fault_action(sig, &action, &old) != 0 ? SIG_ERR : old.sa_handler;
}

/* BSD's: the handler stays, interrupted calls go on. */
MR_EXPORT handler *signal(int sig, handler *wanted)
{
    static void *_Atomic next;
    if (mr_fault_is_watched(sig))
        return set(sig, wanted, SA_RESTART);
    signal_call *call = (signal_call *)behind(&next, "signal", NULL);
    return call ? call(sig, wanted) : SIG_ERR;
}

/* System V's: the handler serves once. */
MR_EXPORT handler *__sysv_signal(int sig, handler *wanted)
{
    static void *_Atomic next;
    if (mr_fault_is_watched(sig))
        return set(sig, wanted, (int)SA_RESETHAND | SA_NODEFER);
    signal_call *call = (signal_call *)behind(&next, "__sysv_signal", NULL);
    return call ? call(sig, wanted) : SIG_ERR;
}

#define ALIAS(of) __attribute__((alias(#of), visibility("default"), copy(of)))
handler *bsd_signal(int sig, handler *wanted) ALIAS(signal);
handler *ssignal(int sig, handler *wanted) ALIAS(signal);
handler *sysv_signal(int sig, handler *wanted) ALIAS(__sysv_signal);
