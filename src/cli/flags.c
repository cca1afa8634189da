#include "flags.h"
#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 100, INDENT = 28 /* where the sentences begin */ };

/* ---- reading ------------------------------------------------------------------------------------------- */

/* The row of "--name", "--name=value" or "-n". */
static const struct mr_flag *find(const struct mr_flag *flags, const char *word)
{
    bool is_letter = word[0] == '-' && word[1] && word[1] != '-' && !word[2];
    bool is_name = word[0] == '-' && word[1] == '-';
    size_t len = is_name ? strcspn(word + 2, "=") : 0;
    for (const struct mr_flag *flag = flags; flag->name; flag++)
        if (is_letter ? flag->letter == word[1]
                      : is_name && strlen(flag->name) == len && memcmp(flag->name, word + 2, len) == 0)
            return flag;
    return NULL;
}

static bool store(const struct mr_flag *flag, void *args, const char *value)
{
    if (flag->read)
        return flag->read(args, value);
    *(const char **)((char *)args + flag->offset) = value;
    return true;
}

static bool take(const struct mr_flag *flag, void *args, char ***words)
{
    const char *equals = (**words)[1] == '-' ? strchr(**words, '=') : NULL, *value = equals ? equals + 1 : NULL;
    if (!flag->value) {
        if (value)
            mr_cli_say("--%s takes no value", flag->name);
        return *(bool *)((char *)args + flag->offset) = !value;
    }
    if (!value && (*words)[1])
        value = *++*words;
    if (value && *value)
        return store(flag, args, value);
    mr_cli_say("--%s needs a value", flag->name);
    return false;
}

enum mr_flags_result mr_flags_take(const struct mr_flag *flags, void *args, char ***words)
{
    const struct mr_flag *flag = find(flags, **words);
    if (!flag)
        return MR_FLAGS_UNKNOWN;
    return take(flag, args, words) ? MR_FLAGS_TAKEN : MR_FLAGS_BAD;
}

bool mr_flags_read(const char *command, const struct mr_flag *flags, void *args, char ***words)
{
    for (; **words && ***words == '-' && (**words)[1]; ++*words) {
        if (strcmp(**words, "--") == 0) {
            ++*words;
            return true;
        }
        enum mr_flags_result result = mr_flags_take(flags, args, words);
        if (result == MR_FLAGS_UNKNOWN)
            mr_cli_say("memoir %s has no option %.80s; memoir help %s lists them", command, **words, command);
        if (result != MR_FLAGS_TAKEN)
            return false;
    }
    return true;
}

bool mr_flags_number(const char *name, const char *value, unsigned long least, unsigned long most, unsigned long *number)
{
    char *end = NULL;
    errno = 0;
    unsigned long n = strtoul(value, &end, 10);
    if (*value < '0' || *value > '9' || errno || *end || n < least || n > most) {
        mr_cli_say("--%s=%.100s: not a whole number from %lu to %lu", name, value, least, most);
        return false;
    }
    *number = n;
    return true;
}

int mr_flags_choose(const char *name, const char *value, const char *(*words)(size_t i))
{
    char all[256];
    struct mr_fmt f = mr_fmt_to_buffer(all, sizeof all);
    for (size_t i = 0; words(i); i++) {
        if (strcmp(words(i), value) == 0)
            return (int)i;
        mr_fmt_print(&f, "%s%s", i ? "|" : "", words(i));
    }
    mr_cli_say("--%s=%.40s: not one of %s", name, value, mr_fmt_end_string(&f));
    return -1;
}

/* ---- help ---------------------------------------------------------------------------------------------- */

void mr_flags_print_wrapped(const char *text, size_t indent)
{
    size_t column = indent;
    while (*text) {
        size_t len = strcspn(text, " |");
        len += text[len] != '\0';
        if (column > indent && column + len > COLUMNS) {
            printf("\n%*s", (int)indent, "");
            column = indent;
        }
        /* The blank at which a line ends is not printed. */
        bool last = text[len] == '\0' || column + len + strcspn(text + len, " |") + 1 > COLUMNS;
        printf("%.*s", (int)(len - (last && text[len - 1] == ' ')), text);
        column += len;
        text += len;
    }
    printf("\n");
}

/* The sentence and the values there are. */
static void put_sentence(const struct mr_flag *flag)
{
    char text[1024];
    struct mr_fmt f = mr_fmt_to_buffer(text, sizeof text);
    mr_fmt_print(&f, "%s", flag->sentence);
    for (size_t i = 0; flag->words && flag->words(i); i++)
        mr_fmt_print(&f, "%s%s", i ? ", " : ": ", flag->words(i));
    mr_flags_print_wrapped(mr_fmt_end_string(&f), INDENT);
}

void mr_flags_print(const struct mr_flag *flags)
{
    for (const struct mr_flag *flag = flags; flag->name; flag++) {
        int width = flag->letter ? printf("  -%c, --%s", flag->letter, flag->name) : printf("  --%s", flag->name);
        width += flag->value ? printf("=%s", flag->value) : 0;
        printf(width + 2 > INDENT ? "\n%*s" : "%*s", width + 2 > INDENT ? INDENT : INDENT - width, "");
        put_sentence(flag);
    }
}
