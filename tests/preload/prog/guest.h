/* guest.h: what the guest programs share beside expect.h: marked blocks, and looks into /proc that
 * do not allocate.
 *
 * A marked block carries bytes derived from its own address, so a block handed out twice, or
 * written by somebody else, is seen when it is checked. */
#ifndef GUEST_H
#define GUEST_H

#include "expect.h"

#include <fcntl.h>
#include <signal.h>
#include <time.h>

#define GUEST_UNUSED __attribute__((unused))

static inline unsigned char guest_mark_of(const void *p)
{
    uintptr_t a = (uintptr_t)p >> 4;
    return (unsigned char)(a ^ a >> 8 ^ a >> 16 ^ 0x5a);
}

GUEST_UNUSED static void *guest_mark(void *p, size_t n)
{
    return memset(p, guest_mark_of(p), n);
}

GUEST_UNUSED static void *guest_new(size_t n)
{
    void *p = malloc(n);
    EXPECT(p != NULL);
    return guest_mark(p, n);
}

GUEST_UNUSED static bool guest_intact(const void *p, size_t n)
{
    const unsigned char *at = p;
    for (size_t i = 0; i < n; i++)
        if (at[i] != guest_mark_of(p))
            return false;
    return true;
}

GUEST_UNUSED static void guest_drop(void *p, size_t n)
{
    EXPECT(guest_intact(p, n));
    free(p);
}

/* Blocks of many sizes, from 1 byte to 1 MiB, taken, checked and given back. */
GUEST_UNUSED static void guest_exercise(unsigned rounds)
{
    static const size_t sizes[] = { 1, 16, 24, 100, 500, 1024, 4000, 9000, 40000, 70000, 200000, 1 << 20 };
    enum { COUNT = sizeof sizes / sizeof sizes[0] };
    for (unsigned r = 0; r < rounds; r++) {
        void *blocks[COUNT];
        for (int i = 0; i < COUNT; i++)
            blocks[i] = guest_new(sizes[i]);
        for (int i = 0; i < COUNT; i++)
            guest_drop(blocks[i], sizes[i]);
    }
}

/* All of a /proc file, into a buffer of the caller's; NUL-terminated, cut at cap - 1. */
GUEST_UNUSED static size_t guest_read(const char *path, char *buf, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    EXPECT(fd >= 0);
    size_t len = 0;
    ssize_t n;
    while (len < cap - 1 && (n = read(fd, buf + len, cap - 1 - len)) > 0)
        len += (size_t)n;
    close(fd);
    buf[len] = '\0';
    return len;
}

/* A "Key:   value kB" line of /proc/self/status, as a number. */
GUEST_UNUSED static long guest_status(const char *key)
{
    char text[8192];
    guest_read("/proc/self/status", text, sizeof text);
    char *at = strstr(text, key);
    EXPECT(at != NULL);
    return strtol(strchr(at, ':') + 1, NULL, 10);
}

GUEST_UNUSED static double guest_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

GUEST_UNUSED static void guest_sleep_ms(long ms)
{
    struct timespec left = { ms / 1000, ms % 1000 * 1000000 };
    while (nanosleep(&left, &left) < 0 && errno == EINTR)
        ;
}

#endif
