#include "progress.h"
#include "os.h"
#include "terminal.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum { AFTER_MS = 1000, EVERY_MS = 100 };

void mr_progress_begin(struct mr_progress *progress)
{
    *progress = (struct mr_progress){ .start_ms = mr_clock_ms(), .wanted = mr_terminal_is(STDERR_FILENO) };
}

/* One write. A line that does not fit would leave its beginning behind. */
void mr_progress_show(struct mr_progress *progress, const char *format, ...)
{
    char line[256];
    uint64_t now = progress->wanted ? mr_clock_ms() : 0;
    if (!progress->wanted || now - progress->start_ms < AFTER_MS || now - progress->shown_ms < EVERY_MS)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    int room = mr_terminal_width(STDERR_FILENO) - (int)sizeof "memoir: ";
    fprintf(stderr, "\rmemoir: %.*s\x1b[K", room > 0 ? room : 0, line);
    progress->shown_ms = now;
    progress->shown = true;
}

void mr_progress_names(void *progress, size_t done, size_t all)
{
    mr_progress_show(progress, "looking up names: %zu of %zu places in the code", done, all);
}

void mr_progress_end(struct mr_progress *progress)
{
    if (progress->shown)
        fprintf(stderr, "\r\x1b[K");
    progress->shown = false;
}
