/* cmd_leaks.c: asks a running process what it has lost. The process finds out itself: it is stopped no longer than a
 * copy of it takes, and its ledger then holds the answer. */
#include "cli.h"
#include "ledger.h"
#include "render.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 60 * 1000, EVERY_MS = 10 };

static bool read_header(const char *path, struct mr_ledger_header *header)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool whole = fd >= 0 && pread(fd, header, sizeof *header, 0) == (ssize_t)sizeof *header;
    if (fd >= 0)
        close(fd);
    return whole && memcmp(header->magic, MR_LEDGER_MAGIC, sizeof header->magic) == 0 &&
           header->version == MR_LEDGER_VERSION;
}

/* The file behind a line of /proc/PID/maps if that is the ledger of the process. */
static bool is_ledger_of(pid_t pid, char *line, struct mr_ledger_header *header, char path[PATH_MAX])
{
    char *name = strchr(line, '/');
    if (!name || !strstr(line, " rw-s "))
        return false;
    name[strcspn(name, "\n")] = '\0';
    snprintf(path, PATH_MAX, "/proc/%ld/root%s", (long)pid, name);
    if (!read_header(path, header))
        snprintf(path, PATH_MAX, "%s", name);
    return read_header(path, header) && header->pid == pid;
}

/* False after one line. */
static bool find_ledger(pid_t pid, struct mr_ledger_header *header, char path[PATH_MAX])
{
    char maps[64], *line = NULL;
    size_t cap = 0;
    bool found = false;
    snprintf(maps, sizeof maps, "/proc/%ld/maps", (long)pid);
    FILE *f = fopen(maps, "re");
    if (!f) {
        mr_cli_say("process %ld: %s", (long)pid, errno == ENOENT ? "there is no such process" : strerror(errno));
        return false;
    }
    while (!found && getline(&line, &cap, f) > 0)
        found = is_ledger_of(pid, line, header, path);
    free(line);
    fclose(f);
    if (!found)
        mr_cli_say("process %ld keeps no ledger: it must be started by memoir run, or with MEMOIR_LEDGER=FILE", (long)pid);
    return found;
}

/* Waits until there was one check more. */
static bool await_check(const char *path, uint32_t before)
{
    struct mr_ledger_header header;
    for (int waited = 0; waited < PATIENCE_MS; waited += EVERY_MS) {
        if (!read_header(path, &header) || header.end != MR_LEDGER_RUNNING || header.checks != before)
            return true;
        nanosleep(&(struct timespec){ .tv_nsec = EVERY_MS * 1000000L }, NULL);
    }
    return false;
}

/* False after one line. */
static bool ask(pid_t pid, const struct mr_ledger_header *header, const char *path)
{
    if (header->request_signal == 0 || header->request_signal > (uint32_t)SIGRTMAX)
        mr_cli_say("process %ld answers to no signal: all were taken when it started", (long)pid);
    else if (kill(pid, (int)header->request_signal) != 0)
        mr_cli_say("process %ld: %s", (long)pid, strerror(errno));
    else if (!await_check(path, header->checks))
        mr_cli_say("process %ld did not answer within %d s: it may block all signals", (long)pid, PATIENCE_MS / 1000);
    else
        return true;
    return false;
}

static int tell(const char *path, struct mr_report_args *args)
{
    char why[512];
    struct mr_reader *ledger = mr_reader_open(path, why, sizeof why);
    if (!ledger) {
        mr_cli_say("%s", why);
        return MR_CODE_FAILED;
    }
    signal(SIGPIPE, SIG_IGN);
    int code = mr_render_ledger(ledger, args, NULL, path, STDOUT_FILENO);
    mr_reader_close(ledger);
    return code;
}

static int check(struct mr_report_args *args)
{
    struct mr_ledger_header header;
    char path[PATH_MAX], *end;
    if (!args->file) {
        mr_cli_say("memoir leaks needs the number of a process");
        return MR_CODE_USAGE;
    }
    long pid = strtol(args->file, &end, 10);
    if (*end != '\0' || pid <= 0) {
        mr_cli_say("memoir leaks %.80s: not the number of a process", args->file);
        return MR_CODE_USAGE;
    }
    if (!find_ledger((pid_t)pid, &header, path) || !ask((pid_t)pid, &header, path))
        return MR_CODE_FAILED;
    args->hide_stats = true;
    return tell(path, args);
}

int mr_cmd_leaks(char **words)
{
    struct mr_report_args args;
    int code = MR_CODE_USAGE;
    if (!mr_report_args_init(&args)) {
        mr_cli_say("out of memory");
        return MR_CODE_FAILED;
    }
    if (mr_report_args_read(&args, words))
        code = args.help ? mr_cmd_help((char *[]){ (char *)"leaks", NULL }) : check(&args);
    mr_report_args_free(&args);
    return code;
}
