/* conf.h: the face of the options. One table (options.def), one struct, one reader.
 *
 * mr_conf is constant-initialised with the defaults, so it is valid before anything has run;
 * mr_conf_read_environment overwrites it once, before the first block is handed out. */
#ifndef MR_CONF_H
#define MR_CONF_H

#include "base.h"

enum mr_option_type {
    MR_OPTION_BOOL,
    MR_OPTION_SIZE,
    MR_OPTION_NUMBER,
    MR_OPTION_MILLIS,
    MR_OPTION_CHOICE,
    MR_OPTION_SET,
    MR_OPTION_SIGNAL,
    MR_OPTION_RATE,
    MR_OPTION_TEXT,
    MR_OPTION_PLAN,
};

/* Values in the order of the CHOICE rows of options.def. */
enum mr_strategy {
    MR_STRATEGY_SLAB,
    MR_STRATEGY_FIRST_FIT,
    MR_STRATEGY_NEXT_FIT,
    MR_STRATEGY_BEST_FIT,
    MR_STRATEGY_WORST_FIT,
    MR_STRATEGY_SEGREGATED_FIT,
    MR_STRATEGY_BUDDY,
};
enum mr_leaks { MR_LEAKS_OFF, MR_LEAKS_SUMMARY, MR_LEAKS_FULL };
enum mr_trace { MR_TRACE_OFF, MR_TRACE_SAMPLE, MR_TRACE_FULL };
enum mr_on_error { MR_ON_ERROR_DEFAULT, MR_ON_ERROR_REPORT, MR_ON_ERROR_ABORT, MR_ON_ERROR_IGNORE };
enum mr_guard_side { MR_GUARD_SIDE_END, MR_GUARD_SIDE_START, MR_GUARD_SIDE_EITHER };
enum mr_format { MR_FORMAT_TEXT, MR_FORMAT_JSON };

/* Bits of the SET rows, likewise. */
enum mr_check {
    MR_CHECK_CANARY = 1,     /* what is written just outside a block */
    MR_CHECK_FILL = 2,       /* patterns in blocks that are new, and that are free */
    MR_CHECK_QUARANTINE = 4, /* freed blocks are kept back for a while */
    MR_CHECK_FAMILY = 8,     /* new with delete, malloc with free, the sizes and alignments that delete is told */
    MR_CHECK_RANGES = 16,    /* memcpy and the like stay inside blocks */
    MR_CHECK_ARGUMENTS = 32, /* sizes and alignments that make no sense; and alone, what is freed, by tags (usual.h) */
};

/* What "on" means for a RATE: one in so many. As often as GWP-ASan: one in 1,000 costs programs that do little else a fifth. */
enum { MR_RATE_ON = 5000 };

/* The C type of each option type. */
typedef uint64_t mr_option_BOOL, mr_option_SIZE, mr_option_NUMBER, mr_option_MILLIS, mr_option_CHOICE, mr_option_SET, mr_option_SIGNAL,
    mr_option_RATE;
typedef const char *mr_option_TEXT, *mr_option_PLAN;

struct mr_conf {
#define MR_OPTION(TYPE, field, NAME, def, min, max, values, sentence) \
    mr_option_##TYPE field;                                           \
    bool field##_set;
#include "options.def"
#undef MR_OPTION
};

/* One row of options.def, for those who walk the table (the CLI, the parser, the manual). */
struct mr_option {
    enum mr_option_type type;
    const char *name;     /* "POOL_LIMIT" */
    uint64_t def;         /* the default of every type but TEXT and PLAN */
    const char *def_text; /* the default of these, else NULL */
    uint64_t min, max;
    const char *values;   /* CHOICE: "a|b|c", else "" */
    const char *sentence;
    size_t offset;        /* of the field in struct mr_conf */
    size_t offset_set;    /* of its field_set */
};

extern struct mr_conf mr_conf;
extern const struct mr_option mr_options[];
extern const size_t mr_option_count;

/* Receives one line (no newline) for each thing wrong with the user's settings; the text is the
 * callee's only until it returns. */
typedef void mr_conf_complaint(void *ctx, const char *line);

/* Reads every MEMOIR_* variable of `environment` (NULL-terminated, may be NULL) into *conf. A name that
 * is no option, and a value that cannot be read or is out of range, makes one complaint ("memoir: ...")
 * naming the nearest valid one; the default then stays; so does what another option rules out. An empty value counts as not set, and names
 * that begin with MEMOIR_TEST_ are left to memoir's own tests. Text values are not copied: they point
 * into the environment. Never allocates; async-signal-safe. */
void mr_conf_read_environment(struct mr_conf *conf, char *const *environment, mr_conf_complaint *complain, void *ctx);

/* Fills mr_conf from the process's own environment, unless the process is set-user-id; once, before the
 * first block. Later calls do nothing. What was wrong is kept for mr_conf_complaints: lines to be written when the process
 * is far enough to write (the library's constructor does). */
void mr_conf_boot(void);
size_t mr_conf_complaints(const char **text);

/* Whether this process's environment asks for no colours: NO_COLOR is set, or TERM is dumb or missing. */
bool mr_conf_is_colourless(void);

/* What MEMOIR_FAIL says. */
enum mr_plan_kind { MR_PLAN_NONE, MR_PLAN_NTH, MR_PLAN_EVERY, MR_PLAN_RATE, MR_PLAN_SIZE, MR_PLAN_SITE, MR_PLAN_STACK };
struct mr_conf_plan {
    enum mr_plan_kind kind;
    uint64_t n;          /* RATE: in billionths; SIZE: bytes; STACK: the hash */
    const char *pattern; /* SITE */
};

/* False: it is no plan (plan->kind is NONE then). */
bool mr_conf_read_plan(const char *text, struct mr_conf_plan *plan);

/* Whether the option's value is kept as it is written. */
MR_INLINE bool mr_option_is_text(const struct mr_option *option)
{
    return option->type == MR_OPTION_TEXT || option->type == MR_OPTION_PLAN;
}

/* Sets one option from its name ("POOL_LIMIT", exact) and value. Returns true, or false after exactly
 * one complaint with *conf unchanged. The complaint is the reason alone ("not a size; ..."): the caller
 * knows how the user wrote the option and puts that in front. */
bool mr_conf_set(struct mr_conf *conf, const char *name, const char *value, mr_conf_complaint *complain, void *ctx);

/* The row of that exact name, or NULL; and the row whose name is nearest by edit distance (never
 * NULL). Names may be given in either case and with - for _. */
const struct mr_option *mr_conf_find(const char *name);
const struct mr_option *mr_conf_nearest(const char *name);

/* Writes the option's value in *conf as a user may write it ("1000ms", "slab"; nothing for an empty text). */
void mr_conf_print_value(const struct mr_conf *conf, const struct mr_option *option, struct mr_fmt *out);

/* Edit distance of two words (insert, delete, replace: one each), letters alike in either case and - like
 * _; what lies past the 31st byte does not count. */
unsigned mr_conf_distance(const char *a, size_t a_len, const char *b, size_t b_len);

#endif
