/* fmt.h: formatting into a fixed buffer, flushed to a sink when full. Never allocates, never
 * touches stdio, safe in a signal handler; this is what every line memoir writes inside a
 * host program goes through. */
#ifndef MR_BASE_FMT_H
#define MR_BASE_FMT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attr.h"

/* Receives full buffers in order; ctx is the one given to mr_fmt_to_sink. */
typedef void mr_fmt_sink(void *ctx, const char *text, size_t len);

struct mr_fmt {
    char *buf;
    size_t cap;
    size_t len;         /* bytes now in buf; 0 <= len <= cap */
    size_t lost;        /* bytes that did not fit (only without a sink) */
    mr_fmt_sink *sink;  /* NULL: what does not fit is dropped and counted in `lost` */
    void *ctx;
};

/* Text is not NUL-terminated unless mr_fmt_end_string is called. */
struct mr_fmt mr_fmt_to_buffer(char *buf, size_t cap);
struct mr_fmt mr_fmt_to_sink(char *buf, size_t cap, mr_fmt_sink *sink, void *ctx);

/* Terminates buf (dropping the last byte if it is full) and returns it. cap > 0. */
char *mr_fmt_end_string(struct mr_fmt *f);

/* Hands what is buffered to the sink. */
void mr_fmt_flush(struct mr_fmt *f);

void mr_fmt_bytes(struct mr_fmt *f, const void *bytes, size_t n);
void mr_fmt_char(struct mr_fmt *f, char c);

/* A printf of its own: flags '-' and '0', width and precision (digits or *), %s %c %d %i %u %x %p %%
 * with h, l, ll, z and j; precision applies to %s only. No floating point. */
void mr_fmt_print(struct mr_fmt *f, const char *format, ...) MR_PRINTF(2, 3);
void mr_fmt_vprint(struct mr_fmt *f, const char *format, va_list args) MR_PRINTF(2, 0);

/* A count of bytes for people: "512 B", "1.5 KiB", "410.0 MiB" (binary units, one decimal). */
void mr_fmt_size(struct mr_fmt *f, uint64_t bytes);

/* A count with thousands separated: 1,204,331. */
void mr_fmt_count(struct mr_fmt *f, uint64_t n);

/* The body of a JSON string for `len` arbitrary bytes: quotes, backslashes and controls escaped,
 * bytes that are not valid UTF-8 written as \u00XX. */
void mr_fmt_json(struct mr_fmt *f, const char *text, size_t len);

/* Length of the valid UTF-8 sequence at text (RFC 3629: no overlongs, no surrogates), or 0. left > 0. */
size_t mr_fmt_utf8_length(const char *text, size_t left);

#endif
