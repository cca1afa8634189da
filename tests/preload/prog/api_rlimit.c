/* Little address space or data: NULL with ENOMEM at the end of it, and life goes on.
 *
 * A limit is tried twice: the program starts itself anew below it (the case's name stands behind
 * --under in argv), and it sets the limit while its heap is in use. */
#include "expect.h"
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define MIB ((size_t)1 << 20)

static void set_limit(int resource, size_t bytes)
{
    struct rlimit limit;
    getrlimit(resource, &limit);
    limit.rlim_cur = bytes;
    EXPECT(setrlimit(resource, &limit) == 0);
}

struct chain {
    struct chain *next;
};

/* Takes blocks of `size` until there are none; at least `least` bytes must be had. */
static struct chain *fill(size_t size, size_t least)
{
    struct chain *list = NULL;
    size_t total = 0;
    for (;;) {
        errno = 0;
        struct chain *block = malloc(size);
        if (!block)
            break;
        block->next = list;
        list = block;
        total += size;
        EXPECT_SAY(total < 64 * 1024 * MIB, "no end of memory");
    }
    int code = errno;
    EXPECT_SAY(code == ENOMEM, "errno %d", code);
    EXPECT_SAY(total >= least, "blocks of %zu: only %zu KiB of at least %zu", size, total >> 10, least >> 10);
    return list;
}

static void drop(struct chain *list)
{
    for (struct chain *next; list; list = next) {
        next = list->next;
        free(list);
    }
}

static void all_functions_fail(size_t size)
{
    void *block = NULL;
    EXPECT_FAILS(malloc(size), ENOMEM);
    EXPECT_FAILS(calloc(size, 1), ENOMEM);
    EXPECT_FAILS(realloc(NULL, size), ENOMEM);
    EXPECT_FAILS(aligned_alloc(64, size), ENOMEM);
    EXPECT(posix_memalign(&block, 64, size) == ENOMEM);
    char *old = malloc(100);
    if (old) {
        expect_fill(old, 100, 1);
        EXPECT_FAILS(realloc(old, size), ENOMEM);
        EXPECT(expect_filled(old, 100, 1));
        free(old);
    }
}

/* --- what is done below a limit ------------------------------------------------------------------ */
static size_t limit_bytes;

/* The program, its libraries and stack take their part: it must be less than 40 MiB. */
static size_t fair_share(void) { return (limit_bytes - 40 * MIB) / 10 * 9; }

static void small_blocks(void)
{
    drop(fill(200, fair_share() / 2));
    drop(fill(200, fair_share() / 2));
}

static void medium_blocks(void)
{
    for (int turn = 0; turn < 2; turn++)
        drop(fill(20000, fair_share() / 4 * 3));
}

static void large_blocks(void)
{
    for (int turn = 0; turn < 2; turn++)
        drop(fill(MIB - 1024, fair_share())); /* with a header in front still a power of two */
}

/* One kind must be able to use what another kind gave back. */
static void all_kinds_in_turn(void)
{
    static const size_t sizes[] = { 60, 3 * MIB, 1000 };
    for (size_t i = 0; i < COUNT(sizes); i++)
        drop(fill(sizes[i], fair_share() / 2));
}

static void failing_leaves_the_heap_whole(void)
{
    struct chain *list = fill(64 * 1024, fair_share() / 2);
    all_functions_fail(limit_bytes);
    for (int i = 0; i < 10; i++) {
        struct chain *next = list->next;
        free(list);
        list = next;
    }
    char *block = malloc(30000);
    EXPECT(block);
    memset(block, 1, 30000);
    free(block);
    drop(list);
}

static void *touch(void *arg)
{
    char *block = malloc(50000);
    EXPECT(block);
    memset(block, 1, 50000);
    free(block);
    return arg;
}

/* The heap must leave the program room for its own mappings and stacks. */
static void threads_and_mappings(void)
{
    pthread_t threads[3];
    free(malloc(100000));
    void *map = mmap(NULL, 20 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT_SAY(map != MAP_FAILED, "no 20 MiB left to map");
    for (size_t i = 0; i < COUNT(threads); i++)
        EXPECT_SAY(pthread_create(&threads[i], NULL, touch, NULL) == 0, "no room for thread %zu", i);
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    munmap(map, 20 * MIB);
    drop(fill(100000, fair_share() / 2));
}

static pthread_barrier_t all_there; /* else the first may leave no room for the stack of the last */

static void *fill_and_drop(void *arg)
{
    pthread_barrier_wait(&all_there);
    for (int turn = 0; turn < 5; turn++)
        drop(fill(5000, 0));
    return arg;
}

static void threads_run_out_together(void)
{
    pthread_t threads[4];
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 256 << 10);
    pthread_barrier_init(&all_there, NULL, COUNT(threads));
    for (size_t i = 0; i < COUNT(threads); i++)
        EXPECT(pthread_create(&threads[i], &attr, fill_and_drop, NULL) == 0);
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    free(malloc(1000000));
    EXPECT(strlen(strdup("alive")) == 5);
}

static const struct expect_case below[] = {
    CASE(small_blocks), CASE(medium_blocks), CASE(large_blocks), CASE(all_kinds_in_turn),
    CASE(failing_leaves_the_heap_whole), CASE(threads_and_mappings), CASE(threads_run_out_together),
};

/* --- starting below a limit ----------------------------------------------------------------------- */
static void reap(pid_t pid, const char *what)
{
    int status;
    EXPECT(pid > 0 && waitpid(pid, &status, 0) == pid);
    EXPECT_SAY(status == 0, "%s: status %#x", what, status);
}

static void start_below(int resource, size_t mib)
{
    char bytes[32];
    snprintf(bytes, sizeof bytes, "%zu", mib * MIB);
    for (size_t i = 0; i < COUNT(below); i++) {
        pid_t pid = fork();
        if (pid == 0) {
            set_limit(resource, mib * MIB);
            execl("/proc/self/exe", "api_rlimit", "--under", bytes, below[i].name, (char *)NULL);
            _exit(99);
        }
        reap(pid, below[i].name);
    }
}

static void address_space_of_100_mib(void) { start_below(RLIMIT_AS, 100); }
static void address_space_of_150_mib(void) { start_below(RLIMIT_AS, 150); }
static void address_space_of_250_mib(void) { start_below(RLIMIT_AS, 250); }
static void data_of_100_mib(void) { start_below(RLIMIT_DATA, 100); }
static void data_of_200_mib(void) { start_below(RLIMIT_DATA, 200); }

/* --- setting a limit while running ---------------------------------------------------------------- */
static void start_thread(void)
{
    pthread_t thread;
    EXPECT_SAY(pthread_create(&thread, NULL, touch, NULL) == 0, "no room for a thread");
    pthread_join(thread, NULL);
}

/* A program that limits itself (as servers and test runners do) goes on below the limit, and is held by it. */
static void a_limit_set_while_running(void)
{
    free(malloc(10 * MIB));
    pid_t pid = fork();
    if (pid == 0) {
        set_limit(RLIMIT_AS, 512 * MIB);
        start_thread();
        EXPECT_FAILS(malloc(1024 * MIB), ENOMEM);
        drop(fill(MIB, 300 * MIB));
        start_thread();
        set_limit(RLIMIT_AS, RLIM_INFINITY);
        void *block = malloc(1024 * MIB);
        EXPECT_SAY(block, "nothing after the limit was lifted");
        free(block);
        _exit(0);
    }
    reap(pid, "child");
}

static void a_limit_that_is_lifted(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        limit_bytes = 64 * MIB;
        set_limit(RLIMIT_DATA, limit_bytes);
        drop(fill(50000, 0));
        EXPECT_FAILS(malloc(200 * MIB), ENOMEM);
        set_limit(RLIMIT_DATA, RLIM_INFINITY);
        char *block = malloc(200 * MIB);
        EXPECT_SAY(block, "nothing after the limit was lifted");
        memset(block, 1, 100);
        free(block);
        _exit(0);
    }
    reap(pid, "child");
}

static const struct expect_case cases[] = {
    CASE(address_space_of_100_mib), CASE(address_space_of_150_mib), CASE(address_space_of_250_mib),
    CASE(data_of_100_mib), CASE(data_of_200_mib), CASE(a_limit_set_while_running), CASE(a_limit_that_is_lifted),
};

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "--under") == 0) {
        limit_bytes = strtoull(argv[2], NULL, 10);
        return expect_run(below, COUNT(below), argc - 2, argv + 2);
    }
    return expect_run(cases, COUNT(cases), argc, argv);
}
