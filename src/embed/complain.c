#include "complain.h"

#include <stdlib.h>

#include "os.h"

MR_COLD void mr_complain(const struct mr_complaint *complaint)
{
    char text[400];
    struct mr_fmt f = mr_fmt_to_buffer(text, sizeof text - 1);
    mr_fmt_print(&f, "memoir: %s", complaint->kind);
    if (complaint->name)
        mr_fmt_print(&f, " \"%s\"", complaint->name);
    mr_fmt_print(&f, ": %s", complaint->words);
    if (complaint->pointer)
        mr_fmt_print(&f, " (%p)", complaint->pointer);
    text[f.len++] = '\n';
    mr_file_write(2, text, f.len);
}

_Noreturn MR_COLD void mr_complain_fatally(const struct mr_complaint *complaint)
{
    mr_complain(complaint);
    abort();
}
