/* story_ends HOW [ARGUMENT]: makes blocks at four known places and ends in a known way. What the report must say is in
 * tests/preload/story.c; the lines that allocate are marked there by their functions. */
#include "expect.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#define APART __attribute__((noinline, noclone))

/* The way `lines` prints where each function allocates. */
static struct place {
    const char *function;
    int line;
} places[8];
#define AT(n) (places[n] = (struct place){ __func__, __LINE__ })

void *story_blocks[400];
static size_t story_count;

APART static void keep_all(void)
{
    for (int i = 0; i < 100; i++)
        story_blocks[story_count++] = malloc(40), AT(0);
}

APART static void keep_some(void)
{
    void *blocks[200];
    for (int i = 0; i < 200; i++)
        blocks[i] = malloc(300), AT(1);
    for (int i = 0; i < 200; i++)
        if (i % 4 == 0)
            free(blocks[i]);
        else
            story_blocks[story_count++] = blocks[i];
}

APART static void keep_none(void)
{
    for (int i = 0; i < 1000; i++)
        free((AT(2), expect_opaque(malloc(64))));
}

APART static void *keep_in_thread(void *arg)
{
    for (int i = 0; i < 30; i++)
        story_blocks[story_count++] = calloc(1, 5000), AT(3);
    return arg;
}

APART static void keep_in_child(void)
{
    for (int i = 0; i < 7; i++)
        story_blocks[story_count++] = malloc(70), AT(4);
}

static void make_blocks(void)
{
    pthread_t thread;
    keep_all();
    keep_some();
    keep_none();
    EXPECT(pthread_create(&thread, NULL, keep_in_thread, NULL) == 0 && pthread_join(thread, NULL) == 0);
}

/* ---- threads that allocate while the process is killed; their site is not one of the four ------------------------- */

APART static void busy_work(void)
{
    void *blocks[50];
    for (int i = 0; i < 50; i++)
        blocks[i] = malloc((size_t)i * 10);
    for (int i = 0; i < 50; i++)
        free(blocks[i]);
}

_Noreturn static void *keep_busy(void *arg)
{
    (void)arg;
    for (;;)
        busy_work();
}

static void start_busy_threads(void)
{
    pthread_t thread;
    for (int i = 0; i < 4; i++)
        EXPECT(pthread_create(&thread, NULL, keep_busy, NULL) == 0);
    usleep(20000);
}

/* ---- the ways to end ------------------------------------------------------------------------------------------------ */

static const char *argument;

_Noreturn static void sleep_forever(void)
{
    for (;;)
        pause();
}

static void end_return(void) {}
static void end_exit(void) { exit(3); }
static void end__exit(void) { _exit(4); }
static void end_quick_exit(void) { quick_exit(5); }
static void end_abort(void) { abort(); }
static void end_sigkill(void) { kill(getpid(), SIGKILL); }
static void end_sigterm(void) { kill(getpid(), SIGTERM); }
static void end_sigint(void) { raise(SIGINT); }
static void end_sigsegv(void) { *(volatile int *)expect_opaque((void *)8) = 1; }

/* Whoever waits for the process id may kill. */
static void end_outside(void)
{
    char text[32];
    int fd = open(argument, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    expect_write(fd, text, (size_t)snprintf(text, sizeof text, "%d\n", (int)getpid()));
    sleep_forever();
}

static void end_threads(void)
{
    start_busy_threads();
    kill(getpid(), SIGKILL);
    sleep_forever();
}

static void end_lines(void)
{
    char text[64];
    keep_in_child();
    for (size_t i = 0; places[i].function; i++)
        expect_write(1, text, (size_t)snprintf(text, sizeof text, "%s %d\n", places[i].function, places[i].line));
}

static void end_closed(void)
{
    close(0);
    close(1);
    close(2);
}

/* The new program is this one; it ends by returning, and its blocks are others. */
static void end_exec(void) { execl("/proc/self/exe", "story_ends", "child", (char *)NULL); }

static void child_of_its_own(void)
{
    keep_in_child();
    kill(getpid(), SIGKILL);
}

static void end_fork(void)
{
    pid_t child = fork();
    if (child == 0)
        child_of_its_own();
    waitpid(child, NULL, 0);
}

static void end_vfork(void)
{
    pid_t child = vfork();
    if (child == 0)
        _exit(0);
    waitpid(child, NULL, 0);
}

/* As daemons do: the parent ends, the grandchild goes on, is nobody's, closes all it inherited,
 * and goes on until it finds a file. */
static void end_daemon(void)
{
    if (fork() != 0) {
        usleep(100000);
        return;
    }
    setsid();
    if (fork() != 0)
        _exit(0);
    for (int fd = 0; fd < 64; fd++)
        close(fd);
    char go[4096];
    snprintf(go, sizeof go, "%s.go", argument);
    for (int i = 0; i < 2000 && access(go, F_OK) != 0; i++)
        usleep(10000);
    keep_in_child();
    int fd = open(argument, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    expect_write(fd, "done\n", 5);
    kill(getpid(), SIGKILL);
}

static const struct {
    const char *name;
    void (*end)(void);
} ways[] = {
    { "return", end_return }, { "exit", end_exit }, { "_exit", end__exit }, { "quick_exit", end_quick_exit },
    { "abort", end_abort }, { "sigkill", end_sigkill }, { "sigterm", end_sigterm }, { "sigint", end_sigint },
    { "sigsegv", end_sigsegv }, { "outside", end_outside }, { "threads", end_threads }, { "closed", end_closed },
    { "exec", end_exec }, { "lines", end_lines }, { "fork", end_fork }, { "vfork", end_vfork }, { "daemon", end_daemon },
};

int main(int argc, char **argv)
{
    EXPECT_SAY(argc >= 2, "the way to end is missing");
    argument = argc > 2 ? argv[2] : NULL;
    if (strcmp(argv[1], "child") == 0) {
        keep_in_child();
        return 0;
    }
    make_blocks();
    for (size_t i = 0; i < COUNT(ways); i++)
        if (strcmp(argv[1], ways[i].name) == 0) {
            ways[i].end();
            return 0;
        }
    EXPECT_SAY(false, "no such way");
}
