/* run.h: one program, run from a test driver: environment, time limit, captured output, exit status.
 *
 * Output goes to memory files, not pipes: a daemon left behind cannot make the driver wait, and
 * what a child of the child writes is captured too. The program runs without core files and in a
 * process group of its own, which is killed as a whole when the time is over.
 *
 * Which allocator is preloaded, for every driver alike:
 *   MEMOIR_TEST_BUILD=DIR      DIR/libmemoir.so (DIR is also where tests/prog/ is found)
 *   MEMOIR_TEST_PRELOAD=PATH   that one instead: shows what the tests catch in others
 *   MEMOIR_TEST_REFERENCE=1    none: shows that the tests are right about plain glibc */
#ifndef MR_TEST_RUN_H
#define MR_TEST_RUN_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define RUN_CLOSE(fd) (1u << (fd))
#define RUN_UNUSED __attribute__((unused))
#define RUN_ENV_MAX 4096

struct run_spec {
    const char *const *argv;  /* NULL-terminated; argv[0] is a path */
    const char *const *env;   /* NULL, or "NAME=value" strings added to the environment, NULL-terminated */
    const char *preload;      /* NULL: run_preload(); "": none; else the value of LD_PRELOAD */
    unsigned seconds;         /* 0: 20 */
    unsigned closed;          /* RUN_CLOSE(0..2): descriptors that are closed when the program starts */
    unsigned uid;             /* not 0: becomes this user and group first (the driver must be root) */
};

struct run_result {
    int status;      /* as waitpid gives it; meaningless when timed_out */
    bool timed_out;
    char *out, *err; /* NUL-terminated, never NULL */
    size_t out_len, err_len;
};

RUN_UNUSED static bool run_is_reference(void)
{
    const char *set = getenv("MEMOIR_TEST_REFERENCE");
    return set && strcmp(set, "0") != 0;
}

/* True when it is memoir that the programs run under. */
RUN_UNUSED static bool run_is_ours(void)
{
    return !run_is_reference() && !getenv("MEMOIR_TEST_PRELOAD");
}

/* Whether a row for each strategy is run under this one, which is not the default. MEMOIR_TEST_STRATEGIES: all of them (the
 * default), one, which differs from row to row, or none. */
RUN_UNUSED static bool run_under_strategy(size_t row, size_t strategy, size_t strategies)
{
    const char *which = getenv("MEMOIR_TEST_STRATEGIES");
    if (!run_is_ours() || (which && strcmp(which, "none") == 0))
        return false;
    return !which || strcmp(which, "one") != 0 || strategy == 1 + row % (strategies - 1);
}

/* DIR/name, absolute. Never freed: a driver asks for a few dozen. */
RUN_UNUSED static const char *run_path(const char *name)
{
    static char build[PATH_MAX];
    char *path;
    const char *dir = getenv("MEMOIR_TEST_BUILD");
    if (!build[0] && !realpath(dir ? dir : "build/release", build))
        build[0] = '\0';
    if (asprintf(&path, "%s/%s", build, name) < 0)
        abort();
    return path;
}

RUN_UNUSED static const char *run_program_path(const char *name)
{
    char under[256];
    snprintf(under, sizeof under, "tests/prog/%s", name);
    return run_path(under);
}

/* The value of LD_PRELOAD for the allocator under test; "" for plain glibc. */
RUN_UNUSED static const char *run_preload(void)
{
    const char *other = getenv("MEMOIR_TEST_PRELOAD");
    if (run_is_reference())
        return "";
    return other ? other : run_path("libmemoir.so");
}

/* The driver's environment without LD_PRELOAD and MEMOIR_*, then LD_PRELOAD, then spec->env. */
static char **run_environment(const struct run_spec *spec, char **env, char *preload, size_t preload_size)
{
    size_t n = 0;
    for (char **e = environ; *e && n < RUN_ENV_MAX - 64; e++)
        if (strncmp(*e, "LD_PRELOAD=", 11) != 0 && strncmp(*e, "MEMOIR_", 7) != 0)
            env[n++] = *e;
    const char *value = spec->preload ? spec->preload : run_preload();
    if (*value) {
        snprintf(preload, preload_size, "LD_PRELOAD=%s", value);
        env[n++] = preload;
    }
    for (size_t i = 0; spec->env && spec->env[i] && n < RUN_ENV_MAX - 1; i++)
        env[n++] = (char *)spec->env[i];
    env[n] = NULL;
    return env;
}

_Noreturn static void run_child(const struct run_spec *spec, char **env, const int fds[2])
{
    setpgid(0, 0);
    setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
    dup2(open("/dev/null", O_RDONLY), 0);
    dup2(fds[0], 1);
    dup2(fds[1], 2);
    for (int fd = 0; fd < 3; fd++)
        if (spec->closed & RUN_CLOSE(fd))
            close(fd);
    syscall(SYS_close_range, 3u, ~0u, 0u);
    if (spec->uid && (setgid(spec->uid) != 0 || setuid(spec->uid) != 0))
        _exit(126);
    /* Criterion's workers ignore or block some signals; programs start as from a shell. */
    sigset_t none;
    sigemptyset(&none);
    for (int sig = 1; sig < 32; sig++)
        signal(sig, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve(spec->argv[0], (char **)spec->argv, env);
    _exit(127);
}

static char *run_slurp(int fd, size_t *len)
{
    off_t size = lseek(fd, 0, SEEK_END);
    char *text = malloc((size_t)size + 1);
    ssize_t got = pread(fd, text, (size_t)size, 0);
    *len = got > 0 ? (size_t)got : 0;
    text[*len] = '\0';
    close(fd);
    return text;
}

/* Waits for pid at most `seconds`; kills its group when they are over. */
static void run_wait(pid_t pid, unsigned seconds, struct run_result *result)
{
    int handle = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd ended = { .fd = handle, .events = POLLIN };
    int n;
    do
        n = poll(&ended, 1, (int)seconds * 1000);
    while (n < 0 && errno == EINTR);
    result->timed_out = n == 0;
    if (result->timed_out)
        kill(-pid, SIGKILL);
    while (waitpid(pid, &result->status, 0) < 0 && errno == EINTR)
        ;
    close(handle);
}

/* Starts the program and returns at once; run_finish collects it. `fds` receives the capture files. */
RUN_UNUSED static pid_t run_start(const struct run_spec *spec, int fds[2])
{
    char *env[RUN_ENV_MAX], preload[4 * PATH_MAX];
    run_environment(spec, env, preload, sizeof preload);
    if (access(spec->argv[0], X_OK) != 0) { /* two missing programs would compare equal */
        fprintf(stderr, "no program %s: is MEMOIR_TEST_BUILD right?\n", spec->argv[0]);
        abort();
    }
    fds[0] = memfd_create("stdout", MFD_CLOEXEC);
    fds[1] = memfd_create("stderr", MFD_CLOEXEC);
    pid_t pid = fork();
    if (pid == 0)
        run_child(spec, env, fds);
    return pid;
}

RUN_UNUSED static struct run_result run_finish(const struct run_spec *spec, pid_t pid, const int fds[2])
{
    struct run_result result = { .status = -1 };
    run_wait(pid, spec->seconds ? spec->seconds : 20, &result);
    result.out = run_slurp(fds[0], &result.out_len);
    result.err = run_slurp(fds[1], &result.err_len);
    return result;
}

RUN_UNUSED static struct run_result run_program(const struct run_spec *spec)
{
    int fds[2];
    pid_t pid = run_start(spec, fds);
    return run_finish(spec, pid, fds);
}

RUN_UNUSED static void run_free(struct run_result *result)
{
    free(result->out);
    free(result->err);
}

/* A new empty directory others may enter; run_remove_dir takes it away with the files in it. */
RUN_UNUSED static void run_make_dir(char path[PATH_MAX])
{
    const char *tmp = getenv("TMPDIR");
    snprintf(path, PATH_MAX, "%s/memoir-test-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(path) || chmod(path, 0755) != 0)
        abort();
}

RUN_UNUSED static void run_remove_dir(const char *path)
{
    int dir = open(path, O_RDONLY | O_DIRECTORY);
    DIR *entries = fdopendir(dir);
    for (struct dirent *e; entries && (e = readdir(entries)) != NULL;)
        unlinkat(dir, e->d_name, 0);
    if (entries)
        closedir(entries);
    rmdir(path);
}

/* The whole file dir/name, NUL-terminated, to be freed; NULL when there is none. */
RUN_UNUSED static char *run_read_file(const char *dir, const char *name)
{
    char path[2 * PATH_MAX];
    size_t len;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = open(path, O_RDONLY);
    return fd < 0 ? NULL : run_slurp(fd, &len);
}

/* "exit 3", "signal 11" or "timeout", in one of a few static buffers. */
RUN_UNUSED static const char *run_ending(const struct run_result *result)
{
    static char texts[4][32];
    static unsigned next;
    char *text = texts[next++ % 4];
    if (result->timed_out)
        snprintf(text, 32, "timeout");
    else if (WIFSIGNALED(result->status))
        snprintf(text, 32, "signal %d", WTERMSIG(result->status));
    else
        snprintf(text, 32, "exit %d", WEXITSTATUS(result->status));
    return text;
}

#endif
