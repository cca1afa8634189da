#include "living.h"
#include "cli.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- what a ledger says, without reading all of it ----------------------------------------------------- */

bool mr_living_header(int fd, struct mr_ledger_header *header)
{
    if (pread(fd, header, sizeof *header, 0) != (ssize_t)sizeof *header ||
        memcmp(header->magic, MR_LEDGER_MAGIC, sizeof header->magic) != 0 || header->version != MR_LEDGER_VERSION)
        return false;
    mr_reader_end_texts(header);
    return true;
}

bool mr_living_total(int fd, const struct mr_ledger_header *header, struct mr_sum *sum)
{
    const struct mr_ledger_section *lanes = &header->sections[MR_SECTION_LANES];
    struct mr_ledger_lane lane;
    size_t head = offsetof(struct mr_ledger_lane, deltas);
    *sum = (struct mr_sum){ 0 };
    if (lanes->entry_bytes != sizeof lane || lanes->count > MR_LANES)
        return false;
    for (uint64_t i = 0; i < lanes->count; i++) {
        if (pread(fd, &lane, head, (off_t)(lanes->offset + i * sizeof lane)) != (ssize_t)head)
            return false;
        struct mr_sum one = mr_sum_lanes(&lane, 1);
        sum->allocs += one.allocs;
        sum->frees += one.frees;
        sum->alloc_bytes += one.alloc_bytes;
        sum->freed_bytes += one.freed_bytes;
    }
    return true;
}

bool mr_living_moment(int fd, const struct mr_ledger_header *header, struct mr_ledger_moment *moment)
{
    const struct mr_ledger_section *timeline = &header->sections[MR_SECTION_TIMELINE];
    return timeline->entry_bytes == sizeof *moment && timeline->count > 0 && timeline->count <= timeline->capacity &&
           pread(fd, moment, sizeof *moment, (off_t)(timeline->offset + (timeline->count - 1) * sizeof *moment)) ==
               (ssize_t)sizeof *moment;
}

uint64_t mr_living_resident(pid_t pid)
{
    char path[64];
    unsigned long pages = 0;
    snprintf(path, sizeof path, "/proc/%ld/statm", (long)pid);
    FILE *f = fopen(path, "re");
    if (f && fscanf(f, "%*u %lu", &pages) != 1)
        pages = 0;
    if (f)
        fclose(f);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* ---- which file it is ---------------------------------------------------------------------------------- */

/* The number the process has for itself: the last one of NSpid. */
static pid_t own_number(pid_t pid)
{
    char path[64], *line = NULL, *last = NULL;
    size_t cap = 0;
    snprintf(path, sizeof path, "/proc/%ld/status", (long)pid);
    FILE *f = fopen(path, "re");
    while (f && !last && getline(&line, &cap, f) > 0)
        if (strncmp(line, "NSpid:", 6) == 0)
            last = strrchr(line, '\t');
    pid_t own = last ? (pid_t)strtol(last, NULL, 10) : pid;
    free(line);
    if (f)
        fclose(f);
    return own;
}

static bool is_its_ledger(struct mr_living *living)
{
    living->fd = open(living->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (living->fd >= 0 && mr_living_header(living->fd, &living->header) && living->header.pid == own_number(living->pid))
        return true;
    if (living->fd >= 0)
        close(living->fd);
    living->fd = -1;
    return false;
}

/* A line of maps may name the ledger: as the process sees the path, as we do, or by the mapping itself, which lasts when
 * the file was removed (and which only root may follow). */
static bool open_mapping(struct mr_living *living, char *line)
{
    static const char *const removed = " (deleted)";
    char *name = strchr(line, '/'), range[64];
    if (!name || !strstr(line, " rw-s "))
        return false;
    name[strcspn(name, "\n")] = '\0';
    size_t len = strlen(name), tail = strlen(removed);
    snprintf(range, sizeof range, "%.*s", (int)strcspn(line, " "), line);
    if (len < tail || strcmp(name + len - tail, removed) != 0) {
        snprintf(living->path, PATH_MAX, "/proc/%ld/root%s", (long)living->pid, name);
        if (is_its_ledger(living)) {
            snprintf(living->path, PATH_MAX, "%s", name);
            return true;
        }
        snprintf(living->path, PATH_MAX, "%s", name);
        return is_its_ledger(living);
    }
    snprintf(living->path, PATH_MAX, "/proc/%ld/map_files/%s", (long)living->pid, range);
    return is_its_ledger(living);
}

int mr_living_open(pid_t pid, struct mr_living *living)
{
    char maps[64], *line = NULL;
    size_t cap = 0;
    bool found = false;
    living->pid = pid;
    living->fd = -1;
    snprintf(maps, sizeof maps, "/proc/%ld/maps", (long)pid);
    FILE *f = fopen(maps, "re");
    if (!f)
        return errno;
    while (!found && getline(&line, &cap, f) > 0)
        found = open_mapping(living, line);
    free(line);
    fclose(f);
    return found ? 0 : ENODATA;
}

void mr_living_close(struct mr_living *living)
{
    if (living->fd >= 0)
        close(living->fd);
    living->fd = -1;
}

void mr_living_complain(pid_t pid, int why)
{
    if (why == ENODATA)
        mr_cli_say("process %ld keeps no ledger: it must be started by memoir run, or with MEMOIR_LEDGER=FILE", (long)pid);
    else
        mr_cli_say("process %ld: %s", (long)pid, why == ENOENT ? "there is no such process" : strerror(why));
}

/* ---- all of them --------------------------------------------------------------------------------------- */

static int is_number(const struct dirent *entry) { return entry->d_name[0] >= '1' && entry->d_name[0] <= '9'; }

static int by_number(const struct dirent **a, const struct dirent **b)
{
    long x = strtol((*a)->d_name, NULL, 10), y = strtol((*b)->d_name, NULL, 10);
    return (x > y) - (x < y);
}

void mr_living_each(void (*use)(void *ctx, struct mr_living *living), void *ctx)
{
    struct dirent **entries;
    int count = scandir("/proc", &entries, is_number, by_number);
    for (int i = 0; i < count; i++) {
        struct mr_living living;
        if (mr_living_open((pid_t)strtol(entries[i]->d_name, NULL, 10), &living) == 0) {
            use(ctx, &living);
            mr_living_close(&living);
        }
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}
