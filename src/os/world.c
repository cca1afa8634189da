/* world.c: the other threads of the process stopped, and the process copied while they are.
 *
 * Threads are stopped by a signal each, as collectors do it (Boehm and Weiser, 1988): no tracer, no
 * privilege, and a debugger may be attached. The signal is a real-time one that has its default action,
 * chosen when it is first needed; our handler stays in place afterwards, since a signal that
 * arrives late must not end the program. A program that takes the signal for itself is left alone:
 * the next stop chooses another.
 *
 *   epoch    odd: a stop is under way, and whoever finds itself in the table waits for the next epoch
 *   arrived  threads that wait, over all epochs: the futex the stopping thread sleeps on */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "os.h"

enum { MOST_THREADS = 1 << 15, INDEX = 2 * MOST_THREADS, RED_ZONE = 128 };

/* The calls go past the C library's public names, which programs interpose. */
extern int __sigaction(int sig, const struct sigaction *action, struct sigaction *old);

static struct tables {
    struct mr_world_thread threads[MOST_THREADS];
    _Atomic uint32_t index[INDEX]; /* by thread id, open addressing: place in threads plus one, 0 is none */
    char entries[32 << 10];        /* of a directory */
} *tables;

static _Atomic bool taken;
static _Atomic uint32_t epoch, arrived;
static int the_signal;
static sigset_t saved_mask;
static int saved_cancel;

/* ---- small calls ------------------------------------------------------------------------------------- */

static void futex(_Atomic uint32_t *word, int op, uint32_t value, const struct timespec *timeout)
{
    syscall(SYS_futex, word, op, value, timeout, NULL, 0);
}

int32_t mr_world_tid(void) { return (int32_t)syscall(SYS_gettid); }

static void set_mask(const sigset_t *mask, sigset_t *old)
{
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, mask, old, _NSIG / 8);
}

/* All but those that tell of a fault of the thread itself: blocked, they would end the process. */
static void block_signals(sigset_t *old)
{
    static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS };
    sigset_t mask;
    sigfillset(&mask);
    for (size_t i = 0; i < MR_COUNT(faults); i++)
        sigdelset(&mask, faults[i]);
    set_mask(&mask, old);
}

/* ---- the table ----------------------------------------------------------------------------------------- */

static _Atomic uint32_t *place_of(int32_t tid)
{
    uint32_t i = mr_mix32((uint32_t)tid) % INDEX;
    for (;; i = (i + 1) % INDEX) {
        uint32_t at = atomic_load_explicit(&tables->index[i], memory_order_acquire);
        if (at == 0 || tables->threads[at - 1].tid == tid)
            return &tables->index[i];
    }
}

static struct mr_world_thread *find(int32_t tid)
{
    uint32_t at = atomic_load_explicit(place_of(tid), memory_order_acquire);
    return at ? &tables->threads[at - 1] : NULL;
}

static bool make_tables(void)
{
    size_t bytes = mr_align_up(sizeof *tables, mr_os_page);
    if (tables)
        return true;
    void *at = mr_vm_reserve(bytes, mr_os_page);
    if (!at || !mr_vm_commit(at, bytes)) {
        mr_vm_release(at, at ? bytes : 0);
        return false;
    }
    tables = at;
    return true;
}

/* ---- in the threads that are stopped ---------------------------------------------------------------------- */

#if defined(__x86_64__)
/* The extended state is as long as the word says that the kernel leaves in the part software may use. */
static void note_registers(struct mr_world_thread *t, const ucontext_t *c)
{
    enum { LENGTH_AT = 464, MAGIC = 0x46505853, LEGACY = 512 };
    const char *more = (const char *)c->uc_mcontext.fpregs;
    uint32_t words[2] = { 0, 0 };
    t->sp = (uintptr_t)c->uc_mcontext.gregs[REG_RSP];
    t->registers = c->uc_mcontext.gregs;
    t->register_bytes = sizeof c->uc_mcontext.gregs;
    t->more_registers = more;
    if (more)
        memcpy(words, more + LENGTH_AT, sizeof words);
    t->more_bytes = !more ? 0 : words[0] == MAGIC ? mr_min(words[1], 16 * MR_KIB) : LEGACY;
}
#else
static void note_registers(struct mr_world_thread *t, const ucontext_t *c)
{
    t->sp = (uintptr_t)c->uc_mcontext.sp;
    t->registers = &c->uc_mcontext;
    t->register_bytes = sizeof c->uc_mcontext;
    t->more_registers = NULL;
    t->more_bytes = 0;
}
#endif

/* Sent by somebody else: what would have happened without us. */
static void act_by_default(int sig)
{
    struct sigaction action = { .sa_handler = SIG_DFL };
    __sigaction(sig, &action, NULL);
    syscall(SYS_tgkill, getpid(), mr_world_tid(), sig);
}

/* A stop that did not wait for this thread is over when its signal arrives: nothing is to be done. */
MR_NO_SANITIZE static void on_stop(int sig, siginfo_t *info, void *context)
{
    int saved = errno;
    uint32_t now = atomic_load(&epoch);
    struct mr_world_thread *t = now & 1 ? find(mr_world_tid()) : NULL;
    if (t) {
        note_registers(t, context);
        t->self = mr_thread_self();
        atomic_store(&t->state, MR_WORLD_STOPPED);
        atomic_fetch_add(&arrived, 1);
        futex(&arrived, FUTEX_WAKE_PRIVATE, 1, NULL);
        while (atomic_load(&epoch) == now)
            futex(&epoch, FUTEX_WAIT_PRIVATE, now, NULL);
    } else if (info->si_code != SI_TKILL || info->si_pid != getpid()) {
        act_by_default(sig);
    }
    errno = saved;
}

static bool is_installed(int sig)
{
    struct sigaction now;
    return sig && __sigaction(sig, NULL, &now) == 0 && (now.sa_flags & SA_SIGINFO) && now.sa_sigaction == on_stop;
}

static bool is_unused(int sig)
{
    struct sigaction now;
    return __sigaction(sig, NULL, &now) == 0 && !(now.sa_flags & SA_SIGINFO) && now.sa_handler == SIG_DFL;
}

/* From the top, where programs that count up from SIGRTMIN come last; the last two are favourites. */
static bool choose_signal(void)
{
    if (is_installed(the_signal))
        return true;
    for (int sig = SIGRTMAX - 2; sig > SIGRTMIN; sig--)
        if (is_unused(sig)) {
            struct sigaction action = { .sa_sigaction = on_stop, .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK };
            sigfillset(&action.sa_mask);
            the_signal = sig;
            return __sigaction(sig, &action, NULL) == 0;
        }
    return false;
}

/* ---- finding and asking them ------------------------------------------------------------------------------------ */

struct entry { /* of getdents64 */
    uint64_t ino, off;
    uint16_t len;
    uint8_t type;
    char name[];
};

static int32_t number(const char *text)
{
    int32_t n = 0;
    for (; *text >= '0' && *text <= '9'; text++)
        n = n * 10 + (*text - '0');
    return *text ? 0 : n;
}

static bool ask(struct mr_world *world, int32_t tid)
{
    _Atomic uint32_t *place = place_of(tid);
    if (atomic_load_explicit(place, memory_order_relaxed) || world->count == MOST_THREADS)
        return false;
    struct mr_world_thread *t = &tables->threads[world->count++];
    t->tid = tid;
    atomic_store_explicit(&t->state, MR_WORLD_ASKED, memory_order_relaxed);
    atomic_store_explicit(place, world->count, memory_order_release);
    if (syscall(SYS_tgkill, getpid(), tid, the_signal) != 0)
        atomic_store(&t->state, errno == ESRCH ? MR_WORLD_GONE : MR_WORLD_BLOCKED);
    return true;
}

/* Asks every thread that was not asked yet. Returns how many; -1: they cannot be listed. */
static int ask_all(struct mr_world *world)
{
    int fd = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC), asked = 0;
    int32_t self = mr_world_tid();
    if (fd < 0)
        return -1;
    long n;
    while ((n = syscall(SYS_getdents64, fd, tables->entries, sizeof tables->entries)) > 0)
        for (long at = 0; at < n;) {
            const struct entry *e = (const struct entry *)(tables->entries + at);
            int32_t tid = number(e->name);
            asked += tid && tid != self && ask(world, tid);
            at += e->len;
        }
    close(fd);
    return n < 0 ? -1 : asked;
}

static bool has_signal(const char *text, const char *label)
{
    uint64_t set = 0;
    const char *at = strstr(text, label);
    for (at = at ? at + strlen(label) : ""; (*at >= '0' && *at <= '9') || (*at >= 'a' && *at <= 'f'); at++)
        set = set << 4 | (uint64_t)(*at <= '9' ? *at - '0' : *at - 'a' + 10);
    return set >> (the_signal - 1) & 1;
}

/* Whether the thread is no more, or blocks the signal and so will never come. A thread in the handler blocks it too: in
 * this stop's, where the signal is not pending, or on its way out of the last one's, where it is awake; who is awake
 * is given time. */
static enum mr_world_state look_at(int32_t tid, bool late)
{
    char path[64], text[4096];
    struct mr_fmt f = mr_fmt_to_buffer(path, sizeof path);
    mr_fmt_print(&f, "/proc/self/task/%d/status", tid);
    size_t len = mr_file_read_all(mr_fmt_end_string(&f), text, sizeof text - 1);
    text[len] = '\0';
    const char *state = strstr(text, "State:\t");
    if (len == 0 || (state && (state[7] == 'Z' || state[7] == 'X')))
        return MR_WORLD_GONE;
    bool awake = state && state[7] == 'R' && !late;
    return !awake && has_signal(text, "SigPnd:\t") && has_signal(text, "SigBlk:\t") ? MR_WORLD_BLOCKED : MR_WORLD_ASKED;
}

static uint32_t count_asked(const struct mr_world *world)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < world->count; i++)
        n += atomic_load(&world->threads[i].state) == MR_WORLD_ASKED;
    return n;
}

/* Who has not come yet is looked at: some never will. (A thread that stops now wins over what was seen.) */
static void look_at_stragglers(struct mr_world *world, uint64_t now)
{
    static const uint64_t LATE_NS = 100000000;
    for (uint32_t i = 0; i < world->count; i++) {
        uint32_t asked = MR_WORLD_ASKED;
        if (atomic_load(&world->threads[i].state) == asked)
            atomic_compare_exchange_strong(&world->threads[i].state, &asked, look_at(world->threads[i].tid, now - world->since_ns > LATE_NS));
    }
}

static bool wait_for_all(struct mr_world *world, uint64_t until)
{
    uint64_t next_look = mr_clock_ns() + 2000000;
    for (;;) {
        uint32_t seen = atomic_load(&arrived);
        if (count_asked(world) == 0)
            return true;
        const struct timespec tick = { .tv_nsec = 1000000 };
        futex(&arrived, FUTEX_WAIT_PRIVATE, seen, &tick);
        uint64_t now = mr_clock_ns();
        if (now >= until)
            return false;
        if (now >= next_look) {
            look_at_stragglers(world, now);
            next_look = now + 10000000;
        }
    }
}

static void count_unstopped(struct mr_world *world)
{
    for (uint32_t i = 0; i < world->count; i++) {
        uint32_t state = atomic_load(&world->threads[i].state);
        world->unstopped += state != MR_WORLD_STOPPED && state != MR_WORLD_GONE;
    }
}

/* Threads start others until they stop: the list is complete when a look at it finds nobody new. A cancelled thread must
 * not end here, with the others stopped. */
bool mr_world_stop(struct mr_world *world, unsigned ms)
{
    int saved = errno, asked = 0;
    uint64_t now = mr_clock_ns(), until = now + (uint64_t)ms * 1000000;
    sigset_t mask;
    block_signals(&mask);
    if (atomic_exchange(&taken, true)) {
        set_mask(&mask, NULL);
        return false;
    }
    saved_mask = mask;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &saved_cancel);
    *world = (struct mr_world){ .since_ns = now, .unlisted = !make_tables() || !choose_signal() };
    world->threads = tables ? tables->threads : NULL;
    atomic_fetch_add(&epoch, 1);
    while (!world->unlisted && (asked = ask_all(world)) > 0)
        wait_for_all(world, until);
    world->unlisted |= asked < 0 || world->count == MOST_THREADS;
    count_unstopped(world);
    errno = saved;
    return true;
}

uint64_t mr_world_resume(struct mr_world *world)
{
    int saved = errno;
    if (world->since_ns == 0)
        return 0;
    uint64_t took = mr_clock_ns() - world->since_ns;
    atomic_fetch_add(&epoch, 1);
    futex(&epoch, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL);
    if (tables)
        mr_vm_purge(tables, mr_align_up(sizeof *tables, mr_os_page));
    *world = (struct mr_world){ 0 };
    sigset_t mask = saved_mask;
    int cancel = saved_cancel;
    atomic_store(&taken, false);
    pthread_setcancelstate(cancel, NULL);
    set_mask(&mask, NULL);
    errno = saved;
    return took;
}

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
        _Atomic uint32_t nobody = 0;
        futex(&nobody, FUTEX_WAIT_PRIVATE, 0, &nap);
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
