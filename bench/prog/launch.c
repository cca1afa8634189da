/* Runs a program under an allocator and records what it cost, as the kernel counted it:
 *
 *   launch [-r RECORD] [-p PRELOAD] [-o STDOUT] [-e STDERR] [-t SECONDS] [-n TIMES] PROGRAM [ARGUMENT...]
 *
 * RECORD gets one JSON line: wall, user and system seconds, peak RSS in KiB, minor and major faults, exit status
 * (128 + n for signal n). With -n the program is run TIMES times in a row and the record holds the sums, for the RSS
 * the largest. The preload goes into the program's environment only. It is a program of its own, and linked
 * statically, because a child's ru_maxrss starts at its parent's size: a launcher of some hundred KiB is smaller than anything it measures.
 * After -t seconds, or when the launcher itself is to end, the program's whole process group is killed. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct options {
    const char *record, *preload, *out, *err;
    unsigned timeout, times;
} options = { .timeout = 300, .times = 1 };

static volatile pid_t child;

static void die(const char *what)
{
    fprintf(stderr, "launch: %s: %s\n", what, strerror(errno));
    exit(125);
}

/* The time is up, or someone wants us to end: the program first, and then the record of it. */
static void on_signal(int signal)
{
    (void)signal;
    if (child > 0)
        kill(-child, SIGKILL);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* Only calls that are safe between vfork and exec. */
static void redirect(const char *path, int fd)
{
    if (!path)
        return;
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (file < 0 || dup2(file, fd) < 0)
        _exit(126);
    close(file);
}

static int run_once(char **argv, char **environment, struct rusage *usage)
{
    int status;
    child = vfork();
    if (child < 0)
        die("vfork");
    if (child == 0) {
        setpgid(0, 0);
        redirect(options.out, STDOUT_FILENO);
        redirect(options.err, STDERR_FILENO);
        execvpe(argv[0], argv, environment);
        _exit(127);
    }
    while (wait4(child, &status, 0, usage) < 0)
        if (errno != EINTR)
            die("wait4");
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

struct record {
    double wall, user, sys;
    long maxrss, minor, major;
    int status;
};

static void add(struct record *r, double wall, const struct rusage *u)
{
    r->wall += wall;
    r->user += seconds(u->ru_utime);
    r->sys += seconds(u->ru_stime);
    r->minor += u->ru_minflt;
    r->major += u->ru_majflt;
    if (u->ru_maxrss > r->maxrss)
        r->maxrss = u->ru_maxrss;
}

static void write_record(const struct record *r)
{
    FILE *f = options.record ? fopen(options.record, "w") : stderr;
    if (!f)
        die(options.record);
    fprintf(f, "{\"wall\": %.6f, \"user\": %.6f, \"sys\": %.6f, \"maxrss\": %ld, \"minor\": %ld, \"major\": %ld, "
               "\"times\": %u, \"status\": %d}\n",
            r->wall, r->user, r->sys, r->maxrss, r->minor, r->major, options.times, r->status);
    if (fclose(f))
        die(options.record);
}

static unsigned positive(const char *text)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (end == text || *end || n < 1 || n > 1000000) {
        fprintf(stderr, "launch: not a number from 1 to 1000000: %s\n", text);
        exit(125);
    }
    return (unsigned)n;
}

static int parse(int argc, char **argv)
{
    /* '+': the options of the program are not ours */
    for (int c; (c = getopt(argc, argv, "+r:p:o:e:t:n:")) != -1;) {
        switch (c) {
        case 'r': options.record = optarg; break;
        case 'p': options.preload = optarg; break;
        case 'o': options.out = optarg; break;
        case 'e': options.err = optarg; break;
        case 't': options.timeout = positive(optarg); break;
        case 'n': options.times = positive(optarg); break;
        default: exit(125);
        }
    }
    if (optind == argc) {
        fprintf(stderr, "usage: launch [-r RECORD] [-p PRELOAD] [-o STDOUT] [-e STDERR] [-t SECONDS] [-n TIMES] "
                        "PROGRAM [ARGUMENT...]\n");
        exit(125);
    }
    return optind;
}

int main(int argc, char **argv)
{
    char **program = argv + parse(argc, argv);
    struct record r = { 0 };
    if (options.preload)
        setenv("LD_PRELOAD", options.preload, 1);
    static const int ends[] = { SIGALRM, SIGTERM, SIGINT, SIGHUP };
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        signal(ends[i], on_signal);
    alarm(options.timeout);
    for (unsigned i = 0; i < options.times && r.status == 0; i++) {
        struct rusage usage;
        double start = now();
        r.status = run_once(program, environ, &usage);
        add(&r, now() - start, &usage);
    }
    write_record(&r);
    return r.status;
}
