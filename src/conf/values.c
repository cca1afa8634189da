#include "values.h"

#include <limits.h>
#include <signal.h>
#include <string.h>

/* --- words --------------------------------------------------------------------------------------- */

static char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c == '_' ? '-' : c;
}

bool mr_values_same_word(const char *a, size_t a_len, const char *b)
{
    size_t i = 0;
    while (i < a_len && b[i] && fold(a[i]) == fold(b[i]))
        i++;
    return i == a_len && b[i] == '\0';
}

#define WORD_MAX 31

/* The table of Wagner and Fischer, one row at a time: row[j] = distance of a[0..i) and b[0..j). */
unsigned mr_conf_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    unsigned row[WORD_MAX + 1];
    a_len = mr_min(a_len, WORD_MAX);
    b_len = mr_min(b_len, WORD_MAX);
    for (size_t j = 0; j <= b_len; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= a_len; i++) {
        unsigned corner = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_len; j++) {
            unsigned replace = corner + (fold(a[i - 1]) != fold(b[j - 1]));
            corner = row[j];
            row[j] = (unsigned)mr_min(replace, mr_min(row[j], row[j - 1]) + 1);
        }
    }
    return row[b_len];
}

/* Walks "a|b|c": sets *word and *len to the word at *p and moves *p behind it; false at the end. */
static bool next_word(const char **p, const char **word, size_t *len)
{
    if (**p == '\0')
        return false;
    *word = *p;
    *len = strcspn(*p, "|");
    *p += *len + ((*p)[*len] == '|');
    return true;
}

/* The index of the word equal to `text`, or -1. Exact: no case, no prefix. */
static int find_word(const char *words, const char *text)
{
    const char *word;
    size_t len;
    for (int i = 0; next_word(&words, &word, &len); i++)
        if (strlen(text) == len && memcmp(word, text, len) == 0)
            return i;
    return -1;
}

/* What orders suggestions: the edit distance, and among equals the word with the same first letter. */
static unsigned strangeness(const char *text, const char *word, size_t len)
{
    return 2 * mr_conf_distance(text, strlen(text), word, len) + (len == 0 || fold(*text) != fold(*word));
}

static void put_nearest_word(struct mr_fmt *why, const char *words, const char *text)
{
    const char *word, *best = words;
    size_t len, best_len = 0;
    unsigned least = UINT_MAX;
    while (next_word(&words, &word, &len)) {
        unsigned strange = strangeness(text, word, len);
        if (strange < least) {
            least = strange;
            best = word;
            best_len = len;
        }
    }
    mr_fmt_print(why, "; did you mean %.*s?", (int)best_len, best);
}

/* --- values: each reader sets *value, or says in *why what is wrong ------------------------------- */

static bool read_word(const char *words, const char *text, uint64_t *value, struct mr_fmt *why)
{
    int i = find_word(words, text);
    if (i >= 0) {
        *value = (uint64_t)i;
        return true;
    }
    mr_fmt_print(why, "not one of %s", words);
    put_nearest_word(why, words, text);
    return false;
}

static bool read_choice(const struct mr_option *option, const char *text, uint64_t *value, struct mr_fmt *why)
{
    return read_word(option->values, text, value, why);
}

static bool read_all_or_none(const char *text, uint64_t all, uint64_t *value)
{
    int i = find_word("0|1|off|on|no|yes|false|true|none|all", text);
    if (i >= 0)
        *value = i & 1 ? all : 0;
    return i >= 0;
}

/* Walks "a,b": copies the word at *p, cut to fit, and moves *p behind it. */
static void take_item(const char **p, char item[WORD_MAX + 1])
{
    size_t len = strcspn(*p, ","), kept = mr_min(len, WORD_MAX);
    memcpy(item, *p, kept);
    item[kept] = '\0';
    *p += len + ((*p)[len] == ',');
}

static bool read_set(const struct mr_option *option, const char *text, uint64_t *value, struct mr_fmt *why)
{
    char item[WORD_MAX + 1];
    uint64_t set = 0, index;
    if (read_all_or_none(text, option->max, value))
        return true;
    do {
        take_item(&text, item);
        if (!read_word(option->values, item, &index, why))
            return false;
        set |= (uint64_t)1 << index;
    } while (*text);
    *value = set;
    return true;
}

/* The words alternate between no and yes, so the truth of a word is the parity of its index. */
static bool read_bool(const struct mr_option *option, const char *text, uint64_t *value, struct mr_fmt *why)
{
    (void)option;
    if (!read_word("0|1|off|on|no|yes|false|true", text, value, why))
        return false;
    *value &= 1;
    return true;
}

struct unit {
    const char *name; /* "" is the plain number */
    uint64_t factor;
};
static const struct unit size_units[] = {
    { "", 1 }, { "b", 1 },
    { "k", UINT64_C(1) << 10 }, { "kb", UINT64_C(1) << 10 }, { "kib", UINT64_C(1) << 10 },
    { "m", UINT64_C(1) << 20 }, { "mb", UINT64_C(1) << 20 }, { "mib", UINT64_C(1) << 20 },
    { "g", UINT64_C(1) << 30 }, { "gb", UINT64_C(1) << 30 }, { "gib", UINT64_C(1) << 30 },
    { "t", UINT64_C(1) << 40 }, { "tb", UINT64_C(1) << 40 }, { "tib", UINT64_C(1) << 40 },
};
static const struct unit time_units[] = {
    { "", 1 }, { "ms", 1 }, { "s", 1000 }, { "min", 60000 }, { "h", 3600000 },
};
static const struct unit plain_units[] = { { "", 1 } };

enum reading { READ, MALFORMED, TOO_LARGE };

static enum reading read_digits(const char **p, uint64_t *n)
{
    enum reading result = **p >= '0' && **p <= '9' ? READ : MALFORMED;
    for (*n = 0; **p >= '0' && **p <= '9'; (*p)++)
        if (__builtin_mul_overflow(*n, 10, n) || __builtin_add_overflow(*n, (uint64_t)(**p - '0'), n))
            result = TOO_LARGE;
    return result;
}

static enum reading read_quantity(const char *text, const struct unit *units, size_t count, uint64_t *n)
{
    enum reading result = read_digits(&text, n);
    if (result == MALFORMED)
        return MALFORMED;
    for (size_t i = 0; i < count; i++)
        if (mr_values_same_word(text, strlen(text), units[i].name))
            return __builtin_mul_overflow(*n, units[i].factor, n) ? TOO_LARGE : result;
    return MALFORMED;
}

/* Ends a reading: within the row's range, or a reason. `form` says what was expected. */
static bool settle(enum reading reading, const struct mr_option *option, uint64_t n, const char *form,
                   const char *unit, uint64_t *value, struct mr_fmt *why)
{
    if (reading == MALFORMED) {
        mr_fmt_print(why, "not %s", form);
        return false;
    }
    if (reading == TOO_LARGE || n < option->min || n > option->max) {
        mr_fmt_print(why, "out of range; it goes from %lu to %lu%s", option->min, option->max, unit);
        return false;
    }
    *value = n;
    return true;
}

static bool read_size(const struct mr_option *option, const char *text, uint64_t *value, struct mr_fmt *why)
{
    uint64_t n;
    enum reading reading = read_quantity(text, size_units, MR_COUNT(size_units), &n);
    return settle(reading, option, n, "a size; write whole bytes, or with k, m, g or t, as in 512m", " bytes", value,
                  why);
}

static bool read_millis(const struct mr_option *option, const char *text, uint64_t *value, struct mr_fmt *why)
{
    uint64_t n;
    enum reading reading = read_quantity(text, time_units, MR_COUNT(time_units), &n);
    return settle(reading, option, n, "a time; write whole milliseconds, or with ms, s, min or h, as in 2s", " ms", value,
                  why);
}

static bool read_number(const struct mr_option *option, const char *text, uint64_t *value, struct mr_fmt *why)
{
    uint64_t n;
    enum reading reading = read_quantity(text, plain_units, 1, &n);
    return settle(reading, option, n, "a whole number", "", value, why);
}

/* "on" is the word for those who do not want to choose. */
static bool read_rate(const struct mr_option *option, const char *text, uint64_t *value, struct mr_fmt *why)
{
    static const uint64_t meanings[] = { 0, MR_RATE_ON, 1 };
    int i = find_word("off|on|all", text);
    uint64_t n;
    if (i >= 0) {
        *value = meanings[i];
        return true;
    }
    enum reading reading = read_quantity(text, plain_units, 1, &n);
    return settle(reading, option, n,
                  "a rate; write off, on, all, or N for one allocation in N", "", value, why);
}

/* RTMIN, RTMIN+n, RTMAX, RTMAX-n; 0 for anything else. */
static uint64_t realtime_of_name(const char *name)
{
    bool low = mr_values_same_word(name, strnlen(name, 5), "RTMIN");
    if (!low && !mr_values_same_word(name, strnlen(name, 5), "RTMAX"))
        return 0;
    uint64_t first = (uint64_t)SIGRTMIN, last = (uint64_t)SIGRTMAX, n = 0;
    name += 5;
    if (*name) {
        if (*name++ != (low ? '+' : '-') || read_digits(&name, &n) != READ || *name || n > last - first)
            return 0;
    }
    return low ? first + n : last - n;
}

static uint64_t signal_of_name(const char *name)
{
    for (int number = 1; number < 32; number++) {
        const char *abbreviation = sigabbrev_np(number);
        if (abbreviation && mr_values_same_word(name, strlen(name), abbreviation))
            return (uint64_t)number;
    }
    return realtime_of_name(name);
}

/* Only a name that differs in little is worth suggesting: the forms a signal may take are listed anyway. */
static void put_nearest_signal(struct mr_fmt *why, const char *name)
{
    unsigned least = 2 * 3;
    const char *best = NULL;
    for (int number = 1; number < 32; number++) {
        const char *word = sigabbrev_np(number);
        unsigned strange = word ? strangeness(name, word, strlen(word)) : UINT_MAX;
        if (strange < least && number != SIGKILL && number != SIGSTOP) {
            least = strange;
            best = word;
        }
    }
    if (best)
        mr_fmt_print(why, "; did you mean %s?", best);
}

static bool read_signal(const struct mr_option *option, const char *text, uint64_t *value, struct mr_fmt *why)
{
    const char *name = mr_values_same_word(text, strnlen(text, 3), "SIG") ? text + 3 : text;
    uint64_t n;
    enum reading reading = READ;
    if (*text >= '0' && *text <= '9') {
        reading = read_quantity(text, plain_units, 1, &n);
    } else if ((n = signal_of_name(name)) == 0) {
        mr_fmt_print(why, "not a signal; write a name or a number, as in USR2, RTMIN+3 or 12");
        put_nearest_signal(why, name);
        return false;
    }
    if (n == SIGKILL || n == SIGSTOP || (n >= 32 && n < (uint64_t)SIGRTMIN)) {
        mr_fmt_print(why, "a signal that %s", n < 32 ? "no program can catch" : "the C library keeps for itself");
        return false;
    }
    return settle(reading, option, n, "a signal's number", "", value, why);
}

typedef bool reader(const struct mr_option *option, const char *text, uint64_t *value, struct mr_fmt *why);
static reader *const readers[] = {
    [MR_OPTION_BOOL] = read_bool,     [MR_OPTION_SIZE] = read_size,     [MR_OPTION_NUMBER] = read_number,
    [MR_OPTION_MILLIS] = read_millis, [MR_OPTION_CHOICE] = read_choice, [MR_OPTION_SIGNAL] = read_signal,
    [MR_OPTION_SET] = read_set,       [MR_OPTION_RATE] = read_rate,
};

bool mr_values_read(const struct mr_option *option, const char *text, uint64_t *value, struct mr_fmt *why)
{
    MR_REQUIRE(!mr_option_is_text(option), "a text has nothing to read");
    return readers[option->type](option, text, value, why);
}

static void print_set(const struct mr_option *option, uint64_t value, struct mr_fmt *out)
{
    const char *words = option->values, *word, *comma = "";
    size_t len;
    if (value == 0 || value == option->max)
        mr_fmt_char(out, value ? '1' : '0');
    else
        for (; next_word(&words, &word, &len); value >>= 1)
            if (value & 1) {
                mr_fmt_print(out, "%s%.*s", comma, (int)len, word);
                comma = ",";
            }
}

void mr_values_print(const struct mr_option *option, uint64_t value, struct mr_fmt *out)
{
    if (option->type == MR_OPTION_CHOICE) {
        const char *words = option->values, *word = "";
        size_t len = 0;
        for (uint64_t i = 0; i <= value && next_word(&words, &word, &len); i++)
            ;
        mr_fmt_print(out, "%.*s", (int)len, word);
    } else if (option->type == MR_OPTION_SET) {
        print_set(option, value, out);
    } else {
        mr_fmt_print(out, "%lu%s", value, option->type == MR_OPTION_MILLIS ? "ms" : "");
    }
}
