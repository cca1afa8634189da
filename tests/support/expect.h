/* expect.h: how the programs under tests/preload/prog state their cases.
 *
 * A case is a function without arguments. main runs all of them, or those named in argv;
 * `--list` prints their names. The first expectation that does not hold prints one line naming
 * program, case and condition on stderr and ends the process with 1. Nothing here allocates,
 * so a case sees only what it does itself. */
#ifndef MR_TESTS_EXPECT_H
#define MR_TESTS_EXPECT_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct expect_case {
    const char *name;
    void (*run)(void);
};

#define EXPECT_UNUSED __attribute__((unused)) static

static const char *expect_current = "start";

#define EXPECT(cond) EXPECT_SAY(cond, "%s", #cond)

/* The same with a sentence of its own, in printf's words. */
#define EXPECT_SAY(cond, ...)                            \
    do {                                                 \
        if (!(cond))                                     \
            expect_fail(__FILE__, __LINE__, __VA_ARGS__); \
    } while (0)

/* The call fails: NULL, and errno is `code`. */
#define EXPECT_FAILS(call, code)                                                              \
    do {                                                                                      \
        errno = 0;                                                                            \
        void *expect_got = (call);                                                            \
        int expect_errno = errno;                                                             \
        EXPECT_SAY(expect_got == NULL, "%s gave a block", #call);                             \
        EXPECT_SAY(expect_errno == (code), "%s: errno %d, not %s", #call, expect_errno, #code); \
    } while (0)

/* Leaves the case: this machine or this allocator has no such thing. Never for what memoir promises. */
#define SKIP(why)              \
    do {                       \
        expect_note("skipped", why); \
        return;                \
    } while (0)

EXPECT_UNUSED void expect_write(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, text, len);
        if (n <= 0)
            return;
        text += n;
        len -= (size_t)n;
    }
}

__attribute__((noreturn, format(printf, 3, 4), unused))
static void expect_fail(const char *file, int line, const char *format, ...)
{
    char text[512];
    const char *base = strrchr(file, '/');
    int n = snprintf(text, sizeof text, "%s:%d: %s: ", base ? base + 1 : file, line, expect_current);
    __builtin_va_list args;
    __builtin_va_start(args, format);
    n += vsnprintf(text + n, sizeof text - (size_t)n - 1, format, args);
    __builtin_va_end(args);
    n = n > (int)sizeof text - 2 ? (int)sizeof text - 2 : n;
    text[n++] = '\n';
    expect_write(2, text, (size_t)n);
    _exit(1);
}

EXPECT_UNUSED void expect_note(const char *what, const char *why)
{
    char text[256];
    int n = snprintf(text, sizeof text, "%s: %s: %s\n", expect_current, what, why);
    expect_write(1, text, (size_t)n);
}

/* Whether memoir is preloaded, as against the C library or another allocator. */
EXPECT_UNUSED bool expect_memoir(void)
{
    const char *preload = getenv("LD_PRELOAD");
    return preload && strstr(preload, "libmemoir");
}

/* The call cannot be seen through by the compiler: it does not know this is the same pointer. */
EXPECT_UNUSED void *expect_opaque(void *p)
{
    __asm__ volatile("" : "+r"(p) : : "memory");
    return p;
}

/* A small generator of its own (xorshift64*), so that a seed means the same run everywhere. */
EXPECT_UNUSED uint64_t expect_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1dull;
}

/* Bytes that depend on `seed` and position; checked by expect_filled. */
EXPECT_UNUSED void expect_fill(void *block, size_t size, uint64_t seed)
{
    unsigned char *p = (unsigned char *)block;
    for (size_t i = 0; i < size; i++)
        p[i] = (unsigned char)(seed * 31 + i * 7 + (i >> 8));
}

EXPECT_UNUSED bool expect_filled(const void *block, size_t size, uint64_t seed)
{
    const unsigned char *p = (const unsigned char *)block;
    for (size_t i = 0; i < size; i++)
        if (p[i] != (unsigned char)(seed * 31 + i * 7 + (i >> 8)))
            return false;
    return true;
}

EXPECT_UNUSED bool expect_zeroed(const void *block, size_t size)
{
    const unsigned char *p = (const unsigned char *)block;
    return size == 0 || (p[0] == 0 && memcmp(p, p + 1, size - 1) == 0);
}

/* Resident memory of this process in KiB. Reads /proc by system calls alone. */
#include <fcntl.h>
EXPECT_UNUSED long expect_rss_kib(void)
{
    char text[128] = { 0 };
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    long n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    close(fd);
    char *second = n > 0 ? strchr(text, ' ') : NULL;
    return second ? strtol(second, NULL, 10) * (sysconf(_SC_PAGESIZE) / 1024) : 0;
}

EXPECT_UNUSED bool expect_wanted(const char *name, int argc, char **argv)
{
    bool wanted = argc < 2;
    for (int i = 1; i < argc; i++)
        wanted |= strcmp(argv[i], name) == 0;
    return wanted;
}

#ifndef EXPECT_BEFORE_CASE
#define EXPECT_BEFORE_CASE() ((void)0)
#endif

EXPECT_UNUSED int expect_run(const struct expect_case *cases, size_t count, int argc, char **argv)
{
    bool list = argc == 2 && strcmp(argv[1], "--list") == 0;
    size_t done = 0;
    for (size_t i = 0; i < count; i++) {
        if (!list && !expect_wanted(cases[i].name, argc, argv))
            continue;
        done++;
        expect_current = cases[i].name;
        if (list) {
            expect_write(1, cases[i].name, strlen(cases[i].name));
            expect_write(1, "\n", 1);
        } else {
            EXPECT_BEFORE_CASE();
            cases[i].run();
        }
    }
    expect_current = "end";
    EXPECT_SAY(done > 0, "no such case");
    return 0;
}

#define CASE(name) { #name, name }
#define EXPECT_MAIN(...)                                                                  \
    static const struct expect_case expect_cases[] = { __VA_ARGS__ };                     \
    int main(int argc, char **argv)                                                       \
    {                                                                                     \
        return expect_run(expect_cases, sizeof expect_cases / sizeof expect_cases[0], argc, argv); \
    }

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
