/* json_read.h: reading JSON (RFC 8259) from memory, value by value, no tree. CLI only.
 *
 * Every function reads the value at hand and returns false when it is not of that kind or malformed; `why`
 * then says so, and everything after it returns false too. */
#ifndef MR_REPORT_JSON_READ_H
#define MR_REPORT_JSON_READ_H

#include "base.h"

struct mr_json_read {
    const char *at, *end;
    const char *why;      /* NULL: all is well */
    unsigned depth;
    char *text;           /* the last string, zero-terminated */
    size_t text_len, text_cap;
};

/* The bytes must stay. To be freed. */
struct mr_json_read mr_json_read_begin(const char *bytes, size_t len);
void mr_json_read_free(struct mr_json_read *r);

/* Calls `member` with each key (valid until it reads a value), `item` for each element; they read exactly one value. */
typedef bool mr_json_read_member(void *ctx, struct mr_json_read *r, const char *key);
typedef bool mr_json_read_item(void *ctx, struct mr_json_read *r);
bool mr_json_read_object(struct mr_json_read *r, mr_json_read_member *member, void *ctx);
bool mr_json_read_array(struct mr_json_read *r, mr_json_read_item *item, void *ctx);

/* A string, which is in r->text afterwards. \u0080 to \u00ff give the bare byte: this is how memoir writes bytes
 * that are not UTF-8. */
bool mr_json_read_text(struct mr_json_read *r);
bool mr_json_read_number(struct mr_json_read *r, uint64_t *n); /* whole and not negative */
bool mr_json_read_bool(struct mr_json_read *r, bool *value);
bool mr_json_read_skip(struct mr_json_read *r); /* any value */

/* Nothing but blanks is left. */
bool mr_json_read_end(struct mr_json_read *r);

/* Notes a reason of the caller's; returns false. */
bool mr_json_read_fail(struct mr_json_read *r, const char *why);

#endif
