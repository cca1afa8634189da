#include "cli.h"
#include "load.h"
#include "output.h"
#include "report.h"
#include "report_args.h"
#include "source.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TOP_DEFAULT 20

static const struct format {
    const char *name;
    void (*write)(const struct mr_diff *diff, size_t top, struct mr_fmt *out);
    size_t top; /* where nobody chose */
} formats[] = {
    { "text", mr_diff_text, TOP_DEFAULT },
    { "json", mr_diff_json, TOP_DEFAULT },
    { "html", mr_html_diff, 0 },
};

struct wishes {
    bool help, top_set;
    const struct format *format;
    size_t top;
    const char *output;   /* NULL: standard output */
    const char *files[2]; /* before, after */
};

static const char *format_names(size_t i)
{
    return i < MR_COUNT(formats) ? formats[i].name : NULL;
}

static bool read_format(void *to, const char *value)
{
    struct wishes *wishes = to;
    for (size_t i = 0; i < MR_COUNT(formats); i++)
        if (strcmp(formats[i].name, value) == 0) {
            wishes->format = &formats[i];
            return formats[i].write != mr_html_diff || mr_report_args_has_page("--format=html");
        }
    mr_cli_say("--format=%.40s: a difference is written as text, json or html", value);
    return false;
}

static bool read_top(void *to, const char *value)
{
    struct wishes *wishes = to;
    char *end;
    wishes->top = strtoul(value, &end, 10);
    wishes->top_set = true;
    if (*value >= '0' && *value <= '9' && *end == '\0')
        return true;
    mr_cli_say("--top=%.40s: a number of sites, or 0 for all", value);
    return false;
}

const struct mr_flag mr_cmd_diff_flags[] = {
    { .name = "format", .value = "FORMAT", .read = read_format, .words = format_names, .sentence = "how it is written" },
    { .name = "output", .letter = 'o', .value = "FILE", .file = true, .offset = offsetof(struct wishes, output),
      .sentence = "write it there, not to standard output" },
    { .name = "top", .value = "N", .read = read_top, .sentence = "list N sites (html: all, else 20; 0: all)" },
    { .name = "help", .letter = 'h', .offset = offsetof(struct wishes, help), .sentence = "this help" },
    { .name = NULL },
};

static bool take_file(struct wishes *wishes, const char *word, size_t *files)
{
    if (*files == 2)
        mr_cli_say("memoir diff compares two files; %s is a third", word);
    else
        wishes->files[*files] = word;
    return (*files)++ < 2;
}

static bool read_words(struct wishes *wishes, char **words)
{
    size_t files = 0;
    while (*words && !wishes->help) {
        if (!mr_flags_read("diff", mr_cmd_diff_flags, wishes, &words))
            return false;
        if (*words && !take_file(wishes, *words++, &files))
            return false;
    }
    if (files < 2 && !wishes->help)
        mr_cli_say("memoir diff needs two files: a ledger or a JSON report each, the earlier one first");
    return files == 2 || wishes->help;
}

struct writing {
    const struct wishes *wishes;
    struct mr_diff diff;
};

static void put_diff(void *ctx, struct mr_fmt *out)
{
    const struct writing *writing = ctx;
    writing->wishes->format->write(&writing->diff, writing->wishes->top, out);
}

static bool compare(const struct wishes *wishes, const struct mr_report *before, const struct mr_report *after)
{
    struct mr_source source = { 0 };
    struct writing writing = { .wishes = wishes };
    struct mr_report shown = *after;
    shown.source = mr_source_read;
    shown.source_ctx = &source;
    mr_diff_make(&writing.diff, before, &shown);
    bool good = mr_output_write(wishes->output, STDOUT_FILENO, put_diff, &writing);
    mr_diff_free(&writing.diff);
    mr_source_free(&source);
    return good;
}

/* A page fills a terminal with what nobody can read. */
static bool settle(struct wishes *wishes)
{
    if (!wishes->top_set)
        wishes->top = wishes->format->top;
    if (wishes->help || wishes->format->write != mr_html_diff || wishes->output || !isatty(STDOUT_FILENO))
        return true;
    mr_cli_say("--format=html is no text: send it to a file (-o FILE), not to a terminal");
    return false;
}

int mr_cmd_diff(char **words)
{
    struct wishes wishes = { .format = &formats[0] };
    if (!read_words(&wishes, words) || !settle(&wishes))
        return MR_CODE_USAGE;
    if (wishes.help)
        return mr_cmd_help((char *[]){ (char *)"diff", NULL });
    signal(SIGPIPE, SIG_IGN);
    struct mr_load *before = mr_load_open(wishes.files[0]), *after = before ? mr_load_open(wishes.files[1]) : NULL;
    bool good = after && compare(&wishes, mr_load_report(before), mr_load_report(after));
    mr_load_close(after);
    mr_load_close(before);
    return good ? 0 : MR_CODE_FAILED;
}
