#include "numbers.h"

void mr_numbers_count(struct mr_fmt *out, int width, uint64_t n)
{
    char text[32];
    struct mr_fmt f = mr_fmt_to_buffer(text, sizeof text);
    mr_fmt_count(&f, n);
    mr_fmt_print(out, "%*s", width, mr_fmt_end_string(&f));
}

void mr_numbers_size(struct mr_fmt *out, int width, uint64_t bytes)
{
    char text[32];
    struct mr_fmt f = mr_fmt_to_buffer(text, sizeof text);
    mr_fmt_size(&f, bytes);
    mr_fmt_print(out, "%*s", width, mr_fmt_end_string(&f));
}

void mr_numbers_noun(struct mr_fmt *out, uint64_t n, const char *noun)
{
    mr_numbers_count(out, 0, n);
    mr_fmt_print(out, " %s%s", noun, n == 1 ? "" : "s");
}

void mr_numbers_duration(struct mr_fmt *out, uint64_t ms)
{
    uint64_t s = ms / 1000, min = s / 60;
    if (ms < 1000)
        mr_fmt_print(out, "%lu ms", ms);
    else if (s < 60)
        mr_fmt_print(out, "%lu.%lu s", s, ms % 1000 / 100);
    else if (min < 60)
        mr_fmt_print(out, "%lu min %lu s", min, s % 60);
    else
        mr_fmt_print(out, "%lu h %lu min", min / 60, min % 60);
}

void mr_numbers_percent(struct mr_fmt *out, int width, uint64_t part, uint64_t whole)
{
    unsigned shift = whole > UINT64_MAX / 1000 ? 10 : 0;
    uint64_t tenths = (part >> shift) * 1000 / (whole >> shift);
    mr_fmt_print(out, "%*lu.%lu %%", width - 4, tenths / 10, tenths % 10);
}

void mr_numbers_text(struct mr_fmt *out, const char *text, size_t len, size_t max)
{
    for (size_t i = 0; i < len && i < max; i++)
        mr_fmt_char(out, (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? '.' : text[i]);
    if (len > max)
        mr_fmt_print(out, "...");
}
