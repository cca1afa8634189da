#include "os.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static uint64_t read_clock(clockid_t clock, uint64_t per_second)
{
    struct timespec t = { 0 };
    int saved = errno;
    clock_gettime(clock, &t);
    errno = saved;
    return (uint64_t)t.tv_sec * per_second + (uint64_t)t.tv_nsec / (1000000000u / per_second);
}

uint64_t mr_clock_ms(void) { return read_clock(CLOCK_MONOTONIC_COARSE, 1000); }
uint64_t mr_clock_wall(void) { return read_clock(CLOCK_REALTIME_COARSE, 1); }

int64_t mr_process_id(void) { return getpid(); }

bool mr_process_is_secure(void)
{
    int saved = errno;
    bool secure = getauxval(AT_SECURE) != 0;
    errno = saved;
    return secure;
}

size_t mr_file_read_all(const char *path, char *buf, size_t cap)
{
    int saved = errno;
    size_t len = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && len < cap) {
        ssize_t n = read(fd, buf + len, cap - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        len += (size_t)n;
    }
    if (fd >= 0)
        close(fd);
    errno = saved;
    return len;
}

static uint64_t number_after(const char *text, size_t len, const char *label)
{
    const char *p = memmem(text, len, label, strlen(label));
    if (!p)
        return 0;
    uint64_t n = 0;
    for (p += strlen(label); p < text + len && (*p == ' ' || *p == '\t' || (*p >= '0' && *p <= '9')); p++)
        if (*p >= '0' && *p <= '9')
            n = n * 10 + (uint64_t)(*p - '0');
    return n;
}

size_t mr_process_resident(void)
{
    char text[4096];
    size_t len = mr_file_read_all("/proc/self/status", text, sizeof text);
    return number_after(text, len, "VmRSS:") * MR_KIB;
}

bool mr_process_data_is_limited(void)
{
    struct rlimit limit;
    int saved = errno;
    bool known = syscall(SYS_prlimit64, 0, RLIMIT_DATA, NULL, &limit) == 0;
    errno = saved;
    return known && limit.rlim_cur != RLIM_INFINITY;
}

bool mr_process_has_threads(void)
{
    char text[4096];
    size_t len = mr_file_read_all("/proc/self/status", text, sizeof text);
    return number_after(text, len, "Threads:") > 1;
}

void mr_process_command(char *text, size_t cap)
{
    size_t len = mr_file_read_all("/proc/self/cmdline", text, cap - 1);
    while (len > 0 && text[len - 1] == '\0')
        len--;
    for (size_t i = 0; i < len; i++)
        if (text[i] == '\0' || text[i] == '\n')
            text[i] = ' ';
    text[len] = '\0';
}

void mr_process_name(char *text, size_t cap)
{
    char path[4096];
    int saved = errno;
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
    errno = saved;
    path[len > 0 ? len : 0] = '\0';
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    size_t n = mr_min(strlen(name), cap - 1);
    memcpy(text, name, n);
    text[n] = '\0';
}

enum { FIRST_PRIVATE_FD = 100 };

int mr_file_duplicate(int fd)
{
    int saved = errno;
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_PRIVATE_FD);
    if (copy < 0)
        copy = fcntl(fd, F_DUPFD_CLOEXEC, 3); /* a low limit on descriptors */
    errno = saved;
    return copy;
}

int mr_file_create(const char *path, const char **why)
{
    int saved = errno;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);
    if (why)
        *why = fd < 0 ? strerrordesc_np(errno) : NULL;
    if (fd >= 0 && fd <= 2) {
        int above = mr_file_duplicate(fd);
        close(fd);
        fd = above;
    }
    errno = saved;
    return fd;
}

void mr_file_close(int fd)
{
    int saved = errno;
    close(fd);
    errno = saved;
}

bool mr_file_write(int fd, const void *bytes, size_t n)
{
    int saved = errno;
    const char *p = bytes;
    while (n > 0) {
        ssize_t put = write(fd, p, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            break;
        p += put;
        n -= (size_t)put;
    }
    errno = saved;
    return n == 0;
}

struct mr_file_id mr_file_identify(int fd)
{
    struct stat st;
    int saved = errno;
    bool open_now = fstat(fd, &st) == 0;
    errno = saved;
    return open_now ? (struct mr_file_id){ st.st_dev, st.st_ino } : (struct mr_file_id){ 0, 0 };
}
