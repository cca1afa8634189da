#include "oom.h"
#include "ledgers.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { OUTPUT_MOST = 64 << 20 };

struct mr_oom_run {
    pid_t pid;
    int ended; /* a descriptor that is readable then */
    int out, err;
    uint64_t site, since_ms, until_ms;
    bool hung;
    struct mr_ledgers ledgers;
};

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- starting --------------------------------------------------------------------------------------------- */

static void refuse(uint64_t site)
{
    char plan[32];
    snprintf(plan, sizeof plan, "stack:%016lx", (unsigned long)site);
    if (site)
        setenv("MEMOIR_FAIL", plan, 1);
    else
        unsetenv("MEMOIR_FAIL");
}

/* Input that is a file is read anew by each run; any other can be had only once, by nobody. */
static int open_input(void)
{
    struct stat st;
    int fd = fstat(STDIN_FILENO, &st) == 0 && S_ISREG(st.st_mode) ? open("/proc/self/fd/0", O_RDONLY) : -1;
    return fd >= 0 ? fd : open("/dev/null", O_RDONLY);
}

_Noreturn static void become(const struct mr_oom_run *run, char *const *program)
{
    sigset_t none;
    setpgid(0, 0);
    setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
    dup2(open_input(), STDIN_FILENO);
    dup2(run->out, STDOUT_FILENO);
    dup2(run->err, STDERR_FILENO);
    syscall(SYS_close_range, 3u, ~0u, 0u);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execvp(program[0], program);
    _exit(errno == ENOENT ? 127 : 126);
}

static void drop(struct mr_oom_run *run)
{
    int fds[] = { run->ended, run->out, run->err };
    for (size_t i = 0; i < MR_COUNT(fds); i++)
        if (fds[i] >= 0)
            close(fds[i]);
    mr_ledgers_close(&run->ledgers);
    free(run);
}

struct mr_oom_run *mr_oom_run_start(const struct mr_oom_plan *plan, uint64_t site)
{
    struct mr_oom_run *run = calloc(1, sizeof *run);
    if (!run)
        return NULL;
    run->ended = -1;
    run->site = site;
    run->out = memfd_create("output", MFD_CLOEXEC);
    run->err = memfd_create("errors", MFD_CLOEXEC);
    refuse(site);
    bool good = mr_ledgers_open(&run->ledgers) && run->out >= 0 && run->err >= 0;
    run->since_ms = now_ms();
    run->until_ms = run->since_ms + plan->timeout_ms;
    run->pid = good ? fork() : -1;
    if (run->pid == 0)
        become(run, plan->program);
    if (run->pid > 0) {
        setpgid(run->pid, run->pid);
        run->ended = (int)syscall(SYS_pidfd_open, run->pid, 0);
        return run;
    }
    int why = errno;
    drop(run);
    errno = why;
    return NULL;
}

/* ---- waiting ------------------------------------------------------------------------------------------------ */

static bool is_over(const struct mr_oom_run *run)
{
    struct stat out, err;
    return now_ms() >= run->until_ms || (fstat(run->out, &out) == 0 && out.st_size > OUTPUT_MOST) ||
           (fstat(run->err, &err) == 0 && err.st_size > OUTPUT_MOST);
}

void mr_oom_run_kill(struct mr_oom_run *run)
{
    run->hung = true;
    kill(-run->pid, SIGKILL);
    kill(run->pid, SIGKILL);
}

int mr_oom_run_wait(struct mr_oom_run *const *runs, size_t count, int ms)
{
    struct pollfd ended[count + 1];
    for (size_t i = 0; i < count; i++) {
        ended[i] = (struct pollfd){ .fd = runs[i]->ended, .events = POLLIN };
        if (!runs[i]->hung && is_over(runs[i]))
            mr_oom_run_kill(runs[i]);
    }
    if (poll(ended, count, ms) > 0)
        for (size_t i = 0; i < count; i++)
            if (ended[i].revents)
                return (int)i;
    return -1;
}

/* ---- what came of it ------------------------------------------------------------------------------------------ */

static uint64_t hash_file(int fd)
{
    char buf[65536];
    uint64_t hash = MR_STACKHASH_BEGIN;
    ssize_t n;
    for (off_t at = 0; (n = pread(fd, buf, sizeof buf, at)) > 0; at += n)
        for (ssize_t i = 0; i < n; i++)
            hash = mr_stackhash_byte(hash, (unsigned char)buf[i]);
    return hash;
}

/* The last line, with nothing a terminal would act on. False: there is none. */
static bool read_last_line(int fd, char *line, size_t cap)
{
    char text[4096];
    off_t size = lseek(fd, 0, SEEK_END);
    ssize_t n = pread(fd, text, sizeof text, size > (off_t)sizeof text ? size - (off_t)sizeof text : 0);
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == ' '))
        n--;
    ssize_t from = n > 0 ? n : 0;
    while (from > 0 && text[from - 1] != '\n')
        from--;
    snprintf(line, cap, "%.*s", n > from ? (int)(n - from) : 0, text + from);
    for (char *c = line; *c; c++)
        *c = (unsigned char)*c < 0x20 || *c == 0x7f ? '?' : *c;
    return *line != '\0';
}

uint64_t mr_oom_run_hash(const struct mr_reader *ledger, uint64_t site)
{
    uint64_t hash = MR_STACKHASH_BEGIN;
    for (uint32_t at = mr_reader_site(ledger, site).stack; at;) {
        struct mr_ledger_frame frame = mr_reader_frame(ledger, at);
        const struct mr_ledger_module *module = mr_reader_module(ledger, frame.module);
        hash = mr_stackhash_frame(hash, module ? mr_reader_string(ledger, module->path) : "",
                                  module ? frame.pc - module->bias : 0);
        at = frame.caller;
    }
    return hash;
}

/* A site is written down before its request is refused. */
static bool has_site(const struct mr_reader *ledger, uint64_t hash)
{
    for (uint64_t i = 1; i < mr_reader_count(ledger, MR_SECTION_SITES); i++)
        if (mr_oom_run_hash(ledger, i) == hash)
            return true;
    return false;
}

static struct mr_reader *open_ledger(struct mr_oom_run *run)
{
    char why[512];
    mr_ledgers_gather(&run->ledgers);
    size_t i = mr_ledgers_main(&run->ledgers, run->pid);
    return i < run->ledgers.count ? mr_reader_open(run->ledgers.files[i].path, why, sizeof why) : NULL;
}

/* What the program started and left behind goes with it. */
void mr_oom_run_finish(struct mr_oom_run *run, struct mr_oom_end *end, struct mr_reader **ledger)
{
    *end = (struct mr_oom_end){ .hung = run->hung, .elapsed_ms = now_ms() - run->since_ms };
    while (waitpid(run->pid, &end->status, 0) < 0 && errno == EINTR)
        ;
    kill(-run->pid, SIGKILL);
    struct mr_reader *left = open_ledger(run);
    end->started = left != NULL;
    end->reached = left && run->site && has_site(left, run->site);
    end->output = hash_file(run->out);
    end->complained = read_last_line(run->err, end->complaint, sizeof end->complaint);
    if (ledger)
        *ledger = left;
    else if (left)
        mr_reader_close(left);
    drop(run);
}
