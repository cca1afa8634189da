/* html_source.c: the lines of source around the frames of a page. */
#include "html_stacks.h"

#include <stdlib.h>
#include <string.h>

enum {
    PLACES_MOST = 3000,   /* lines that lines are shown around */
    AROUND = 4,           /* so many before and behind */
    LINE_MOST = 160,      /* bytes of a line; longer ones are cut */
    BYTES_MOST = 1 << 20, /* of all windows together */
};

struct place {
    uint32_t file, line;
};

static bool by_file_then_line(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    return x->file != y->file ? x->file < y->file : x->line < y->line;
}

static size_t find_places(const struct mr_html_stacks *stacks, struct place *places)
{
    size_t count = 0;
    for (uint32_t i = 0; i < stacks->frames.count && count < PLACES_MOST; i++) {
        struct mr_html_frame frame = mr_html_stacks_frame(stacks, i);
        if (frame.file && frame.line)
            places[count++] = (struct place){ frame.file, frame.line };
    }
    mr_sort(places, count, sizeof *places, by_file_then_line);
    return count;
}

/* A file being cut into windows, first line to last: what lies before `at` is line `line` - 1 and earlier. */
struct cutting {
    const char *at, *end;
    uint32_t line;
    size_t room;        /* of BYTES_MOST */
    bool any;
};

static const char *end_of_line(const struct cutting *c)
{
    const char *newline = memchr(c->at, '\n', (size_t)(c->end - c->at));
    return newline ? newline : c->end;
}

static void pass_line(struct cutting *c)
{
    const char *end = end_of_line(c);
    c->at = end < c->end ? end + 1 : end;
    c->line++;
}

/* Lines [first, last] that the file has. Cut lines end where a character does. */
static void put_window(struct cutting *c, uint32_t first, uint32_t last, struct mr_fmt *out)
{
    while (c->line < first && c->at < c->end)
        pass_line(c);
    if (c->at == c->end || c->room < LINE_MOST)
        return;
    mr_fmt_print(out, "%s[%u", c->any ? "," : "", c->line);
    c->any = true;
    for (; c->line <= last && c->at < c->end && c->room >= LINE_MOST; pass_line(c)) {
        size_t len = mr_min((size_t)(end_of_line(c) - c->at), (size_t)LINE_MOST);
        while (len == LINE_MOST && len > 0 && (c->at[len - 1] & 0x80))
            len--;
        mr_fmt_char(out, ',');
        mr_html_text(out, c->at, len);
        c->room -= len;
    }
    mr_fmt_char(out, ']');
}

/* Windows that touch are one. Returns how many places it used up: those of one file. */
static size_t put_file(struct cutting *c, const struct place *places, size_t count, struct mr_fmt *out)
{
    size_t i = 0;
    while (i < count && places[i].file == places[0].file) {
        uint32_t first = places[i].line > AROUND ? places[i].line - AROUND : 1, last = places[i].line + AROUND;
        for (i++; i < count && places[i].file == places[0].file && places[i].line <= last + AROUND + 1; i++)
            last = places[i].line + AROUND;
        put_window(c, first, last, out);
    }
    return i;
}

static void put_files(const struct mr_html_stacks *stacks, const struct mr_report *report, const struct place *places,
                      size_t count, struct mr_fmt *out)
{
    struct cutting c = { .room = BYTES_MOST };
    bool any = false;
    for (size_t i = 0, used; i < count; i += used) {
        size_t len = 0;
        const char *text = report->source(report->source_ctx, mr_intern_key(&stacks->strings, places[i].file), &len);
        c = (struct cutting){ .at = text, .end = text + len, .line = 1, .room = c.room };
        used = 1;
        if (!text)
            continue;
        mr_fmt_print(out, "%s\"%u\":[", any ? "," : "", places[i].file);
        used = put_file(&c, places + i, count - i, out);
        mr_fmt_char(out, ']');
        any = true;
    }
}

void mr_html_source_write(const struct mr_html_stacks *stacks, const struct mr_report *report, struct mr_fmt *out)
{
    struct place *places = report->source ? malloc(PLACES_MOST * sizeof *places) : NULL;
    mr_fmt_print(out, "\"sources\":{");
    if (places)
        put_files(stacks, report, places, find_places(stacks, places), out);
    mr_fmt_char(out, '}');
    free(places);
}
