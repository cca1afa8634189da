#include "args.h"
#include "cli.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void mr_args_name(const struct mr_option *option, char name[MR_ARGS_NAME_MAX])
{
    size_t i = 0;
    for (; option->name[i] && i < MR_ARGS_NAME_MAX - 1; i++) {
        char c = option->name[i];
        name[i] = c == '_' ? '-' : c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    name[i] = '\0';
}

/* A flag cut into its parts: "--name", "--name=value". */
struct flag {
    char name[MR_ARGS_NAME_MAX]; /* cut off when longer: no flag of ours is */
    const char *value;           /* behind the '=', else NULL */
};

static struct flag cut(const char *word)
{
    struct flag flag;
    size_t len = strcspn(word + 2, "=");
    snprintf(flag.name, sizeof flag.name, "%.*s", (int)mr_min(len, INT_MAX), word + 2);
    flag.value = word[2 + len] ? word + 2 + len + 1 : NULL;
    return flag;
}

#define AT(member) .offset = offsetof(struct mr_args, member)

const struct mr_flag mr_args_flags[] = {
    { .name = "library", .value = "PATH", .file = true, AT(library),
      .sentence = "the libmemoir.so to use, instead of the one that lies beside memoir" },
    { .name = "version", AT(version), .sentence = "the version of memoir" },
    { .name = NULL },
};

static const struct mr_option *find_option(const char *name)
{
    char spelt[MR_ARGS_NAME_MAX];
    const struct mr_option *option = mr_conf_find(name);
    if (!option)
        return NULL;
    mr_args_name(option, spelt);
    return strcmp(spelt, name) == 0 ? option : NULL;
}

/* The flag that is nearer to `name` than `nearest`, or that one. */
static const char *nearer(const struct mr_flag *flags, const char *name, const char *nearest, unsigned *least)
{
    for (; flags->name; flags++) {
        unsigned distance = mr_conf_distance(name, strlen(name), flags->name, strlen(flags->name));
        if (distance < *least) {
            *least = distance;
            nearest = flags->name;
        }
    }
    return nearest;
}

static void say_unknown(const struct flag *flag)
{
    char best[MR_ARGS_NAME_MAX];
    const char *nearest = best;
    mr_args_name(mr_conf_nearest(flag->name), best);
    unsigned least = mr_conf_distance(flag->name, strlen(flag->name), best, strlen(best));
    nearest = nearer(mr_args_flags, flag->name, nearest, &least);
    nearest = nearer(mr_report_args_flags, flag->name, nearest, &least);
    mr_cli_say("--%s is no option; did you mean --%s?", flag->name, nearest);
}

static void say_bad_value(void *ctx, const char *reason)
{
    const struct flag *flag = ctx;
    mr_cli_say("--%s=%.100s: %s", flag->name, flag->value, reason);
}

/* Sets the option and its variable. */
static bool apply(struct mr_args *args, const struct mr_option *option, struct flag *flag)
{
    char variable[MR_ARGS_NAME_MAX + 8];
    if (*flag->value == '\0' && !mr_option_is_text(option)) {
        mr_cli_say("--%s= has no value", flag->name);
        return false;
    }
    if (!mr_conf_set(&args->conf, option->name, flag->value, say_bad_value, flag))
        return false;
    snprintf(variable, sizeof variable, "MEMOIR_%s", option->name);
    setenv(variable, flag->value, 1);
    return true;
}

/* The value of a flag that needs one: behind '=', or the next word, which is then passed over. */
static bool fetch_value(struct flag *flag, char ***words)
{
    if (!flag->value)
        flag->value = *++*words;
    if (!flag->value)
        mr_cli_say("--%s needs a value", flag->name);
    return flag->value != NULL;
}

/* Reads the flag at *words and moves *words to its last word. Where the report goes and how it looks is memoir's
 * business, not the library's. */
static bool read_flag(struct mr_args *args, char ***words)
{
    enum mr_flags_result result = mr_flags_take(mr_args_flags, args, words);
    if (result == MR_FLAGS_UNKNOWN)
        result = mr_flags_take(mr_report_args_flags, &args->report, words);
    if (result != MR_FLAGS_UNKNOWN)
        return result == MR_FLAGS_TAKEN;
    struct flag flag = cut(**words);
    const struct mr_option *option = find_option(flag.name);
    if (!option) {
        say_unknown(&flag);
        return false;
    }
    if ((option->type == MR_OPTION_BOOL || option->type == MR_OPTION_SET) && !flag.value)
        flag.value = "1";
    return fetch_value(&flag, words) && apply(args, option, &flag);
}

/* The library says what is wrong with a variable when the program starts; once is enough. */
static void ignore(void *ctx, const char *line)
{
    (void)ctx;
    (void)line;
}

bool mr_args_read(struct mr_args *args, char **words)
{
    *args = (struct mr_args){ .conf = mr_conf };
    mr_conf_read_environment(&args->conf, environ, ignore, NULL);
    if (!mr_report_args_init(&args->report)) {
        mr_cli_say("out of memory");
        return false;
    }
    for (; *words && **words == '-' && !args->report.help && !args->version; words++) {
        if (strcmp(*words, "--") == 0) {
            words++;
            break;
        }
        if (strncmp(*words, "--", 2) != 0 && strcmp(*words, "-o") != 0 && strcmp(*words, "-h") != 0) {
            mr_cli_say("%s is no option; all of memoir's begin with two dashes", *words);
            return false;
        }
        if (!read_flag(args, &words))
            return false;
    }
    args->help = args->report.help;
    args->program = words;
    return true;
}
