/* run.h: starts one program as a child and collects what became of it. For the drivers.
 *
 * The child gets the driver's environment without LD_PRELOAD and MEMOIR_*, then the library under
 * test, then the request's own variables. It leads a process group of its own, which is killed
 * when the child has ended or its time is up, so no test leaves anything running. */
#ifndef MR_TESTS_RUN_H
#define MR_TESTS_RUN_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define RUN_MAX 64 /* arguments, and variables set by a request */

struct run_request {
    const char *argv[RUN_MAX]; /* argv[0] is looked for in PATH when it has no slash */
    const char *env[RUN_MAX];  /* "NAME=value" */
    int seconds;               /* time limit; 0 is 20 */
    bool bare;                 /* without the library under test */
};

struct run_result {
    int status;     /* as from waitpid */
    bool timed_out; /* then status is that of SIGKILL */
    bool started;   /* false: posix_spawn failed, errno says why */
    pid_t pid;
    char *out, *err; /* what it wrote, NUL-terminated; freed by run_done */
};

#define RUN_UNUSED __attribute__((unused)) static

/* The build directory under test, absolute. */
RUN_UNUSED const char *run_build(void)
{
    static char path[PATH_MAX];
    const char *given = getenv("MEMOIR_TEST_BUILD");
    if (!path[0] && !realpath(given ? given : "build/release", path))
        path[0] = '\0';
    return path;
}

/* The library the children are started with, or NULL when the C library itself is on trial. */
RUN_UNUSED const char *run_preload(void)
{
    static char path[PATH_MAX];
    if (getenv("MEMOIR_TEST_REFERENCE"))
        return NULL;
    const char *other = getenv("MEMOIR_TEST_PRELOAD");
    if (other)
        return other;
    snprintf(path, sizeof path, "%.4000s/libmemoir.so", run_build());
    return path;
}

/* Whether memoir itself is on trial: what only memoir writes is compared only then. */
RUN_UNUSED bool run_is_memoir(void)
{
    return !getenv("MEMOIR_TEST_REFERENCE") && !getenv("MEMOIR_TEST_PRELOAD");
}

RUN_UNUSED const char *run_program(const char *name)
{
    static char path[PATH_MAX];
    snprintf(path, sizeof path, "%.3800s/tests/prog/%.200s", run_build(), name);
    return path;
}

RUN_UNUSED char **run_environment(const struct run_request *request, char *preload, size_t size)
{
    size_t n = 0, at = 0;
    while (environ[n])
        n++;
    char **env = calloc(n + RUN_MAX + 2, sizeof *env);
    for (size_t i = 0; i < n; i++)
        if (strncmp(environ[i], "LD_PRELOAD=", 11) != 0 && strncmp(environ[i], "MEMOIR_", 7) != 0)
            env[at++] = environ[i];
    if (!request->bare && run_preload()) {
        snprintf(preload, size, "LD_PRELOAD=%s", run_preload());
        env[at++] = preload;
    }
    for (size_t i = 0; i < RUN_MAX && request->env[i]; i++)
        env[at++] = (char *)request->env[i];
    return env;
}

RUN_UNUSED char *run_read_all(int fd)
{
    off_t size = lseek(fd, 0, SEEK_END);
    char *text = calloc(1, (size_t)size + 1);
    if (pread(fd, text, (size_t)size, 0) != size)
        text[0] = '\0';
    close(fd);
    return text;
}

/* Waits until the child has ended or its time is up, ends its whole group, reaps it. */
RUN_UNUSED void run_wait(struct run_result *result, int seconds)
{
    int fd = (int)syscall(SYS_pidfd_open, result->pid, 0);
    struct pollfd wait = { .fd = fd, .events = POLLIN };
    int ready;
    while ((ready = poll(&wait, 1, seconds * 1000)) < 0 && errno == EINTR)
        ;
    result->timed_out = ready == 0;
    kill(-result->pid, SIGKILL);
    waitpid(result->pid, &result->status, 0);
    close(fd);
}

RUN_UNUSED struct run_result run_start(const struct run_request *request)
{
    struct run_result result = { 0 };
    char preload[PATH_MAX + 16];
    char **env = run_environment(request, preload, sizeof preload);
    int out = memfd_create("out", MFD_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC);
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out, 1);
    posix_spawn_file_actions_adddup2(&actions, err, 2);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP);
    errno = posix_spawnp(&result.pid, request->argv[0], &actions, &attr, (char **)request->argv, env);
    result.started = errno == 0;
    if (result.started)
        run_wait(&result, request->seconds ? request->seconds : 20);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attr);
    free(env);
    result.out = run_read_all(out);
    result.err = run_read_all(err);
    return result;
}

RUN_UNUSED void run_done(struct run_result *result)
{
    free(result->out);
    free(result->err);
}

/* Cuts `text` at blanks into `list`, which ends with NULL; the words live in `store`. */
RUN_UNUSED void run_split(const char *text, char *store, size_t size, const char **list, size_t max)
{
    char *save = NULL;
    snprintf(store, size, "%s", text);
    for (char *word = strtok_r(store, " ", &save); word && max > 1; word = strtok_r(NULL, " ", &save), max--)
        *list++ = word;
    *list = NULL;
}

/* What became of the child, in words: "exit 1", "signal 11", "no end within its time". */
RUN_UNUSED const char *run_outcome(const struct run_result *result)
{
    static char text[64];
    if (!result->started)
        return "not started";
    if (result->timed_out)
        return "no end within its time";
    if (WIFEXITED(result->status))
        snprintf(text, sizeof text, "exit %d", WEXITSTATUS(result->status));
    else
        snprintf(text, sizeof text, "signal %d", WTERMSIG(result->status));
    return text;
}

#endif
