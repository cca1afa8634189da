/* suppress_read.c: two syntaxes, line by line. */
#include "suppress_list.h"

#include <string.h>

struct word {
    const char *text;
    size_t len;
};

/* Where a text is being read. A block is put together in `block`. */
struct reading {
    struct mr_suppress *list;
    const char *where;
    unsigned line, opened; /* opened: line of the block's brace */
    enum { OUTSIDE, WANTS_NAME, WANTS_KIND, IN_BLOCK, IN_OTHERS } at;
    struct mr_suppression block;
    mr_suppress_complaint *complain;
    void *ctx;
    bool good;
};

static void complain(struct reading *r, const char *what)
{
    r->complain(r->ctx, r->where, r->line, what);
    r->good = false;
}

static bool is(struct word word, const char *text)
{
    return word.len == strlen(text) && memcmp(word.text, text, word.len) == 0;
}

static bool starts(struct word *word, const char *prefix)
{
    size_t len = strlen(prefix);
    if (word->len < len || memcmp(word->text, prefix, len) != 0)
        return false;
    word->text += len;
    word->len -= len;
    return true;
}

static struct word trim(struct word word)
{
    while (word.len && strchr(" \t\r", word.text[0])) {
        word.text++;
        word.len--;
    }
    while (word.len && strchr(" \t\r", word.text[word.len - 1]))
        word.len--;
    return word;
}

static void add_anywhere(struct reading *r, struct word pattern)
{
    struct mr_suppression s = { .where = r->where, .kinds = MR_SUPPRESS_ALL_KINDS };
    if (pattern.len == 0) {
        complain(r, "leak: has no pattern behind it; leak:* would suppress everything");
        return;
    }
    s.name = mr_suppress_copy(pattern.text, pattern.len);
    s.anywhere = mr_suppress_copy(pattern.text, pattern.len);
    if (!s.anywhere)
        mr_suppress_release(&s);
    if (!mr_suppress_keep(r->list, &s))
        complain(r, "no memory for it");
}

static void read_outside(struct reading *r, struct word word)
{
    if (is(word, "{")) {
        r->block = (struct mr_suppression){ .where = r->where, .kinds = MR_SUPPRESS_ALL_KINDS };
        r->opened = r->line;
        r->at = WANTS_NAME;
    } else if (starts(&word, "leak:")) {
        add_anywhere(r, trim(word));
    } else {
        complain(r, "neither leak:PATTERN nor the { of a block as Valgrind writes it");
    }
}

/* "Memcheck,Addrcheck:Leak": which tools, which of their errors. Those of others are passed over. */
static void read_kind(struct reading *r, struct word word)
{
    const char *colon = memchr(word.text, ':', word.len);
    if (!colon) {
        complain(r, "the second line of a block says the kind: Memcheck:Leak");
        r->at = IN_OTHERS;
        return;
    }
    struct word kind = { colon + 1, word.len - (size_t)(colon + 1 - word.text) };
    word.len = (size_t)(colon - word.text);
    r->at = is(kind, "Leak") && memmem(word.text, word.len, "Memcheck", 8) ? IN_BLOCK : IN_OTHERS;
}

static void read_leak_kinds(struct reading *r, struct word rest)
{
    static const struct {
        const char *word;
        unsigned kinds;
    } known[] = {
        { "definite", 1u << MR_SITE_DEFINITELY_LOST }, { "indirect", 1u << MR_SITE_INDIRECTLY_LOST },
        { "possible", 1u << MR_SITE_POSSIBLY_LOST },   { "reachable", 1u << MR_SITE_STILL_REACHABLE },
        { "all", MR_SUPPRESS_ALL_KINDS },                          { "none", 0 },
    };
    r->block.kinds = 0;
    while (rest.len) {
        const char *comma = memchr(rest.text, ',', rest.len);
        size_t len = comma ? (size_t)(comma - rest.text) : rest.len, i = 0;
        struct word word = trim((struct word){ rest.text, len });
        while (i < MR_COUNT(known) && !is(word, known[i].word))
            i++;
        if (i == MR_COUNT(known)) {
            complain(r, "match-leak-kinds: knows definite, indirect, possible, reachable, all and none");
            return;
        }
        r->block.kinds |= known[i].kinds;
        len += comma != NULL;
        rest.text += len;
        rest.len -= len;
    }
}

static void add_frame(struct reading *r, int what, struct word pattern)
{
    if (!mr_suppress_add_frame(&r->block, what, pattern.text, pattern.len))
        complain(r, "no memory for it");
}

/* A block of another tool's errors ends here too, and leaves nothing. */
static void end_block(struct reading *r)
{
    const char *wrong = NULL;
    if (r->at == IN_BLOCK)
        wrong = r->block.frame_count ? NULL : "a block without fun:, obj: or src: fits nothing";
    else if (r->at != IN_OTHERS)
        wrong = "a block needs a name, a kind (Memcheck:Leak) and the frames it is for";
    if (wrong)
        complain(r, wrong);
    if (r->at != IN_BLOCK || wrong)
        mr_suppress_release(&r->block);
    else if (!mr_suppress_keep(r->list, &r->block))
        complain(r, "no memory for it");
    r->at = OUTSIDE;
}

static void read_frame(struct reading *r, struct word word)
{
    if (starts(&word, "match-leak-kinds:"))
        read_leak_kinds(r, word);
    else if (starts(&word, "fun:"))
        add_frame(r, MR_SUPPRESS_FUNCTION, word);
    else if (starts(&word, "obj:"))
        add_frame(r, MR_SUPPRESS_OBJECT, word);
    else if (starts(&word, "src:"))
        add_frame(r, MR_SUPPRESS_SOURCE, word);
    else if (is(word, "..."))
        add_frame(r, MR_SUPPRESS_ANY_FRAMES, word);
    else
        complain(r, "a frame is fun:NAME, obj:FILE, src:FILE:LINE or ...");
}

static void read_line(struct reading *r, struct word word)
{
    if (word.len == 0 || word.text[0] == '#')
        return;
    if (r->at == OUTSIDE)
        read_outside(r, word);
    else if (is(word, "}"))
        end_block(r);
    else if (is(word, "{"))
        complain(r, "a { inside of a block: the } of the one before is missing");
    else if (r->at == WANTS_NAME) {
        r->block.name = mr_suppress_copy(word.text, word.len);
        r->at = WANTS_KIND;
    } else if (r->at == WANTS_KIND)
        read_kind(r, word);
    else if (r->at == IN_BLOCK)
        read_frame(r, word);
}

bool mr_suppress_read(struct mr_suppress *list, const char *where, const char *text, size_t len,
                      mr_suppress_complaint *say, void *ctx)
{
    struct reading r = { .list = list, .where = where, .complain = say, .ctx = ctx, .good = true };
    for (const char *end = text + len; text < end;) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        size_t line = newline ? (size_t)(newline - text) : (size_t)(end - text);
        r.line++;
        if (memchr(text, '\0', line))
            complain(&r, "a zero byte: this is no text");
        else
            read_line(&r, trim((struct word){ text, line }));
        text += line + (newline != NULL);
    }
    if (r.at != OUTSIDE) {
        r.line = r.opened;
        complain(&r, "the } of the block that begins here is missing");
        mr_suppress_release(&r.block);
    }
    return r.good;
}
