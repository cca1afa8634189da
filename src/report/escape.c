#include "escape.h"

#include <string.h>

static const char *replacement(const struct mr_escape *table, char c)
{
    for (; table->byte; table++)
        if (table->byte == c)
            return table->with;
    return (unsigned char)c < 0x20 || c == 0x7f ? "?" : NULL;
}

void mr_escape_text(struct mr_fmt *out, const char *text, const struct mr_escape *table)
{
    for (size_t left = strlen(text), n; left > 0; text += n, left -= n) {
        const char *with = replacement(table, *text);
        n = mr_fmt_utf8_length(text, left);
        if (n == 0)
            with = "\xef\xbf\xbd"; /* U+FFFD */
        n = mr_max(n, 1);
        mr_fmt_bytes(out, with ? with : text, with ? strlen(with) : n);
    }
}

void mr_escape_frame(struct mr_fmt *out, const struct mr_report_frame *frame, const struct mr_escape *table)
{
    if (frame->function)
        mr_escape_text(out, frame->function, table);
    else if (frame->module) {
        mr_escape_text(out, mr_frames_base(frame->module), table);
        mr_fmt_print(out, "+0x%lx", frame->offset);
    } else
        mr_fmt_print(out, "0x%lx", frame->address);
}

void mr_escape_uri(struct mr_fmt *out, const char *path)
{
    if (*path == '/')
        mr_fmt_print(out, "file://");
    for (; *path; path++) {
        unsigned char c = (unsigned char)*path;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (plain || strchr("-._~/", c))
            mr_fmt_char(out, (char)c);
        else
            mr_fmt_print(out, "%%%c%c", "0123456789ABCDEF"[c >> 4], "0123456789ABCDEF"[c & 15]);
    }
}
