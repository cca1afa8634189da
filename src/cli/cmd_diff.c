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

static bool read_format(struct wishes *wishes, const char *value)
{
    wishes->json = strcmp(value, "json") == 0;
    if (wishes->json || strcmp(value, "text") == 0)
        return true;
    mr_cli_say("--format=%.40s: a difference is written as text or json", value);
    return false;
}

static bool read_top(struct wishes *wishes, const char *value)
{
    char *end;
    wishes->top = strtoul(value, &end, 10);
    if (*value >= '0' && *value <= '9' && *end == '\0')
        return true;
    mr_cli_say("--top=%.40s: a number of sites, or 0 for all", value);
    return false;
}

/* The value of --NAME=VALUE or --NAME VALUE; NULL when the word is another flag. *words then stands on its last word. */
static const char *value_of(char ***words, const char *name)
{
    size_t len = strlen(name);
    char *word = **words;
    if (strncmp(word, name, len) != 0 || (word[len] && word[len] != '='))
        return NULL;
    if (word[len])
        return word + len + 1;
    return (*words)[1] ? *++*words : "";
}

static bool read_flag(struct wishes *wishes, char ***words)
{
    const char *value;
    if (strcmp(**words, "--help") == 0 || strcmp(**words, "-h") == 0)
        return wishes->help = true;
    if ((value = value_of(words, "--format")) != NULL)
        return read_format(wishes, value);
    if ((value = value_of(words, "--top")) != NULL)
        return read_top(wishes, value);
    mr_cli_say("memoir diff has no option %.80s; it has --format and --top", **words);
    return false;
}

static bool read_words(struct wishes *wishes, char **words)
{
    size_t files = 0;
    bool flags = true;
    for (; *words && !wishes->help; words++) {
        if (flags && strcmp(*words, "--") == 0)
            flags = false;
        else if (flags && **words == '-') {
            if (!read_flag(wishes, &words))
                return false;
        } else if (files < 2)
            wishes->files[files++] = *words;
        else {
            mr_cli_say("memoir diff compares two files; %s is a third", *words);
            return false;
        }
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
