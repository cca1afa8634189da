/* html_stacks.h: the stacks of a page as one tree. Internal to report/.
 *
 * Fifty thousand stacks share most of their callers, and the same few names: a stack is a node, a node is its
 * caller's node and a frame, a frame is numbers of strings. Ids count in the order of first sight, so
 *   node > the node of its caller
 * String 0 is "" (unknown), node 0 is the root, which has no frame. */
#ifndef MR_REPORT_HTML_STACKS_H
#define MR_REPORT_HTML_STACKS_H

#include "intern.h"
#include "report.h"

enum { MR_HTML_INLINED = 1, MR_HTML_MARK = 2, MR_HTML_LIBRARY = 4 };

struct mr_html_frame {
    uint32_t function, file, line, module;
    uint32_t place;  /* string: the offset in the module, or the address in none; only where the function is unknown */
    uint32_t flags;  /* MR_HTML_* */
};

struct mr_html_stacks {
    struct mr_intern strings, frames, nodes;
};

struct mr_html_stacks mr_html_stacks_begin(void);
void mr_html_stacks_free(struct mr_html_stacks *stacks);

/* The node of a stack's innermost frame; 0 for no stack. */
uint32_t mr_html_stacks_node(struct mr_html_stacks *stacks, const struct mr_report *report, uint32_t stack);
struct mr_html_frame mr_html_stacks_frame(const struct mr_html_stacks *stacks, uint32_t id);
uint32_t mr_html_stacks_string(struct mr_html_stacks *stacks, const char *text);

/* "strings":[...],"frames":[...],"nodes":[caller, frame, caller, frame...] of the nodes from 1 on. */
void mr_html_stacks_write(const struct mr_html_stacks *stacks, struct mr_fmt *out);

/* Text as a JSON string that may stand inside of <script>. NULL is "". */
void mr_html_text(struct mr_fmt *out, const char *text, size_t len);

/* "sources":{"FILE":[[first line, "text"], ...], ...} of the lines around the frames, where report->source has them. FILE is
 * a string's number. Bounded: the frames seen first come first. */
void mr_html_source_write(const struct mr_html_stacks *stacks, const struct mr_report *report, struct mr_fmt *out);

#endif
