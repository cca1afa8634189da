#include "conf.h"
#include "values.h"

#include <limits.h>
#include <string.h>

#define PREFIX "MEMOIR_"
#define TEST_PREFIX "TEST_" /* behind PREFIX: variables of memoir's own tests, never options */

/* A row's default stands in one column of options.def for every type; TEXT alone keeps it as text. */
#define NUMBER_BOOL(def) (def)
#define NUMBER_SIZE(def) (def)
#define NUMBER_NUMBER(def) (def)
#define NUMBER_MILLIS(def) (def)
#define NUMBER_CHOICE(def) (def)
#define NUMBER_SET(def) (def)
#define NUMBER_SIGNAL(def) (def)
#define NUMBER_RATE(def) (def)
#define NUMBER_TEXT(def) 0
#define NUMBER_PLAN(def) 0
#define TEXT_BOOL(def) NULL
#define TEXT_SIZE(def) NULL
#define TEXT_NUMBER(def) NULL
#define TEXT_MILLIS(def) NULL
#define TEXT_CHOICE(def) NULL
#define TEXT_SET(def) NULL
#define TEXT_SIGNAL(def) NULL
#define TEXT_RATE(def) NULL
#define TEXT_TEXT(def) (def)
#define TEXT_PLAN(def) (def)

struct mr_conf mr_conf = {
#define MR_OPTION(TYPE, field, NAME, def, min, max, values, sentence) .field = (def),
#include "options.def"
#undef MR_OPTION
};

const struct mr_option mr_options[] = {
#define MR_OPTION(TYPE, field, NAME, def, min, max, values, sentence)                                    \
    { MR_OPTION_##TYPE, #NAME, NUMBER_##TYPE(def), TEXT_##TYPE(def), min, max, values, sentence,         \
      offsetof(struct mr_conf, field), offsetof(struct mr_conf, field##_set) },
#include "options.def"
#undef MR_OPTION
};
const size_t mr_option_count = MR_COUNT(mr_options);

/* min <= default <= max in every row, also where min or max leaves nothing to compare. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wtype-limits"
#define MR_OPTION(TYPE, field, NAME, def, min, max, values, sentence)                                    \
    _Static_assert((uint64_t)(min) <= (NUMBER_##TYPE(def)) && (NUMBER_##TYPE(def)) <= (uint64_t)(max),  \
                   "the default of " #NAME " lies outside its range");
#include "options.def"
#undef MR_OPTION
#pragma GCC diagnostic pop

static bool is_plan(const char *text, struct mr_fmt *why)
{
    struct mr_conf_plan plan;
    bool good = mr_conf_read_plan(text, &plan);
    if (!good)
        mr_fmt_print(why, "no plan; write nth:N, every:N, rate:SHARE, size>SIZE or site:PATTERN, as in nth:100 or rate:0.01");
    return good;
}

/* Sets the option, or writes the reason why not to *why. */
static bool set(struct mr_conf *conf, const struct mr_option *option, const char *text, struct mr_fmt *why)
{
    void *field = (char *)conf + option->offset;
    if (option->type == MR_OPTION_PLAN && !is_plan(text, why))
        return false;
    if (mr_option_is_text(option))
        *(const char **)field = text;
    else if (!mr_values_read(option, text, field, why))
        return false;
    *(bool *)((char *)conf + option->offset_set) = true;
    return true;
}

static const struct mr_option *find_exact(const char *name, size_t len)
{
    for (size_t i = 0; i < mr_option_count; i++)
        if (strlen(mr_options[i].name) == len && memcmp(mr_options[i].name, name, len) == 0)
            return &mr_options[i];
    return NULL;
}

static const struct mr_option *find_nearest(const char *name, size_t len)
{
    const struct mr_option *best = mr_options;
    unsigned least = UINT_MAX;
    for (size_t i = 0; i < mr_option_count; i++) {
        unsigned distance = mr_conf_distance(name, len, mr_options[i].name, strlen(mr_options[i].name));
        if (distance < least) {
            least = distance;
            best = &mr_options[i];
        }
    }
    return best;
}

const struct mr_option *mr_conf_find(const char *name)
{
    for (size_t i = 0; i < mr_option_count; i++)
        if (mr_values_same_word(name, strlen(name), mr_options[i].name))
            return &mr_options[i];
    return NULL;
}

const struct mr_option *mr_conf_nearest(const char *name)
{
    return find_nearest(name, strlen(name));
}

bool mr_conf_set(struct mr_conf *conf, const char *name, const char *value, mr_conf_complaint *complain, void *ctx)
{
    char line[256];
    struct mr_fmt why = mr_fmt_to_buffer(line, sizeof line);
    const struct mr_option *option = find_exact(name, strlen(name));
    if (!option)
        mr_fmt_print(&why, "no option; did you mean %s?", mr_conf_nearest(name)->name);
    else if (set(conf, option, value, &why))
        return true;
    complain(ctx, mr_fmt_end_string(&why));
    return false;
}

void mr_conf_print_value(const struct mr_conf *conf, const struct mr_option *option, struct mr_fmt *out)
{
    const void *field = (const char *)conf + option->offset;
    if (mr_option_is_text(option))
        mr_fmt_print(out, "%s", *(const char *const *)field);
    else
        mr_values_print(option, *(const uint64_t *)field, out);
}

/* Text of the user's on a line of ours: cut off at `max`, with nothing a terminal would act on. */
static void put_user_text(struct mr_fmt *line, const char *text, size_t len, size_t max)
{
    for (size_t i = 0; i < len && i < max; i++)
        mr_fmt_char(line, (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? '?' : text[i]);
    if (len > max)
        mr_fmt_print(line, "...");
}

/* One NAME=VALUE of the environment; `variable` begins with PREFIX. */
static void read_variable(struct mr_conf *conf, const char *variable, mr_conf_complaint *complain, void *ctx)
{
    char text[512];
    struct mr_fmt line = mr_fmt_to_buffer(text, sizeof text);
    const char *name = variable + strlen(PREFIX);
    size_t len = strcspn(name, "=");
    const char *value = name[len] ? name + len + 1 : "";
    if (strncmp(name, TEST_PREFIX, strlen(TEST_PREFIX)) == 0)
        return;
    const struct mr_option *option = find_exact(name, len);
    mr_fmt_print(&line, "memoir: " PREFIX);
    put_user_text(&line, name, len, 60);
    if (!option) {
        mr_fmt_print(&line, " is no option; did you mean " PREFIX "%s?", find_nearest(name, len)->name);
    } else {
        mr_fmt_char(&line, '=');
        put_user_text(&line, value, strlen(value), 60);
        mr_fmt_print(&line, ": ");
        if (*value == '\0' || set(conf, option, value, &line))
            return;
        if (mr_option_is_text(option)) {
            mr_fmt_print(&line, " (ignored)");
        } else {
            mr_fmt_print(&line, " (using ");
            mr_conf_print_value(conf, option, &line);
            mr_fmt_char(&line, ')');
        }
    }
    complain(ctx, mr_fmt_end_string(&line));
}

/* Hardening is of slabs: who asks for both must not believe that he has it. */
static void drop_what_excludes(struct mr_conf *conf, mr_conf_complaint *complain, void *ctx)
{
    if (!conf->harden || conf->strategy == MR_STRATEGY_SLAB)
        return;
    complain(ctx, "memoir: MEMOIR_HARDEN=1: only the strategy slab can be hardened; leave MEMOIR_STRATEGY out (using 0)");
    conf->harden = 0;
}

void mr_conf_read_environment(struct mr_conf *conf, char *const *environment, mr_conf_complaint *complain, void *ctx)
{
    for (; environment && *environment; environment++)
        if (strncmp(*environment, PREFIX, strlen(PREFIX)) == 0)
            read_variable(conf, *environment, complain, ctx);
    drop_what_excludes(conf, complain, ctx);
}
