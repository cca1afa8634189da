#include "base.h"

#include <limits.h>
#include <string.h>

struct mr_fmt mr_fmt_to_buffer(char *buf, size_t cap)
{
    return (struct mr_fmt){ .buf = buf, .cap = cap };
}

struct mr_fmt mr_fmt_to_sink(char *buf, size_t cap, mr_fmt_sink *sink, void *ctx)
{
    return (struct mr_fmt){ .buf = buf, .cap = cap, .sink = sink, .ctx = ctx };
}

char *mr_fmt_end_string(struct mr_fmt *f)
{
    if (f->len == f->cap) {
        f->len--;
        f->lost++;
    }
    f->buf[f->len] = '\0';
    return f->buf;
}

void mr_fmt_flush(struct mr_fmt *f)
{
    if (f->sink && f->len > 0) {
        f->sink(f->ctx, f->buf, f->len);
        f->len = 0;
    }
}

void mr_fmt_bytes(struct mr_fmt *f, const void *bytes, size_t n)
{
    const char *from = bytes;
    while (n > 0) {
        if (f->len == f->cap)
            mr_fmt_flush(f);
        size_t room = f->cap - f->len;
        if (room == 0) {
            f->lost += n;
            return;
        }
        size_t part = mr_min(room, n);
        memcpy(f->buf + f->len, from, part);
        f->len += part;
        from += part;
        n -= part;
    }
}

void mr_fmt_char(struct mr_fmt *f, char c)
{
    mr_fmt_bytes(f, &c, 1);
}

/* One conversion of a format string, as parsed. */
struct spec {
    bool left, zero, has_precision;
    int width, precision;
    char length; /* 0, 'h', 'H' for hh, 'l' (also ll, j, z: all 64-bit here) */
    char conv;
};

static void pad(struct mr_fmt *f, char with, int n)
{
    while (n-- > 0)
        mr_fmt_char(f, with);
}

static void put_padded(struct mr_fmt *f, const struct spec *s, const char *text, size_t len)
{
    int gap = s->width > (int)len ? s->width - (int)len : 0;
    if (!s->left)
        pad(f, ' ', gap);
    mr_fmt_bytes(f, text, len);
    if (s->left)
        pad(f, ' ', gap);
}

/* Digits of n in `base`, written backwards from the end of a 24-byte buffer; returns their start. */
static char *digits(char *end, uint64_t n, unsigned base)
{
    char *p = end;
    do
        *--p = "0123456789abcdef"[n % base];
    while ((n /= base) != 0);
    return p;
}

static void put_number(struct mr_fmt *f, const struct spec *s, uint64_t n, unsigned base, const char *sign)
{
    char text[24];
    char *p = digits(text + sizeof text, n, base);
    size_t len = (size_t)(text + sizeof text - p), sign_len = strlen(sign);
    int gap = s->width - (int)(len + sign_len);
    if (!s->left && !s->zero)
        pad(f, ' ', gap);
    mr_fmt_bytes(f, sign, sign_len);
    if (!s->left && s->zero)
        pad(f, '0', gap);
    mr_fmt_bytes(f, p, len);
    if (s->left)
        pad(f, ' ', gap);
}

static int parse_int(const char **p)
{
    int n = 0;
    while (**p >= '0' && **p <= '9')
        n = n * 10 + (*(*p)++ - '0');
    return n;
}

/* Parses behind a '%' up to and including the conversion; * takes its int through `star`. */
static struct spec parse_spec(const char **p, va_list *args)
{
    struct spec s = { 0 };
    for (;; (*p)++) {
        if (**p == '-')
            s.left = true;
        else if (**p == '0')
            s.zero = true;
        else
            break;
    }
    if (**p == '*') {
        s.width = va_arg(*args, int);
        (*p)++;
        if (s.width < 0) { /* as in printf: a negative width is '-' and the width */
            s.left = true;
            s.width = s.width == INT_MIN ? INT_MAX : -s.width;
        }
    } else {
        s.width = parse_int(p);
    }
    if (**p == '.') {
        (*p)++;
        s.has_precision = true;
        if (**p == '*') {
            s.precision = va_arg(*args, int);
            (*p)++;
        } else {
            s.precision = parse_int(p);
        }
    }
    for (; **p == 'l' || **p == 'z' || **p == 'j' || **p == 'h'; (*p)++)
        s.length = **p != 'h' ? 'l' : s.length == 'h' ? 'H' : 'h';
    s.conv = **p;
    if (s.conv)
        (*p)++;
    return s;
}

static void put_string(struct mr_fmt *f, const struct spec *s, const char *text)
{
    if (!text)
        text = "(null)";
    size_t len = s->has_precision ? strnlen(text, (size_t)s->precision) : strlen(text);
    put_padded(f, s, text, len);
}

static int64_t next_signed(const struct spec *s, va_list *args)
{
    if (s->length == 'l')
        return va_arg(*args, int64_t);
    int n = va_arg(*args, int);
    return s->length == 'h' ? (short)n : s->length == 'H' ? (signed char)n : n;
}

static uint64_t next_unsigned(const struct spec *s, va_list *args)
{
    if (s->length == 'l')
        return va_arg(*args, uint64_t);
    unsigned n = va_arg(*args, unsigned);
    return s->length == 'h' ? (unsigned short)n : s->length == 'H' ? (unsigned char)n : n;
}

static void put_conversion(struct mr_fmt *f, const struct spec *s, va_list *args)
{
    switch (s->conv) {
    case 's':
        put_string(f, s, va_arg(*args, const char *));
        break;
    case 'c': {
        char c = (char)va_arg(*args, int);
        put_padded(f, s, &c, 1);
        break;
    }
    case 'd':
    case 'i': {
        int64_t n = next_signed(s, args);
        put_number(f, s, n < 0 ? 0 - (uint64_t)n : (uint64_t)n, 10, n < 0 ? "-" : "");
        break;
    }
    case 'u':
        put_number(f, s, next_unsigned(s, args), 10, "");
        break;
    case 'x':
        put_number(f, s, next_unsigned(s, args), 16, "");
        break;
    case 'p':
        put_number(f, s, (uintptr_t)va_arg(*args, void *), 16, "0x");
        break;
    case '\0':
        break;
    default: /* '%' and what is unknown stand for themselves */
        mr_fmt_char(f, s->conv);
    }
}

void mr_fmt_vprint(struct mr_fmt *f, const char *format, va_list args)
{
    va_list mine;
    va_copy(mine, args);
    const char *p = format;
    while (*p) {
        const char *plain = p;
        while (*p && *p != '%')
            p++;
        mr_fmt_bytes(f, plain, (size_t)(p - plain));
        if (*p == '%') {
            p++;
            struct spec s = parse_spec(&p, &mine);
            put_conversion(f, &s, &mine);
        }
    }
    va_end(mine);
}

void mr_fmt_print(struct mr_fmt *f, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    mr_fmt_vprint(f, format, args);
    va_end(args);
}

void mr_fmt_size(struct mr_fmt *f, uint64_t bytes)
{
    static const char units[][4] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    unsigned u = 0;
    while (u + 1 < MR_COUNT(units) && bytes >> (10 * (u + 1)))
        u++;
    if (u == 0) {
        mr_fmt_print(f, "%lu B", bytes);
        return;
    }
    /* Tenths, rounded to nearest from the part below the unit. 1023.95 KiB may read 1024.0 KiB. */
    uint64_t whole = bytes >> (10 * u), rest = bytes & (((uint64_t)1 << (10 * u)) - 1);
    uint64_t tenths = whole * 10 + (((rest >> (10 * (u - 1))) * 10 + 512) >> 10);
    mr_fmt_print(f, "%lu.%lu %s", tenths / 10, tenths % 10, units[u]);
}

void mr_fmt_count(struct mr_fmt *f, uint64_t n)
{
    char text[28];
    char *end = text + sizeof text, *p = end;
    unsigned written = 0;
    do {
        if (written && written % 3 == 0)
            *--p = ',';
        *--p = (char)('0' + n % 10);
        written++;
    } while ((n /= 10) != 0);
    mr_fmt_bytes(f, p, (size_t)(end - p));
}

size_t mr_fmt_utf8_length(const char *text, size_t left)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t n = p[0] < 0x80 ? 1 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : p[0] >= 0xf0 && p[0] < 0xf5 ? 4 : 0;
    if (n == 0 || n > left)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
    bool outside = (p[0] == 0xed && p[1] >= 0xa0) || (p[0] == 0xf4 && p[1] >= 0x90);
    return overlong || outside ? 0 : n;
}

void mr_fmt_json(struct mr_fmt *f, const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text;
    while (len > 0) {
        size_t n = mr_fmt_utf8_length((const char *)p, len);
        if (*p == '"' || *p == '\\')
            mr_fmt_print(f, "\\%c", *p);
        else if (*p < 0x20 || *p == 0x7f || n == 0)
            mr_fmt_print(f, "\\u%04x", *p);
        else
            mr_fmt_bytes(f, p, n);
        n = n ? n : 1;
        p += n;
        len -= n;
    }
}
