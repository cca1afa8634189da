#include "report_args.h"
#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAK_KINDS "definite,indirect,possible,reachable,in_use,all"

/* --- values ------------------------------------------------------------------------------------------------ */

static const struct mr_report_format *find_format(const char *name)
{
    for (size_t i = 0; i < mr_report_format_count; i++)
        if (strcmp(mr_report_formats[i].name, name) == 0)
            return &mr_report_formats[i];
    for (size_t i = 0; i < mr_report_cli_format_count; i++)
        if (strcmp(mr_report_cli_formats[i].name, name) == 0)
            return &mr_report_cli_formats[i];
    return NULL;
}

static bool read_format(struct mr_report_args *args, const char *value)
{
    char names[256];
    struct mr_fmt f = mr_fmt_to_buffer(names, sizeof names);
    args->format = find_format(value);
    if (args->format)
        return true;
    for (size_t i = 0; i < mr_report_format_count; i++)
        mr_fmt_print(&f, "%s%s", i ? ", " : "", mr_report_formats[i].name);
    for (size_t i = 0; i < mr_report_cli_format_count; i++)
        mr_fmt_print(&f, ", %s", mr_report_cli_formats[i].name);
    mr_cli_say("--format=%.40s: the formats are %s", value, mr_fmt_end_string(&f));
    return false;
}

/* One of `names`; its index, or -1 after one line. */
static int choose(const char *flag, const char *value, const char *const *names, size_t count)
{
    char all[256];
    struct mr_fmt f = mr_fmt_to_buffer(all, sizeof all);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], value) == 0)
            return (int)i;
        mr_fmt_print(&f, "%s%s", i ? "|" : "", names[i]);
    }
    mr_cli_say("--%s=%.40s: not one of %s", flag, value, mr_fmt_end_string(&f));
    return -1;
}

static bool read_sort(struct mr_report_args *args, const char *value)
{
    int i = choose("sort", value, mr_model_sort_names, MR_MODEL_SORT_COUNT);
    args->wishes.sort = (enum mr_model_sort)i;
    return i >= 0;
}

static bool read_cost(struct mr_report_args *args, const char *value)
{
    int i = choose("cost", value, mr_report_cost_names, MR_COST_COUNT);
    args->cost = (enum mr_report_cost)i;
    return i >= 0;
}

static bool read_top(struct mr_report_args *args, const char *value)
{
    char *end;
    errno = 0;
    args->wishes.top = strtoul(value, &end, 10);
    args->top_set = true;
    if (*value >= '0' && *value <= '9' && *end == '\0' && errno == 0)
        return true;
    mr_cli_say("--top=%.40s: a number of sites, or 0 for all", value);
    return false;
}

static bool read_kinds(struct mr_report_args *args, const char *value)
{
    static const char *const names[] = { "definite", "indirect", "possible", "reachable", "in_use" };
    args->wishes.kinds = 0;
    for (const char *p = value;;) {
        size_t len = strcspn(p, ","), i = 0;
        while (i < MR_COUNT(names) && !(strlen(names[i]) == len && memcmp(names[i], p, len) == 0))
            i++;
        if (i < MR_COUNT(names)) {
            args->wishes.kinds |= MR_MODEL_KIND(i);
        } else if (len == 3 && memcmp(p, "all", 3) == 0) {
            args->wishes.kinds |= (1u << MR_COUNT(names)) - 1;
        } else {
            mr_cli_say("--leak-kinds=%.80s: a list of " LEAK_KINDS, value);
            return false;
        }
        if (p[len] == '\0')
            return true;
        p += len + 1;
    }
}

static bool read_error_exitcode(struct mr_report_args *args, const char *value)
{
    return mr_judge_read_code(&args->judge, value);
}

static void say_bad_suppression(void *ctx, const char *where, unsigned line, const char *what)
{
    (void)ctx;
    mr_cli_say("%s:%u: %s", where, line, what);
}

static bool read_suppressions(struct mr_report_args *args, const char *path)
{
    char *text = NULL;
    FILE *f = fopen(path, "re");
    ssize_t len = f ? getdelim(&text, &(size_t){ 0 }, EOF, f) : -1;
    bool read = f && (len >= 0 || (feof(f) && !ferror(f)));
    if (!read)
        mr_cli_say("--suppressions=%s: %s", path, strerror(errno));
    bool good = read && mr_suppress_read(args->wishes.suppressions, path, text ? text : "", (size_t)(len > 0 ? len : 0),
                                         say_bad_suppression, NULL);
    free(text);
    if (f)
        fclose(f);
    return good;
}

/* --- flags -------------------------------------------------------------------------------------------------- */

/* Flags with a value: what reads it, or where its text goes. */
static const struct {
    const char *name;
    bool (*read)(struct mr_report_args *args, const char *value);
    size_t offset;
} valued[] = {
    { "format", read_format, 0 },
    { "sort", read_sort, 0 },
    { "top", read_top, 0 },
    { "leak-kinds", read_kinds, 0 },
    { "function", NULL, offsetof(struct mr_report_args, wishes.function) },
    { "module", NULL, offsetof(struct mr_report_args, wishes.module) },
    { "file", NULL, offsetof(struct mr_report_args, wishes.file) },
    { "cost", read_cost, 0 },
    { "suppressions", read_suppressions, 0 },
    { "output", NULL, offsetof(struct mr_report_args, output) },
    { "baseline", NULL, offsetof(struct mr_report_args, judge.baseline) },
    { "error-exitcode", read_error_exitcode, 0 },
};

/* Flags that are there or not. */
static const struct {
    const char *name;
    size_t offset;
} plain[] = {
    { "help", offsetof(struct mr_report_args, help) },
    { "debuginfod", offsetof(struct mr_report_args, debuginfod) },
    { "gen-suppressions", offsetof(struct mr_report_args, gen_suppressions) },
    { "show-suppressions", offsetof(struct mr_report_args, show_suppressions) },
    { "no-default-suppressions", offsetof(struct mr_report_args, no_default_suppressions) },
};

static bool take_value(struct mr_report_args *args, size_t i, const char *value, char ***words)
{
    if (!value && (*words)[1])
        value = *++*words;
    if (!value || !*value) {
        mr_cli_say("--%s needs a value", valued[i].name);
        return false;
    }
    if (valued[i].read)
        return valued[i].read(args, value);
    *(const char **)((char *)args + valued[i].offset) = value;
    return true;
}

static bool is_named(const char *word, size_t len, const char *name)
{
    return strlen(name) == len && memcmp(name, word, len) == 0;
}

bool mr_report_args_take(struct mr_report_args *args, char ***words, bool *known)
{
    const char *name = strcmp(**words, "-o") == 0 ? "output" : **words + 2, *equals = strchr(name, '=');
    size_t len = equals ? (size_t)(equals - name) : strlen(name);
    *known = true;
    for (size_t i = 0; i < MR_COUNT(valued); i++)
        if (is_named(name, len, valued[i].name))
            return take_value(args, i, equals ? equals + 1 : NULL, words);
    for (size_t i = 0; i < MR_COUNT(plain); i++) {
        if (!is_named(name, len, plain[i].name))
            continue;
        if (equals)
            mr_cli_say("--%s takes no value", plain[i].name);
        return *(bool *)((char *)args + plain[i].offset) = !equals;
    }
    return *known = false;
}

bool mr_report_args_init(struct mr_report_args *args)
{
    *args = (struct mr_report_args){ .format = &mr_report_formats[0] };
    args->wishes.suppressions = mr_suppress_new();
    return args->wishes.suppressions != NULL;
}

void mr_report_args_free(struct mr_report_args *args)
{
    mr_suppress_free(args->wishes.suppressions);
}

static bool take_word(struct mr_report_args *args, char ***words)
{
    const char *word = **words;
    bool known = false, good;
    if (strcmp(word, "-h") == 0)
        return args->help = true;
    if (word[0] != '-') {
        if (args->file)
            mr_cli_say("one ledger at a time: %.200s and %.200s; memoir diff compares two", args->file, word);
        good = !args->file;
        args->file = word;
        return good;
    }
    good = (word[1] == '-' || strcmp(word, "-o") == 0) && mr_report_args_take(args, words, &known);
    if (!known)
        mr_cli_say("memoir report has no option %.80s; memoir help report lists them", word);
    return good;
}

bool mr_report_args_read(struct mr_report_args *args, char **words)
{
    for (; *words && !args->help; words++)
        if (!take_word(args, &words))
            return false;
    return true;
}
