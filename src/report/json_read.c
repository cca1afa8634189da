#include "json_read.h"
#include "intern.h"

#include <stdlib.h>
#include <string.h>

#define DEEPEST 64

struct mr_json_read mr_json_read_begin(const char *bytes, size_t len)
{
    return (struct mr_json_read){ .at = bytes, .end = bytes + len };
}

void mr_json_read_free(struct mr_json_read *r)
{
    free(r->text);
}

bool mr_json_read_fail(struct mr_json_read *r, const char *why)
{
    if (!r->why)
        r->why = why;
    return false;
}

/* The next character that is no blank, or 0 at the end. */
static char peek(struct mr_json_read *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'))
        r->at++;
    return r->at < r->end && !r->why ? *r->at : '\0';
}

static bool take(struct mr_json_read *r, char c)
{
    if (peek(r) != c)
        return false;
    r->at++;
    return true;
}

static bool take_word(struct mr_json_read *r, const char *word)
{
    size_t len = strlen(word);
    if (peek(r) != *word || (size_t)(r->end - r->at) < len || memcmp(r->at, word, len) != 0)
        return false;
    r->at += len;
    return true;
}

/* --- strings -------------------------------------------------------------------------------------------- */

static void put(struct mr_json_read *r, unsigned char c)
{
    r->text = mr_intern_grow(r->text, &r->text_cap, r->text_len + 2, 1);
    r->text[r->text_len++] = (char)c;
    r->text[r->text_len] = '\0';
}

static void put_utf8(struct mr_json_read *r, uint32_t code)
{
    if (code < 0x100) {
        put(r, (unsigned char)code);
        return;
    }
    if (code >= 0x10000) {
        put(r, (unsigned char)(0xf0 | code >> 18));
        put(r, (unsigned char)(0x80 | (code >> 12 & 0x3f)));
    } else if (code >= 0x800)
        put(r, (unsigned char)(0xe0 | code >> 12));
    put(r, (unsigned char)(code < 0x800 ? 0xc0 | code >> 6 : 0x80 | (code >> 6 & 0x3f)));
    put(r, (unsigned char)(0x80 | (code & 0x3f)));
}

static bool read_hex(struct mr_json_read *r, uint32_t *code)
{
    *code = 0;
    for (int i = 0; i < 4; i++, r->at++) {
        const char *digits = "0123456789abcdef";
        const char *digit = r->at < r->end && *r->at ? strchr(digits, *r->at | (*r->at > '9' ? 0x20 : 0)) : NULL;
        if (!digit)
            return mr_json_read_fail(r, "a \\u without four hexadecimal digits");
        *code = *code << 4 | (uint32_t)(digit - digits);
    }
    return true;
}

/* Behind "\u". A character past U+FFFF is written as a pair of surrogates. */
static bool read_unicode(struct mr_json_read *r)
{
    uint32_t code, low;
    if (!read_hex(r, &code))
        return false;
    if (code >= 0xd800 && code < 0xdc00 && r->end - r->at > 2 && r->at[0] == '\\' && r->at[1] == 'u') {
        r->at += 2;
        if (!read_hex(r, &low))
            return false;
        code = 0x10000 + ((code - 0xd800) << 10) + ((low - 0xdc00) & 0x3ff);
    }
    if (code == 0)
        return mr_json_read_fail(r, "a string with a zero in it");
    put_utf8(r, code);
    return true;
}

static bool read_escape(struct mr_json_read *r)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    char c = r->at < r->end ? *r->at++ : '\0';
    if (c == 'u')
        return read_unicode(r);
    const char *name = c ? strchr(names, c) : NULL;
    if (!name)
        return mr_json_read_fail(r, "an unknown escape in a string");
    put(r, (unsigned char)values[name - names]);
    return true;
}

bool mr_json_read_text(struct mr_json_read *r)
{
    if (!take(r, '"'))
        return mr_json_read_fail(r, "a string is missing");
    put(r, '\0');
    r->text_len = 0;
    while (r->at < r->end && *r->at != '"') {
        char c = *r->at++;
        if (c == '\\' && !read_escape(r))
            return false;
        if ((unsigned char)c < 0x20)
            return mr_json_read_fail(r, "a control character in a string");
        if (c != '\\')
            put(r, (unsigned char)c);
    }
    return take(r, '"') || mr_json_read_fail(r, "a string without an end");
}

/* --- other values ------------------------------------------------------------------------------------------- */

static bool is_digit(const struct mr_json_read *r)
{
    return r->at < r->end && *r->at >= '0' && *r->at <= '9';
}

bool mr_json_read_number(struct mr_json_read *r, uint64_t *n)
{
    peek(r);
    if (!is_digit(r) || r->why)
        return mr_json_read_fail(r, "a whole number is missing");
    for (*n = 0; is_digit(r); r->at++)
        if (__builtin_mul_overflow(*n, 10, n) || __builtin_add_overflow(*n, (uint64_t)(*r->at - '0'), n))
            return mr_json_read_fail(r, "a number past 64 bits");
    return true;
}

bool mr_json_read_bool(struct mr_json_read *r, bool *value)
{
    *value = take_word(r, "true");
    return *value || take_word(r, "false") || mr_json_read_fail(r, "true or false is missing");
}

static bool skip_number(struct mr_json_read *r)
{
    const char *begin = r->at;
    while (is_digit(r) || (r->at < r->end && *r->at && strchr("+-.eE", *r->at)))
        r->at++;
    return r->at > begin || mr_json_read_fail(r, "no value where one belongs");
}

static bool skip_member(void *ctx, struct mr_json_read *r, const char *key)
{
    (void)ctx;
    (void)key;
    return mr_json_read_skip(r);
}

static bool skip_item(void *ctx, struct mr_json_read *r)
{
    (void)ctx;
    return mr_json_read_skip(r);
}

bool mr_json_read_skip(struct mr_json_read *r)
{
    switch (peek(r)) {
    case '{':
        return mr_json_read_object(r, skip_member, NULL);
    case '[':
        return mr_json_read_array(r, skip_item, NULL);
    case '"':
        return mr_json_read_text(r);
    default:
        return take_word(r, "true") || take_word(r, "false") || take_word(r, "null") || skip_number(r);
    }
}

/* --- containers ------------------------------------------------------------------------------------------------ */

static bool enter(struct mr_json_read *r, char bracket, const char *missing)
{
    if (!take(r, bracket))
        return mr_json_read_fail(r, missing);
    return ++r->depth <= DEEPEST || mr_json_read_fail(r, "too deep");
}

static bool leave(struct mr_json_read *r, char bracket)
{
    r->depth--;
    return take(r, bracket) || mr_json_read_fail(r, "a comma or a closing bracket is missing");
}

static bool read_member(struct mr_json_read *r, mr_json_read_member *member, void *ctx)
{
    char key[64];
    if (!mr_json_read_text(r))
        return false;
    struct mr_fmt f = mr_fmt_to_buffer(key, sizeof key);
    mr_fmt_bytes(&f, r->text, r->text_len);
    mr_fmt_end_string(&f);
    if (!take(r, ':'))
        return mr_json_read_fail(r, "a colon is missing");
    return member(ctx, r, key) && !r->why;
}

bool mr_json_read_object(struct mr_json_read *r, mr_json_read_member *member, void *ctx)
{
    if (!enter(r, '{', "an object is missing"))
        return false;
    if (peek(r) != '}')
        do
            if (!read_member(r, member, ctx))
                return false;
        while (take(r, ','));
    return leave(r, '}');
}

bool mr_json_read_array(struct mr_json_read *r, mr_json_read_item *item, void *ctx)
{
    if (!enter(r, '[', "an array is missing"))
        return false;
    if (peek(r) != ']')
        do
            if (!item(ctx, r) || r->why)
                return false;
        while (take(r, ','));
    return leave(r, ']');
}

bool mr_json_read_end(struct mr_json_read *r)
{
    peek(r);
    return (r->at == r->end && !r->why) || mr_json_read_fail(r, "something follows the report");
}
