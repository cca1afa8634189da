#include "report_args.h"
#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- values ------------------------------------------------------------------------------------------------ */

static const struct mr_report_format *format_at(size_t i)
{
    if (i < mr_report_format_count)
        return &mr_report_formats[i];
    i -= mr_report_format_count;
    return i < mr_report_cli_format_count ? &mr_report_cli_formats[i] : NULL;
}

static const char *format_names(size_t i)
{
    const struct mr_report_format *format = format_at(i);
    return format ? format->name : NULL;
}

static const struct mr_report_format *find_format(const char *name)
{
    size_t i = 0;
    while (format_at(i) && strcmp(format_at(i)->name, name) != 0)
        i++;
    return format_at(i);
}

bool mr_report_args_has_page(const char *flag)
{
    if (!mr_html_is_built())
        mr_cli_say("%s: this memoir was built without npm; apt-get install nodejs npm, and make again with a network", flag);
    return mr_html_is_built();
}

static bool read_html(void *to, const char *path)
{
    struct mr_report_args *args = to;
    args->html = path;
    return mr_report_args_has_page("--html");
}

static bool read_format(void *to, const char *value)
{
    struct mr_report_args *args = to;
    char names[256];
    struct mr_fmt f = mr_fmt_to_buffer(names, sizeof names);
    args->format = find_format(value);
    if (args->format)
        return args->format->write != mr_html_write || mr_report_args_has_page("--format=html");
    for (size_t i = 0; format_names(i); i++)
        mr_fmt_print(&f, "%s%s", i ? ", " : "", format_names(i));
    mr_cli_say("--format=%.40s: the formats are %s", value, mr_fmt_end_string(&f));
    return false;
}

static const char *sort_names(size_t i) { return i < MR_MODEL_SORT_COUNT ? mr_model_sort_names[i] : NULL; }
static const char *cost_names(size_t i) { return i < MR_COST_COUNT ? mr_report_cost_names[i] : NULL; }

static bool read_sort(void *to, const char *value)
{
    struct mr_report_args *args = to;
    int i = mr_flags_choose("sort", value, sort_names);
    args->wishes.sort = (enum mr_model_sort)i;
    return i >= 0;
}

static bool read_cost(void *to, const char *value)
{
    struct mr_report_args *args = to;
    int i = mr_flags_choose("cost", value, cost_names);
    args->cost = (enum mr_report_cost)i;
    return i >= 0;
}

static bool read_top(void *to, const char *value)
{
    struct mr_report_args *args = to;
    char *end;
    errno = 0;
    args->wishes.top = strtoul(value, &end, 10);
    args->top_set = true;
    if (*value >= '0' && *value <= '9' && *end == '\0' && errno == 0)
        return true;
    mr_cli_say("--top=%.40s: a number of sites, or 0 for all", value);
    return false;
}

/* The last of them stands for all the others. */
static const char *kind_names(size_t i)
{
    static const char *const names[] = { "definite", "indirect", "possible", "reachable", "in_use", "all", NULL };
    return names[i];
}

static bool read_kinds(void *to, const char *value)
{
    struct mr_report_args *args = to;
    args->wishes.kinds = 0;
    for (const char *p = value;;) {
        size_t len = strcspn(p, ","), i = 0;
        while (kind_names(i) && !(strlen(kind_names(i)) == len && memcmp(kind_names(i), p, len) == 0))
            i++;
        if (!kind_names(i)) {
            mr_cli_say("--leak-kinds=%.80s: a list of definite,indirect,possible,reachable,in_use,all", value);
            return false;
        }
        args->wishes.kinds |= kind_names(i + 1) ? MR_MODEL_KIND(i) : MR_MODEL_KIND(i) - 1;
        if (p[len] == '\0')
            return true;
        p += len + 1;
    }
}

static bool read_error_exitcode(void *to, const char *value)
{
    struct mr_report_args *args = to;
    return mr_judge_read_code(&args->judge, value);
}

static void say_bad_suppression(void *ctx, const char *where, unsigned line, const char *what)
{
    (void)ctx;
    mr_cli_say("%s:%u: %s", where, line, what);
}

static bool read_suppressions(void *to, const char *path)
{
    struct mr_report_args *args = to;
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

#define AT(member) .offset = offsetof(struct mr_report_args, member)

const struct mr_flag mr_report_args_flags[] = {
    { .name = "format", .value = "FORMAT", .read = read_format, .words = format_names, .sentence = "how it is written" },
    { .name = "output", .letter = 'o', .value = "FILE", .file = true, AT(output),
      .sentence = "write it there; FILE.%p gives every process of memoir run its own" },
    { .name = "html", .value = "FILE", .file = true, .read = read_html,
      .sentence = "beside the report, write a page to look at in a browser; FILE.%p as above" },
    { .name = "sort", .value = "KEY", .read = read_sort, .words = sort_names, .sentence = "the order of sites" },
    { .name = "top", .value = "N", .read = read_top, .sentence = "list so many sites at most (text: 20; 0: all)" },
    { .name = "leak-kinds", .value = "LIST", .read = read_kinds, .words = kind_names,
      .sentence = "what is listed, else all that is lost or grows" },
    { .name = "function", .value = "PATTERN", AT(wishes.function),
      .sentence = "only sites with such a function in their stack (* and ? are wildcards)" },
    { .name = "module", .value = "PATTERN", AT(wishes.module), .sentence = "only sites with such an object in their stack" },
    { .name = "file", .value = "PATTERN", AT(wishes.file), .sentence = "only sites with such a source file in their stack" },
    { .name = "cost", .value = "COST", .read = read_cost, .words = cost_names, .sentence = "what folded stacks weigh" },
    { .name = "suppressions", .value = "FILE", .file = true, .read = read_suppressions,
      .sentence = "pass over what the file names, as LeakSanitizer or Valgrind write it; may be given again" },
    { .name = "no-default-suppressions", AT(no_default_suppressions),
      .sentence = "also tell of what glibc and libstdc++ keep on purpose" },
    { .name = "show-suppressions", AT(show_suppressions),
      .sentence = "then say on stderr which suppressions were used, and which not" },
    { .name = "gen-suppressions", AT(gen_suppressions),
      .sentence = "in place of the report, write a suppression for each site listed" },
    { .name = "baseline", .value = "FILE", .file = true, AT(judge.baseline),
      .sentence = "an earlier ledger or JSON report: its leaks do not count as new" },
    { .name = "error-exitcode", .value = "N", .read = read_error_exitcode,
      .sentence = "exit with N if there are leaks (new ones, with a baseline)" },
    { .name = "debuginfod", AT(debuginfod), .sentence = "ask the servers of DEBUGINFOD_URLS for debug information" },
    { .name = "help", .letter = 'h', AT(help), .sentence = "this help" },
    { .name = NULL },
};

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
    if (word[0] != '-') {
        if (args->file)
            mr_cli_say("one ledger at a time: %.200s and %.200s; memoir diff compares two", args->file, word);
        bool good = !args->file;
        args->file = word;
        return good;
    }
    enum mr_flags_result result = mr_flags_take(mr_report_args_flags, args, words);
    if (result == MR_FLAGS_UNKNOWN)
        mr_cli_say("memoir report has no option %.80s; memoir help report lists them", word);
    return result == MR_FLAGS_TAKEN;
}

bool mr_report_args_read(struct mr_report_args *args, char **words)
{
    for (; *words && !args->help; words++)
        if (!take_word(args, &words))
            return false;
    return true;
}
