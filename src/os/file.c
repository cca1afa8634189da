/* file.c: files that are memory: made, mapped shared, given room step by step.
 *
 * A mapping stays inaccessible until it is committed: mlockall of the host then does not fault a sparse
 * file in whole, and nobody writes where no room was made sure of. */
#include "os.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int create(const char *path)
{
    return (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, 0600);
}

/* Descriptors 0 to 2 of a program that closed them are not ours to take, not even for a moment. */
static int above_standard(int fd)
{
    if (fd < 0 || fd > 2)
        return fd;
    int above = mr_file_duplicate(fd);
    close(fd);
    return above;
}

int mr_file_create_new(const char *path, size_t bytes, bool *taken, const char **why)
{
    int saved = errno;
    int fd = create(path);
    *taken = fd < 0 && errno == EEXIST;
    *why = fd < 0 ? strerrordesc_np(errno) : NULL;
    fd = above_standard(fd);
    if (fd >= 0 && ftruncate(fd, (off_t)bytes) != 0) {
        *why = strerrordesc_np(errno);
        unlink(path);
        close(fd);
        fd = -1;
    }
    errno = saved;
    return fd;
}

void *mr_file_map(int fd, void *at, size_t bytes)
{
    int saved = errno;
    int flags = MAP_SHARED | MAP_NORESERVE | (at ? MAP_FIXED : 0);
    void *p = (void *)syscall(SYS_mmap, at, bytes, PROT_NONE, flags, fd, (off_t)0);
    errno = saved;
    return p == MAP_FAILED ? NULL : p;
}

/* A full disk is told by the kernel's own write into the page: it fails where a store would be a SIGBUS. (What
 * is written is the signal mask; the page is fresh and is zeroed again. fallocate wants a descriptor.) */
static bool make_page(char *page)
{
    if (syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, page, sizeof(uint64_t)) != 0)
        return false;
    memset(page, 0, sizeof(uint64_t));
    return true;
}

/* Since Linux 5.14 in one call. What that says when it fails differs by version: the pages then tell. */
static bool make_room(char *at, size_t bytes)
{
    if (mr_vm_populate(at, bytes))
        return true;
    for (size_t i = 0; i < bytes; i += mr_os_page)
        if (!make_page(at + i))
            return false;
    return true;
}

bool mr_file_map_open(void *at, size_t bytes)
{
    int saved = errno;
    bool done = syscall(SYS_mprotect, at, bytes, PROT_READ | PROT_WRITE) == 0;
    errno = saved;
    return done;
}

bool mr_file_map_commit(void *at, size_t bytes)
{
    int saved = errno;
    bool done = mr_file_map_open(at, bytes) && make_room(at, bytes);
    if (!done)
        syscall(SYS_mprotect, at, bytes, PROT_NONE);
    errno = saved;
    return done;
}

void mr_file_remove(const char *path)
{
    int saved = errno;
    unlink(path);
    errno = saved;
}

size_t mr_file_link_target(const char *link, char *text, size_t cap)
{
    int saved = errno;
    ssize_t len = readlink(link, text, cap - 1);
    errno = saved;
    text[len > 0 ? len : 0] = '\0';
    return len > 0 ? (size_t)len : 0;
}

int mr_file_open(const char *path, const char **why)
{
    int saved = errno;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    *why = fd < 0 ? strerrordesc_np(errno) : NULL;
    errno = saved;
    return fd;
}

bool mr_file_size(int fd, uint64_t *bytes)
{
    struct stat st;
    int saved = errno;
    bool regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    *bytes = regular ? (uint64_t)st.st_size : 0;
    errno = saved;
    return regular;
}

size_t mr_file_read_at(int fd, void *bytes, size_t n, uint64_t offset)
{
    int saved = errno;
    size_t len = 0;
    while (len < n) {
        ssize_t got = pread(fd, (char *)bytes + len, n - len, (off_t)(offset + len));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        len += (size_t)got;
    }
    errno = saved;
    return len;
}

static bool window(int fd, struct winsize *size)
{
    int saved = errno;
    bool known = ioctl(fd, TIOCGWINSZ, size) == 0;
    errno = saved;
    return known;
}

unsigned mr_file_columns(int fd)
{
    struct winsize size;
    return window(fd, &size) ? size.ws_col : 0;
}

bool mr_file_is_terminal(int fd)
{
    struct winsize size;
    return window(fd, &size);
}
