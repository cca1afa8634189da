/* suppress.h: leaks that somebody knows of and does not want to hear about again. CLI only.
 *
 * One reader for two syntaxes, which may stand in one file: LeakSanitizer's lines (leak:PATTERN) and
 * Valgrind's blocks in braces (Memcheck:Leak with fun:, obj:, src: and "..."). */
#ifndef MR_REPORT_SUPPRESS_H
#define MR_REPORT_SUPPRESS_H

#include "report.h"

struct mr_suppress;

/* One line about what is wrong: `where` names the file, `line` counts from 1. */
typedef void mr_suppress_complaint(void *ctx, const char *where, unsigned line, const char *what);

/* An empty list; NULL without memory. */
struct mr_suppress *mr_suppress_new(void);
void mr_suppress_free(struct mr_suppress *list);

/* Adds what the text says. False after one complaint per line that is wrong. `where` lives as long as the list; the
 * text may go. */
bool mr_suppress_read(struct mr_suppress *list, const char *where, const char *text, size_t len,
                      mr_suppress_complaint *complain, void *ctx);

/* What comes with memoir: what glibc and libstdc++ keep on purpose. For mr_suppress_read. */
extern const char mr_suppress_default[];

/* The name of the first one that fits a leak of that kind from this stack, or NULL. */
const char *mr_suppress_match(const struct mr_suppress *list, enum mr_site_kind kind,
                              const struct mr_report_frame *frames, size_t count);

/* Books a site under a name that mr_suppress_match returned. */
void mr_suppress_count(struct mr_suppress *list, const char *name, uint64_t bytes, uint64_t blocks);

/* Every one of them with what was booked. */
void mr_suppress_list(const struct mr_suppress *list,
                      void (*visit)(void *ctx, const char *where, const char *name, struct mr_report_sum booked),
                      void *ctx);

/* A block in Valgrind's syntax, for Valgrind too, that fits leaks of this kind from this stack. */
void mr_suppress_write(struct mr_fmt *out, unsigned number, enum mr_site_kind kind,
                       const struct mr_report_frame *frames, size_t count);

#endif
