/* top.h: memoir top: looking at a ledger again and again.
 *
 * A look reads the file once (reader.h) and takes the figures of every site; rates are what changed since the look before.
 * The process is not asked anything. Names are looked up for what is shown, and kept. */
#ifndef MR_CLI_TOP_H
#define MR_CLI_TOP_H

#include "base.h"
#include "ledger.h"
#include "report.h"

#include <limits.h>
#include <sys/types.h>

/* The columns, which are also what rows are sorted by. */
enum mr_top_key { MR_TOP_IN_USE, MR_TOP_BLOCKS, MR_TOP_BYTES, MR_TOP_CALLS, MR_TOP_GROWTH, MR_TOP_KEY_COUNT };

struct mr_top_column {
    const char *name;  /* --sort=NAME */
    const char *title;
    char key;          /* sorts by it */
    int width;
};
extern const struct mr_top_column mr_top_columns[MR_TOP_KEY_COUNT];

/* One line of a table: a site, sites of one size, or all of them. */
struct mr_top_row {
    uint32_t site, stack;
    uint64_t in_use, blocks, sites;
    double bytes, calls;  /* asked for, per second, since the look before; at the first look: since the start */
    double growth;        /* of in_use, bytes per second, smoothed over some ten seconds */
    struct mr_sum sum;
    char *name;           /* NULL: not looked up yet */
};

#define MR_TOP_SIZES 48   /* row i: sites whose requests have [2^(i-1), 2^i) bytes in the mean; 0: of no bytes */

enum mr_top_state { MR_TOP_RUNS, MR_TOP_ENDED, MR_TOP_GONE };

struct mr_top {
    char path[PATH_MAX];
    pid_t pid;
    int fd;
    struct mr_reader *ledger;   /* the last look */
    uint64_t looked_ns;
    unsigned looks;
    enum mr_top_state state;
    uint64_t elapsed_ms, resident;
    struct mr_top_row total, sizes[MR_TOP_SIZES];
    struct mr_top_row *rows;    /* row i is of site i */
    size_t row_count;
    uint32_t *order;            /* rows[order[0, listed)] are to be shown, in that order */
    size_t listed, unnamed;     /* unnamed: rows a filter could not judge yet */
    enum mr_top_key key;
    char filter[64];            /* part of a name; "": all */
    struct mr_names *names;
    struct mr_symbol_source *symbols;
};

/* ---- top_look.c ---------------------------------------------------------------------------------------- */

/* `what` is the number of a process, of a kept run, or a file; NULL: the one process there is. 0, or the exit code after
 * one line. The first look is taken. */
int mr_top_open(struct mr_top *top, const char *what);
void mr_top_close(struct mr_top *top);

/* Reads the ledger again. A ledger that cannot be read any more leaves things as they were; false then. */
bool mr_top_look(struct mr_top *top);

/* ---- top_order.c: which rows are listed, in which order ------------------------------------------------ */

/* With a filter names are looked up, for at most `ms`; 0: as long as it takes. */
void mr_top_arrange(struct mr_top *top, uint64_t ms);

/* The name of a row: the function to blame and its line. Never NULL. */
const char *mr_top_name(struct mr_top *top, struct mr_top_row *row);

/* The frames of a stack as lines, innermost first; "" behind the last. */
void mr_top_frame(struct mr_top *top, uint32_t stack, size_t i, char *line, size_t cap);

/* ---- top_text.c: lines of text, without a newline, nothing in them a terminal would act on ------------- */

enum { MR_TOP_HEAD_LINES = 3 };
void mr_top_text_head(const struct mr_top *top, unsigned line, char *text, size_t cap);
void mr_top_text_titles(const struct mr_top *top, bool sizes, char *text, size_t cap);
void mr_top_text_row(struct mr_top *top, struct mr_top_row *row, char *text, size_t cap);
void mr_top_text_size(const struct mr_top *top, size_t i, char *text, size_t cap);

/* ---- top_screen.c -------------------------------------------------------------------------------------- */

/* Shows it until the user has enough. Returns the exit code. */
int mr_top_screen(struct mr_top *top, uint64_t interval_ms);

#endif
