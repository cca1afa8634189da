/* memcpy.c: the functions that write many bytes at once, for objects whose calls are led here (MEMOIR_CHECK=ranges).
 *
 * Nothing of this is exported: until it is asked for, the program's calls go where they always went. What the
 * compiler makes of a call by itself, and objects that are opened later, are not seen. */
#include "entry.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "os.h"

/* stdio.h itself is for others. */
int vsnprintf(char *to, size_t n, const char *format, va_list args);

/* The checking forms of _FORTIFY_SOURCE; they know a size where the compiler knew one. */
void *__memcpy_chk(void *to, const void *from, size_t n, size_t room);
void *__memmove_chk(void *to, const void *from, size_t n, size_t room);
void *__memset_chk(void *to, int byte, size_t n, size_t room);
char *__strcpy_chk(char *to, const char *from, size_t room);
char *__strncpy_chk(char *to, const char *from, size_t n, size_t room);
char *__strcat_chk(char *to, const char *from, size_t room);
int __vsnprintf_chk(char *to, size_t n, int flag, size_t room, const char *format, va_list args);
ssize_t __read_chk(int fd, void *to, size_t n, size_t room);

/* ---- blocks of memory ------------------------------------------------------------------------------------- */

static void look_at_copy(const char *call, void *to, const void *from, size_t n, const struct mr_unwind_start *caller)
{
    mr_ranges_read(call, from, n, caller);
    mr_ranges_write(call, to, n, caller);
}

static void *checked_memcpy(void *to, const void *from, size_t n)
{
    look_at_copy("memcpy", to, from, n, MR_WATCH_CALLER);
    mr_ranges_apart("memcpy", to, from, n, MR_WATCH_CALLER);
    return memmove(to, from, n);
}

static void *checked_memcpy_chk(void *to, const void *from, size_t n, size_t room)
{
    look_at_copy("memcpy", to, from, n, MR_WATCH_CALLER);
    mr_ranges_apart("memcpy", to, from, n, MR_WATCH_CALLER);
    return __memmove_chk(to, from, n, room);
}

static void *checked_memmove(void *to, const void *from, size_t n)
{
    look_at_copy("memmove", to, from, n, MR_WATCH_CALLER);
    return memmove(to, from, n);
}

static void *checked_memmove_chk(void *to, const void *from, size_t n, size_t room)
{
    look_at_copy("memmove", to, from, n, MR_WATCH_CALLER);
    return __memmove_chk(to, from, n, room);
}

static void *checked_memset(void *to, int byte, size_t n)
{
    mr_ranges_write("memset", to, n, MR_WATCH_CALLER);
    return memset(to, byte, n);
}

static void *checked_memset_chk(void *to, int byte, size_t n, size_t room)
{
    mr_ranges_write("memset", to, n, MR_WATCH_CALLER);
    return __memset_chk(to, byte, n, room);
}

/* ---- strings ------------------------------------------------------------------------------------------------- */

static char *checked_strcpy(char *to, const char *from)
{
    mr_ranges_write("strcpy", to, strlen(from) + 1, MR_WATCH_CALLER);
    return strcpy(to, from);
}

static char *checked_strcpy_chk(char *to, const char *from, size_t room)
{
    mr_ranges_write("strcpy", to, strlen(from) + 1, MR_WATCH_CALLER);
    return __strcpy_chk(to, from, room);
}

static char *checked_strncpy(char *to, const char *from, size_t n)
{
    mr_ranges_write("strncpy", to, n, MR_WATCH_CALLER);
    return strncpy(to, from, n);
}

static char *checked_strncpy_chk(char *to, const char *from, size_t n, size_t room)
{
    mr_ranges_write("strncpy", to, n, MR_WATCH_CALLER);
    return __strncpy_chk(to, from, n, room);
}

static char *checked_strcat(char *to, const char *from)
{
    mr_ranges_write("strcat", to, strlen(to) + strlen(from) + 1, MR_WATCH_CALLER);
    return strcat(to, from);
}

static char *checked_strcat_chk(char *to, const char *from, size_t room)
{
    mr_ranges_write("strcat", to, strlen(to) + strlen(from) + 1, MR_WATCH_CALLER);
    return __strcat_chk(to, from, room);
}

/* ---- what is known only afterwards: the room that is told may be larger than the block, and not be used -------- */

static int look_at_text(const char *call, const char *to, size_t n, int len, const struct mr_unwind_start *caller)
{
    if (n > 0 && len >= 0)
        mr_ranges_write(call, to, mr_min((size_t)len, n - 1) + 1, caller);
    return len;
}

static int checked_vsnprintf(char *to, size_t n, const char *format, va_list args)
{
    return look_at_text("vsnprintf", to, n, vsnprintf(to, n, format, args), MR_WATCH_CALLER);
}

static int checked_vsnprintf_chk(char *to, size_t n, int flag, size_t room, const char *format, va_list args)
{
    return look_at_text("vsnprintf", to, n, __vsnprintf_chk(to, n, flag, room, format, args), MR_WATCH_CALLER);
}

static int checked_snprintf(char *to, size_t n, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(to, n, format, args);
    va_end(args);
    return look_at_text("snprintf", to, n, len, MR_WATCH_CALLER);
}

static int checked_snprintf_chk(char *to, size_t n, int flag, size_t room, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = __vsnprintf_chk(to, n, flag, room, format, args);
    va_end(args);
    return look_at_text("snprintf", to, n, len, MR_WATCH_CALLER);
}

static ssize_t look_at_bytes(const void *to, ssize_t n, const struct mr_unwind_start *caller)
{
    if (n > 0)
        mr_ranges_write("read", to, (size_t)n, caller);
    return n;
}

static ssize_t checked_read(int fd, void *to, size_t n) { return look_at_bytes(to, read(fd, to, n), MR_WATCH_CALLER); }

static ssize_t checked_read_chk(int fd, void *to, size_t n, size_t room)
{
    return look_at_bytes(to, __read_chk(fd, to, n, room), MR_WATCH_CALLER);
}

/* ---- the names ---------------------------------------------------------------------------------------------------- */

void mr_memcpy_begin(void)
{
    static const struct mr_slot slots[] = {
        { "memcpy", checked_memcpy }, { "__memcpy_chk", checked_memcpy_chk },
        { "memmove", checked_memmove }, { "__memmove_chk", checked_memmove_chk },
        { "memset", checked_memset }, { "__memset_chk", checked_memset_chk },
        { "strcpy", checked_strcpy }, { "__strcpy_chk", checked_strcpy_chk },
        { "strncpy", checked_strncpy }, { "__strncpy_chk", checked_strncpy_chk },
        { "strcat", checked_strcat }, { "__strcat_chk", checked_strcat_chk },
        { "snprintf", checked_snprintf }, { "__snprintf_chk", checked_snprintf_chk },
        { "vsnprintf", checked_vsnprintf }, { "__vsnprintf_chk", checked_vsnprintf_chk },
        { "read", checked_read }, { "__read_chk", checked_read_chk },
    };
    if (mr_conf.check & MR_CHECK_RANGES)
        mr_slots_replace(slots, MR_COUNT(slots));
}
