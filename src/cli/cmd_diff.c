#include "cli.h"
#include "load.h"
#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOP_DEFAULT 20

struct wishes {
    bool help, json;
    size_t top;
    const char *files[2]; /* before, after */
};

static const char *format_names(size_t i)
{
    static const char *const names[] = { "text", "json", NULL };
    return names[i];
}

static bool read_format(void *to, const char *value)
{
    struct wishes *wishes = to;
    wishes->json = strcmp(value, "json") == 0;
    if (wishes->json || strcmp(value, "text") == 0)
        return true;
    mr_cli_say("--format=%.40s: a difference is written as text or json", value);
    return false;
}

static bool read_top(void *to, const char *value)
{
    struct wishes *wishes = to;
    char *end;
    wishes->top = strtoul(value, &end, 10);
    if (*value >= '0' && *value <= '9' && *end == '\0')
        return true;
    mr_cli_say("--top=%.40s: a number of sites, or 0 for all", value);
    return false;
}

const struct mr_flag mr_cmd_diff_flags[] = {
    { .name = "format", .value = "FORMAT", .read = read_format, .words = format_names, .sentence = "how it is written" },
    { .name = "top", .value = "N", .read = read_top, .sentence = "list N sites (default 20; 0: all)" },
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

static void to_stdout(void *ctx, const char *text, size_t len)
{
    (void)ctx;
    fwrite(text, 1, len, stdout);
}

static void compare(const struct wishes *wishes, const struct mr_report *before, const struct mr_report *after)
{
    char buffer[4096];
    struct mr_fmt out = mr_fmt_to_sink(buffer, sizeof buffer, to_stdout, NULL);
    struct mr_diff diff;
    mr_diff_make(&diff, before, after);
    (wishes->json ? mr_diff_json : mr_diff_text)(&diff, wishes->top, &out);
    mr_diff_free(&diff);
}

int mr_cmd_diff(char **words)
{
    struct wishes wishes = { .top = TOP_DEFAULT };
    if (!read_words(&wishes, words))
        return MR_CODE_USAGE;
    if (wishes.help)
        return mr_cmd_help((char *[]){ (char *)"diff", NULL });
    struct mr_load *before = mr_load_open(wishes.files[0]), *after = before ? mr_load_open(wishes.files[1]) : NULL;
    if (after)
        compare(&wishes, mr_load_report(before), mr_load_report(after));
    bool good = after != NULL;
    mr_load_close(after);
    mr_load_close(before);
    return good ? 0 : MR_CODE_FAILED;
}
