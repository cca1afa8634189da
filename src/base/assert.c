#include "base.h"

#include <stdlib.h>
#include <unistd.h>

_Noreturn MR_COLD void mr_assert_fail(const char *file, int line, const char *cond, const char *why)
{
    char text[512];
    struct mr_fmt f = mr_fmt_to_buffer(text, sizeof text);
    mr_fmt_print(&f, "memoir: internal error: %s (%s at %s:%d)\n", why, cond, file, line);
    ssize_t ignored = write(2, text, f.len);
    (void)ignored;
    abort();
}
