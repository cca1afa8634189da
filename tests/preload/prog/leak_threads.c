/* leak_threads: what other threads hold and leave behind, and the check among running threads, in handlers, under a
 * tracer. */
#include "leaks.h"
#include "plugin.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <ucontext.h>

APART hidden lose(size_t size) { return hide(blank(size)); }

/* ---- a thread that does one thing and waits --------------------------------------------------------------------- */

struct party {
    pthread_t thread;
    void (*play)(struct party *);
    hidden block;
    _Atomic int ready, leave;
};

static void *play(void *party)
{
    ((struct party *)party)->play(party);
    return NULL;
}

APART void begin(struct party *party, void (*what)(struct party *))
{
    *party = (struct party){ .play = what };
    EXPECT(pthread_create(&party->thread, NULL, play, party) == 0);
    while (!party->ready)
        usleep(100);
}

static void finish(struct party *party)
{
    party->leave = 1;
    EXPECT(pthread_join(party->thread, NULL) == 0);
}

static void wait_for_leave(struct party *party)
{
    party->ready = 1;
    while (!party->leave)
        usleep(100);
}

static void expect_kinds(void (*what)(struct party *), enum memoir_leak_kind during, enum memoir_leak_kind after)
{
    struct party party;
    begin(&party, what);
    leaks_ask();
    EXPECT_KIND(party.block, during);
    EXPECT(leaks_sums.doubt == NULL);
    finish(&party);
    leaks_ask();
    EXPECT_KIND(party.block, after);
}

static void keep_on_the_stack(struct party *party)
{
    void *volatile here = blank(100);
    party->block = hide(here);
    wait_for_leave(party);
}

static void by_another_stack(void) { expect_kinds(keep_on_the_stack, REACHABLE, DEFINITE); }

static __thread void *volatile local;

static void keep_in_local(struct party *party)
{
    local = blank(101);
    party->block = hide(local);
    wait_for_leave(party);
}

static void by_another_threads_local(void) { expect_kinds(keep_in_local, REACHABLE, DEFINITE); }

static void *plugin;

static void keep_in_plugin(struct party *party)
{
    uintptr_t (*hold)(size_t) = (uintptr_t (*)(size_t))plugin_find(plugin, "plugin_hold_locally");
    party->block = hold(102);
    wait_for_leave(party);
}

static void by_a_plugins_local(void)
{
    plugin = plugin_open("leak_plugin", RTLD_NOW);
    expect_kinds(keep_in_plugin, REACHABLE, DEFINITE);
    struct party first;
    begin(&first, keep_in_plugin);
    leaks_ask();
    for (size_t i = 0; i < leaks_count; i++) /* the vectors and blocks of locals */
        EXPECT_SAY(leaks_found[i].kind == REACHABLE || leaks_found[i].size < 200, "%zu bytes are %s", leaks_found[i].size,
                   leaks_name(leaks_found[i].kind));
    finish(&first);
}

static pthread_key_t keys[100];

static void keep_under_key(struct party *party)
{
    void *block = blank(103);
    party->block = hide(block);
    EXPECT(pthread_setspecific(keys[99], block) == 0);
    wait_for_leave(party);
}

static void by_a_key(void)
{
    for (size_t i = 0; i < 100; i++)
        EXPECT(pthread_key_create(&keys[i], NULL) == 0);
    expect_kinds(keep_under_key, REACHABLE, DEFINITE);
    for (size_t i = 0; i < 100; i++)
        pthread_key_delete(keys[i]);
}

#if defined(__x86_64__)
static void keep_in_register(struct party *party)
{
    party->block = lose(104);
    wipe();
    __asm__ volatile("mov %1, %%r15; not %%r15; movl $1, %0; 1: pause; cmpl $0, %2; je 1b; xor %%r15d, %%r15d"
                     : "=m"(party->ready) : "m"(party->block), "m"(party->leave) : "r15", "memory");
}

static void keep_in_vector(struct party *party)
{
    static const uint64_t all = UINT64_MAX;
    party->block = lose(105);
    wipe();
    __asm__ volatile("movq %1, %%xmm9; movq %3, %%xmm8; pxor %%xmm8, %%xmm9; movl $1, %0; 1: pause; cmpl $0, %2; je 1b\n\t"
                     "pxor %%xmm9, %%xmm9"
                     : "=m"(party->ready) : "m"(party->block), "m"(party->leave), "m"(all) : "xmm8", "xmm9", "memory");
}

static void by_a_register(void)
{
    expect_kinds(keep_in_register, REACHABLE, DEFINITE);
    expect_kinds(keep_in_vector, REACHABLE, DEFINITE);
}
#else
static void by_a_register(void) {}
#endif

/* ---- threads that are gone ------------------------------------------------------------------------------------------ */

APART void lose_deep(struct party *party, int depth)
{
    void *volatile here = blank(200);
    if (depth > 0)
        lose_deep(party, depth - 1);
    party->block = hide(here);
}

static void lose_and_end(struct party *party)
{
    lose_deep(party, 5);
    party->ready = 1;
}

static void by_an_ended_thread(void)
{
    struct party parties[8];
    for (size_t i = 0; i < 8; i++)
        begin(&parties[i], lose_and_end);
    for (size_t i = 0; i < 8; i++)
        finish(&parties[i]);
    leaks_ask();
    for (size_t i = 0; i < 8; i++)
        EXPECT_KIND(parties[i].block, DEFINITE);
}

static void *return_block(void *unused)
{
    (void)unused;
    return blank(201);
}

/* Until somebody joins the thread, its result is held for him. */
static void by_a_thread_nobody_joined(void)
{
    pthread_t thread;
    void *result;
    leaks_ask();
    size_t before = leaks_sums.kinds[DEFINITE].blocks;
    EXPECT(pthread_create(&thread, NULL, return_block, NULL) == 0);
    usleep(50000);
    leaks_ask();
    EXPECT(leaks_sums.kinds[DEFINITE].blocks == before);
    EXPECT(pthread_join(thread, &result) == 0);
    free(result);
}

/* ---- stacks of the program's own ------------------------------------------------------------------------------------- */

static ucontext_t main_context, routine_context;
static hidden routine_block;

static void routine(void)
{
    void *volatile here = blank(300);
    routine_block = hide(here);
    swapcontext(&routine_context, &main_context);
    here = NULL;
    swapcontext(&routine_context, &main_context);
}

static void expect_held_by_routine(void *stack, size_t size)
{
    EXPECT(getcontext(&routine_context) == 0);
    routine_context.uc_stack.ss_sp = stack;
    routine_context.uc_stack.ss_size = size;
    makecontext(&routine_context, routine, 0);
    swapcontext(&main_context, &routine_context);
    leaks_ask();
    EXPECT_KIND(routine_block, REACHABLE);
    swapcontext(&main_context, &routine_context);
}

static void by_a_coroutine(void)
{
    size_t size = 64 << 10;
    static void *stack;
    stack = blank(size);
    expect_held_by_routine(stack, size);
    free(stack);
    stack = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(stack != MAP_FAILED);
    expect_held_by_routine(stack, size);
    EXPECT(munmap(stack, size) == 0);
    memset(&routine_context, 0, sizeof routine_context);
}

static hidden held_below;
static struct memoir_leaks handler_leaks;
static enum memoir_leak_kind handler_kind;

static void in_handler(int sig)
{
    (void)sig;
    leaks_ask();
    handler_kind = leaks_find(held_below)->kind;
    handler_leaks = leaks_sums;
}

APART void raise_with_block(void)
{
    void *volatile here = blank(301);
    held_below = hide(here);
    raise(SIGUSR1);
    EXPECT(hide(here) == held_below);
}

static void in_a_signal_handler(void)
{
    stack_t alternate = { .ss_sp = blank(256 << 10), .ss_size = 256 << 10 };
    struct sigaction action = { .sa_handler = in_handler };
    EXPECT(sigaction(SIGUSR1, &action, NULL) == 0);
    raise_with_block();
    EXPECT(handler_kind == REACHABLE && handler_leaks.doubt == NULL);
    EXPECT(sigaltstack(&alternate, NULL) == 0);
    action.sa_flags = SA_ONSTACK;
    EXPECT(sigaction(SIGUSR1, &action, NULL) == 0);
    raise_with_block();
    EXPECT(handler_kind == REACHABLE && handler_leaks.doubt == NULL);
    void *stack = alternate.ss_sp;
    alternate.ss_flags = SS_DISABLE;
    EXPECT(sigaltstack(&alternate, NULL) == 0);
    free(stack);
}

/* ---- threads that run ------------------------------------------------------------------------------------------------------ */

struct link {
    struct link *next;
    size_t size;
};

/* A list that comes and goes: nothing of it is ever lost. Its blocks have sizes that no others have here. */
enum { LINK_LEAST = 5000, LINK_MOST = 9000 };

static size_t count_lost_links(void)
{
    size_t count = 0;
    for (size_t i = 0; i < leaks_count; i++)
        count += leaks_found[i].kind <= INDIRECT && leaks_found[i].size >= LINK_LEAST && leaks_found[i].size <= LINK_MOST;
    return count;
}

static void churn(struct party *party)
{
    struct link *volatile head = NULL;
    uint64_t seed = (uintptr_t)party | 1;
    party->ready = 1;
    while (!party->leave)
        if (expect_random(&seed) % 100 < 50) {
            struct link *fresh = calloc(1, LINK_LEAST + expect_random(&seed) % 2000);
            fresh->next = head;
            head = fresh;
        } else if (head) {
            struct link *first = head;
            head = first->next;
            free(first);
        }
    while (head) {
        struct link *first = head;
        head = first->next;
        free(first);
    }
}

static void among_running_threads(void)
{
    struct party parties[4];
    for (size_t i = 0; i < 4; i++)
        begin(&parties[i], churn);
    for (int round = 0; round < 20; round++) {
        leaks_ask();
        EXPECT_SAY(leaks_sums.doubt == NULL, "round %d: %s", round, leaks_sums.doubt);
        EXPECT_SAY(count_lost_links() == 0, "round %d: %zu blocks are lost", round, count_lost_links());
    }
    for (size_t i = 0; i < 4; i++)
        finish(&parties[i]);
}

static hidden lost_before[1000];

static size_t remember_lost(void)
{
    size_t count = 0;
    for (size_t i = 0; i < leaks_count && count < COUNT(lost_before); i++)
        if (leaks_found[i].kind == DEFINITE)
            lost_before[count++] = leaks_found[i].block;
    return count;
}

static bool was_lost(size_t count, hidden block)
{
    for (size_t i = 0; i < count; i++)
        if (lost_before[i] == block)
            return true;
    return false;
}

/* One less is none of our business: of what an ended thread left on its stack, the next that gets it writes a part. */
static void expect_no_other_lost(size_t count, int round)
{
    for (size_t i = 0; i < leaks_count; i++)
        EXPECT_SAY(leaks_found[i].kind != DEFINITE || was_lost(count, leaks_found[i].block), "round %d: %zu bytes are lost", round,
                   leaks_found[i].size);
}

static void *come_and_go(void *unused) { return unused; }

static void start_threads(struct party *party)
{
    party->ready = 1;
    while (!party->leave) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, come_and_go, NULL) == 0)
            pthread_join(thread, NULL);
    }
}

static void among_threads_that_come_and_go(void)
{
    struct party parties[2];
    leaks_ask();
    size_t count = remember_lost();
    for (size_t i = 0; i < 2; i++)
        begin(&parties[i], start_threads);
    for (int round = 0; round < 20; round++) {
        leaks_ask();
        expect_no_other_lost(count, round);
    }
    for (size_t i = 0; i < 2; i++)
        finish(&parties[i]);
}

/* Two threads ask at once: one is told to come again. */
static void ask_again(struct party *party)
{
    party->ready = 1;
    for (int i = 0; i < 20; i++)
        memoir_leak_check(NULL, NULL, NULL);
}

static void two_that_ask(void)
{
    struct party party;
    begin(&party, ask_again);
    for (int i = 0; i < 20; i++) {
        struct memoir_leaks leaks;
        size_t lost = memoir_leak_check(&leaks, NULL, NULL);
        EXPECT(lost != SIZE_MAX || leaks.doubt);
    }
    finish(&party);
}

static void block_all_signals(struct party *party)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    keep_on_the_stack(party);
}

/* A thread that takes no signals is doubtful; what its stack holds is held. */
static void a_thread_that_cannot_be_stopped(void)
{
    struct party party;
    begin(&party, block_all_signals);
    leaks_ask();
    EXPECT_KIND(party.block, REACHABLE);
    EXPECT(leaks_sums.doubt && strstr(leaks_sums.doubt, "could not be stopped"));
    finish(&party);
    leaks_ask();
    EXPECT(leaks_sums.doubt == NULL);
}

/* ---- what the program may notice ---------------------------------------------------------------------------------------------- */

static _Atomic int children;
static void on_child(int sig) { (void)sig; children++; }

static int count_entries(const char *path)
{
    DIR *directory = opendir(path);
    int count = 0;
    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

static void nothing_is_left_behind(void)
{
    sigset_t before = { { 0 } }, after = { { 0 } }; /* glibc fills what the kernel knows */
    signal(SIGCHLD, on_child);
    leaks_ask();
    int descriptors = count_entries("/proc/self/fd");
    sigprocmask(SIG_BLOCK, NULL, &before);
    for (int i = 0; i < 10; i++)
        leaks_ask();
    sigprocmask(SIG_BLOCK, NULL, &after);
    EXPECT(memcmp(&before, &after, sizeof before) == 0);
    EXPECT(children == 0 && waitpid(-1, NULL, 0) == -1 && errno == ECHILD);
    EXPECT(count_entries("/proc/self/fd") == descriptors);
}

static void own_handler(int sig) { (void)sig; }

/* All real-time signals are the program's: no thread can be stopped, and the check says so. */
static void no_signal_is_left(void)
{
    struct party party;
    begin(&party, keep_on_the_stack);
    for (int sig = SIGRTMIN; sig <= SIGRTMAX; sig++)
        signal(sig, own_handler);
    leaks_ask();
    EXPECT_KIND(party.block, REACHABLE);
    EXPECT(leaks_sums.doubt);
    for (int sig = SIGRTMIN; sig <= SIGRTMAX; sig++)
        EXPECT(signal(sig, SIG_DFL) == own_handler);
    finish(&party);
    leaks_ask();
    EXPECT(leaks_sums.doubt == NULL);
}

static void under_a_tracer(void)
{
    int status, events = 0;
    pid_t child = fork();
    if (child == 0) {
        EXPECT(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0);
        raise(SIGSTOP);
        by_another_stack();
        _exit(0);
    }
    EXPECT(child > 0 && waitpid(child, &status, 0) == child && WIFSTOPPED(status));
    EXPECT(ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_EXITKILL) == 0);
    EXPECT(ptrace(PTRACE_CONT, child, NULL, NULL) == 0);
    for (;;) {
        pid_t who = waitpid(-1, &status, __WALL);
        if (who == child && (WIFEXITED(status) || WIFSIGNALED(status)))
            break;
        EXPECT(who > 0 && ++events < 10000);
        int sig = WIFSTOPPED(status) && WSTOPSIG(status) != SIGTRAP && WSTOPSIG(status) != SIGSTOP ? WSTOPSIG(status) : 0;
        if (WIFSTOPPED(status))
            ptrace(PTRACE_CONT, who, NULL, sig);
    }
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

EXPECT_MAIN(CASE(by_another_stack), CASE(by_another_threads_local), CASE(by_a_plugins_local), CASE(by_a_key),
            CASE(by_a_register), CASE(by_an_ended_thread), CASE(by_a_thread_nobody_joined), CASE(by_a_coroutine),
            CASE(in_a_signal_handler), CASE(among_running_threads), CASE(among_threads_that_come_and_go),
            CASE(two_that_ask), CASE(a_thread_that_cannot_be_stopped), CASE(nothing_is_left_behind),
            CASE(no_signal_is_left), CASE(under_a_tracer))
