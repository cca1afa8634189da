#include "ledgers.h"
#include "cli.h"
#include "ledger.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define ENDING ".memoir"

enum { KEPT_RUNS = 20 };

/* Room a ledger in memory may need: 64 MiB each, of a few processes. */
static const uint64_t MEMORY_LEAST = 256 << 20;

/* ---- while it runs ------------------------------------------------------------------------------- */

static bool has_room(const char *dir)
{
    struct statvfs fs;
    return statvfs(dir, &fs) == 0 && (uint64_t)fs.f_bavail * fs.f_frsize >= MEMORY_LEAST;
}

/* A '%' in the path would be read as the beginning of %p. */
static const char *temporary_directory(void)
{
    const char *dir = getenv("TMPDIR");
    return dir && *dir == '/' && !strchr(dir, '%') && strlen(dir) < PATH_MAX / 2 ? dir : "/tmp";
}

static bool make_directory(struct mr_ledgers *ledgers, const char *base)
{
    snprintf(ledgers->dir, sizeof ledgers->dir, "%s/memoir-XXXXXX", base);
    return mkdtemp(ledgers->dir) != NULL;
}

bool mr_ledgers_open(struct mr_ledgers *ledgers)
{
    char pattern[PATH_MAX];
    *ledgers = (struct mr_ledgers){ .count = 0 };
    if (!(has_room("/dev/shm") && make_directory(ledgers, "/dev/shm")) && !make_directory(ledgers, temporary_directory()))
        return false;
    snprintf(pattern, sizeof pattern, "%s/%%e.%%p" ENDING, ledgers->dir);
    return setenv("MEMOIR_LEDGER", pattern, 1) == 0;
}

/* ---- names: <executable>.<pid>.memoir[.<number>] ------------------------------------------------------ */

static bool read_name(const char *name, struct mr_ledger_file *file)
{
    const char *ending = NULL;
    for (const char *p = name; (p = strstr(p, ENDING)) != NULL; p++)
        ending = p;
    const char *digits = ending;
    while (digits && digits > name && digits[-1] >= '0' && digits[-1] <= '9')
        digits--;
    if (!ending || digits == ending || digits == name || digits[-1] != '.')
        return false;
    file->pid = (pid_t)strtol(digits, NULL, 10);
    ending += strlen(ENDING);
    file->number = *ending == '.' ? (unsigned)strtoul(ending + 1, NULL, 10) : 0;
    return *ending == '\0' || *ending == '.';
}

static int by_pid(const void *a, const void *b)
{
    const struct mr_ledger_file *x = a, *y = b;
    if (x->pid != y->pid)
        return (x->pid > y->pid) - (x->pid < y->pid);
    if (x->made != y->made)
        return (x->made > y->made) - (x->made < y->made);
    if (x->ended != y->ended)
        return x->ended - y->ended;
    return (x->number > y->number) - (x->number < y->number);
}

/* The file system's clock has a grain, within which a process may become another program. */
static void look_into(struct mr_ledger_file *file)
{
    struct statx st;
    uint32_t end = MR_LEDGER_RUNNING;
    if (statx(AT_FDCWD, file->path, AT_SYMLINK_NOFOLLOW, STATX_BTIME, &st) == 0 && (st.stx_mask & STATX_BTIME))
        file->made = (uint64_t)st.stx_btime.tv_sec * 1000000000 + st.stx_btime.tv_nsec;
    int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && pread(fd, &end, sizeof end, offsetof(struct mr_ledger_header, end)) < 0)
        end = MR_LEDGER_RUNNING;
    if (fd >= 0)
        close(fd);
    file->ended = end != MR_LEDGER_RUNNING;
}

/* A process that became one program after another has a ledger of each: they are numbered in that order. */
static void put_in_order(struct mr_ledgers *ledgers)
{
    qsort(ledgers->files, ledgers->count, sizeof *ledgers->files, by_pid);
    for (size_t i = 0; i < ledgers->count; i++)
        ledgers->files[i].number = i && ledgers->files[i].pid == ledgers->files[i - 1].pid ? ledgers->files[i - 1].number + 1 : 0;
}

static void add(struct mr_ledgers *ledgers, const char *name)
{
    struct mr_ledger_file file;
    if (!read_name(name, &file))
        return;
    void *grown = realloc(ledgers->files, (ledgers->count + 1) * sizeof *ledgers->files);
    if (!grown)
        return;
    ledgers->files = grown;
    file.kept = false;
    file.made = 0;
    snprintf(file.path, sizeof file.path, "%s/%s", ledgers->dir, name);
    look_into(&file);
    ledgers->files[ledgers->count++] = file;
}

void mr_ledgers_gather(struct mr_ledgers *ledgers)
{
    DIR *dir = opendir(ledgers->dir);
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;)
        add(ledgers, entry->d_name);
    if (dir)
        closedir(dir);
    if (ledgers->count)
        put_in_order(ledgers);
}

size_t mr_ledgers_main(const struct mr_ledgers *ledgers, pid_t pid)
{
    size_t found = ledgers->count;
    for (size_t i = 0; i < ledgers->count; i++)
        if (ledgers->files[i].pid == pid)
            found = i;
    return found;
}

/* ---- afterwards --------------------------------------------------------------------------------------- */

static bool copy_extent(int from, int to, off_t at, off_t end)
{
    char buf[65536];
    while (at < end) {
        ssize_t n = pread(from, buf, (size_t)mr_min((off_t)sizeof buf, end - at), at);
        if (n <= 0 || pwrite(to, buf, (size_t)n, at) != n)
            return false;
        at += n;
    }
    return true;
}

static bool copy_extents(int from, int to)
{
    off_t end = lseek(from, 0, SEEK_END), data = 0;
    if (end < 0 || ftruncate(to, end) != 0)
        return false;
    while ((data = lseek(from, data, SEEK_DATA)) >= 0) {
        off_t hole = lseek(from, data, SEEK_HOLE);
        if (hole < 0 || !copy_extent(from, to, data, hole))
            return false;
        data = hole;
    }
    return errno == ENXIO; /* no data behind */
}

bool mr_ledgers_copy(const char *from_path, const char *path)
{
    int from = open(from_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int to = from < 0 ? -1 : open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool done = to >= 0 && copy_extents(from, to);
    int why = errno;
    if (to >= 0)
        done &= close(to) == 0;
    if (to >= 0 && !done)
        unlink(path);
    if (from >= 0)
        close(from);
    errno = why;
    return done;
}

/* $XDG_STATE_HOME/memoir or ~/.local/state/memoir, made if need be. */
static bool state_directory(char dir[PATH_MAX])
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (state && *state == '/')
        snprintf(dir, PATH_MAX, "%.*s/memoir", PATH_MAX - 128, state);
    else if (home && *home == '/')
        snprintf(dir, PATH_MAX, "%.*s/.local/state/memoir", PATH_MAX - 128, home);
    else
        return false;
    for (char *p = dir + 1; *p; p++)
        if (*p == '/') {
            *p = '\0';
            mkdir(dir, 0700);
            *p = '/';
        }
    return mkdir(dir, 0700) == 0 || errno == EEXIST;
}

struct kept {
    char name[256];
    struct timespec when;
};

static int newest_first(const void *a, const void *b)
{
    const struct kept *x = a, *y = b;
    if (x->when.tv_sec != y->when.tv_sec)
        return (x->when.tv_sec < y->when.tv_sec) - (x->when.tv_sec > y->when.tv_sec);
    return (x->when.tv_nsec < y->when.tv_nsec) - (x->when.tv_nsec > y->when.tv_nsec);
}

/* The kept ledgers, newest first; the caller frees *all. */
static size_t list_kept(const char *path, struct kept **all)
{
    size_t n = 0;
    struct stat st;
    struct mr_ledger_file ignored;
    DIR *dir = opendir(path);
    *all = NULL;
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;) {
        if (!read_name(entry->d_name, &ignored) || fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        void *grown = realloc(*all, (n + 1) * sizeof **all);
        if (!grown)
            break;
        *all = grown;
        (*all)[n].when = st.st_mtim;
        snprintf((*all)[n++].name, sizeof(*all)->name, "%s", entry->d_name);
    }
    if (dir)
        closedir(dir);
    if (n)
        qsort(*all, n, sizeof **all, newest_first);
    return n;
}

static void drop_oldest(const char *dir)
{
    struct kept *all;
    char path[PATH_MAX + 260];
    size_t n = list_kept(dir, &all);
    for (size_t i = KEPT_RUNS; i < n; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, all[i].name);
        unlink(path);
    }
    free(all);
}

bool mr_ledgers_keep(struct mr_ledger_file *file)
{
    char dir[PATH_MAX], path[PATH_MAX];
    if (!state_directory(dir))
        return false;
    int len = snprintf(path, sizeof path, "%s/%s", dir, strrchr(file->path, '/') + 1);
    if (len >= PATH_MAX || !mr_ledgers_copy(file->path, path))
        return false;
    unlink(file->path);
    memcpy(file->path, path, sizeof path);
    file->kept = true;
    drop_oldest(dir);
    return true;
}

bool mr_ledgers_find(pid_t pid, char path[PATH_MAX])
{
    char dir[PATH_MAX];
    struct kept *all = NULL;
    struct mr_ledger_file file;
    bool found = false;
    size_t n = state_directory(dir) ? list_kept(dir, &all) : 0;
    for (size_t i = 0; i < n && !found; i++)
        if (read_name(all[i].name, &file) && (pid == 0 || file.pid == pid))
            found = snprintf(path, PATH_MAX, "%s/%s", dir, all[i].name) < PATH_MAX;
    free(all);
    return found;
}

void mr_ledgers_each(void (*use)(void *ctx, const char *path), void *ctx)
{
    char dir[PATH_MAX], path[PATH_MAX + 260];
    struct kept *all = NULL;
    size_t n = state_directory(dir) ? list_kept(dir, &all) : 0;
    for (size_t i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, all[i].name);
        use(ctx, path);
    }
    free(all);
}

bool mr_ledgers_choose(const char *command, const char *word, char path[PATH_MAX])
{
    char *end = NULL;
    long pid = word ? strtol(word, &end, 10) : 0;
    bool is_number = word && *end == '\0' && pid > 0 && access(word, F_OK) != 0;
    if (word && !is_number) {
        snprintf(path, PATH_MAX, "%s", word);
        return true;
    }
    if (mr_ledgers_find((pid_t)pid, path))
        return true;
    if (word)
        mr_cli_say("no ledger of process %ld was kept; memoir %s without a number tells of the last run", pid, command);
    else
        mr_cli_say("no ledger was kept yet: memoir run keeps one of each run, and MEMOIR_LEDGER=FILE makes one");
    return false;
}

/* A process that nobody has waited for has no executable any more. */
bool mr_ledgers_goes_on(const struct mr_ledger_file *file)
{
    char path[64], target[1];
    snprintf(path, sizeof path, "/proc/%ld/exe", (long)file->pid);
    return !file->kept && (readlink(path, target, sizeof target) >= 0 || errno == EACCES || errno == EPERM);
}

void mr_ledgers_close(struct mr_ledgers *ledgers)
{
    for (size_t i = 0; i < ledgers->count; i++)
        if (!ledgers->files[i].kept && !mr_ledgers_goes_on(&ledgers->files[i]))
            unlink(ledgers->files[i].path);
    free(ledgers->files);
    rmdir(ledgers->dir);
    *ledgers = (struct mr_ledgers){ .count = 0 };
}
