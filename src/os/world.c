/* world.c: the other threads of the process stopped.
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
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "os.h"

enum { MOST_THREADS = 1 << 15, INDEX = 2 * MOST_THREADS };
enum { STARVED_FACTOR = 10 }; /* so much longer a thread is waited for that only wants a CPU */

/* The calls go past the C library's public names, which programs interpose. ThreadSanitizer must know of the handler: it
 * runs it where the thread calls something, and sees what the handshake orders. */
#if MR_TSAN
#define __sigaction sigaction
#define IN_HANDLER
#else
extern int __sigaction(int sig, const struct sigaction *action, struct sigaction *old);
#define IN_HANDLER MR_NO_SANITIZE
#endif

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

#if MR_TSAN
/* The registers are those of the moment the signal came, which is past: what the thread has pushed since counts. */
static void note_registers(struct mr_world_thread *t, const ucontext_t *c)
{
    enum { OWN_FRAME = 4096 };
    (void)c;
    t->sp = (uintptr_t)__builtin_frame_address(0) - OWN_FRAME;
}
#elif defined(__x86_64__)
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
IN_HANDLER static void on_stop(int sig, siginfo_t *info, void *context)
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

/* Nanoseconds that the thread has had of a CPU; 0 where the kernel does not say. */
static uint64_t time_of(int32_t tid)
{
    char path[64], text[64];
    struct mr_fmt f = mr_fmt_to_buffer(path, sizeof path);
    mr_fmt_print(&f, "/proc/self/task/%d/schedstat", tid);
    size_t len = mr_file_read_all(mr_fmt_end_string(&f), text, sizeof text);
    uint64_t ns = 0;
    for (size_t i = 0; i < len && text[i] >= '0' && text[i] <= '9'; i++)
        ns = ns * 10 + (uint64_t)(text[i] - '0');
    return ns;
}

/* Whether the thread is no more, or blocks the signal and so will never come. A thread in the handler blocks it too: in
 * this stop's, where the signal is not pending, or on its way out of the last one's, where it is awake. That way takes
 * microseconds of a CPU, and on a busy machine seconds until there is one: who has run for longer is not on it. *comes: all
 * that is missing is a CPU. */
static enum mr_world_state look_at(struct mr_world_thread *t, bool *comes)
{
    static const uint64_t WAY_OUT_NS = 20000000;
    char path[64], text[4096];
    struct mr_fmt f = mr_fmt_to_buffer(path, sizeof path);
    mr_fmt_print(&f, "/proc/self/task/%d/status", t->tid);
    size_t len = mr_file_read_all(mr_fmt_end_string(&f), text, sizeof text - 1);
    text[len] = '\0';
    const char *state = strstr(text, "State:\t");
    if (len == 0 || (state && (state[7] == 'Z' || state[7] == 'X')))
        return MR_WORLD_GONE;
    bool awake = state && state[7] == 'R';
    if (!has_signal(text, "SigPnd:\t") || !has_signal(text, "SigBlk:\t")) {
        *comes |= awake;
        return MR_WORLD_ASKED;
    }
    uint64_t ran = awake ? time_of(t->tid) : 0;
    t->ran_ns = t->ran_ns ? t->ran_ns : ran;
    if (!awake || ran - t->ran_ns > WAY_OUT_NS)
        return MR_WORLD_BLOCKED;
    *comes |= ran != 0;
    return MR_WORLD_ASKED;
}

static uint32_t count_asked(const struct mr_world *world)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < world->count; i++)
        n += atomic_load(&world->threads[i].state) == MR_WORLD_ASKED;
    return n;
}

/* Who has not come yet is looked at: some never will. (A thread that stops now wins over what was seen.) Whether
 * somebody only waits for a CPU. */
static bool look_at_stragglers(struct mr_world *world)
{
    bool comes = false;
    for (uint32_t i = 0; i < world->count; i++) {
        uint32_t asked = MR_WORLD_ASKED;
        if (atomic_load(&world->threads[i].state) == asked)
            atomic_compare_exchange_strong(&world->threads[i].state, &asked, look_at(&world->threads[i], &comes));
    }
    return comes;
}

static void wait_for_all(struct mr_world *world, unsigned ms)
{
    uint64_t ns = (uint64_t)ms * 1000000, until = world->since_ns + ns, latest = world->since_ns + ns * STARVED_FACTOR;
    uint64_t next_look = mr_clock_ns() + 2000000;
    bool comes = false;
    for (;;) {
        uint32_t seen = atomic_load(&arrived);
        if (count_asked(world) == 0)
            return;
        const struct timespec tick = { .tv_nsec = 1000000 };
        futex(&arrived, FUTEX_WAIT_PRIVATE, seen, &tick);
        uint64_t now = mr_clock_ns();
        if (now >= until && (!comes || now >= latest))
            return;
        if (now >= next_look) {
            comes = look_at_stragglers(world);
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
    uint64_t now = mr_clock_ns();
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
        wait_for_all(world, ms);
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
