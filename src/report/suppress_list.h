/* suppress_list.h: a list of suppressions as its reader and its matcher know it. */
#ifndef MR_REPORT_SUPPRESS_LIST_H
#define MR_REPORT_SUPPRESS_LIST_H

#include "suppress.h"

/* One line of a block: what a frame must be like. */
struct mr_suppress_frame {
    enum { MR_SUPPRESS_ANY_FRAMES, MR_SUPPRESS_FUNCTION, MR_SUPPRESS_OBJECT, MR_SUPPRESS_SOURCE } what;
    char *pattern;
};

/* Either `anywhere` (leak:PATTERN), or frames from the innermost on. */
struct mr_suppression {
    char *name;
    const char *where;
    unsigned kinds;      /* bit 1 << kind */
    char *anywhere;
    struct mr_suppress_frame *frames;
    size_t frame_count;
    struct mr_report_sum booked;
};

struct mr_suppress {
    struct mr_suppression *list;
    size_t count;
};

#define MR_SUPPRESS_ALL_KINDS ((1u << MR_SITE_KIND_COUNT) - 1)

/* Adds *s, whose strings the list then owns. Without memory or name: false, and *s is released. */
bool mr_suppress_keep(struct mr_suppress *list, struct mr_suppression *s);
bool mr_suppress_add_frame(struct mr_suppression *s, int what, const char *pattern, size_t len);
void mr_suppress_release(struct mr_suppression *s);
char *mr_suppress_copy(const char *text, size_t len);

#endif
