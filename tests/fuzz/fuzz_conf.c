/* fuzz_conf.c: arbitrary environments for the option parser.
 *
 * The input is cut at its NUL bytes into variables. For each environment:
 *   - every complaint is one line that begins with "memoir: ";
 *   - a variable makes one complaint or none, and with one it changes nothing;
 *   - every value that was accepted lies in its row's range, and prints as a text that reads back.
 *
 * With clang: -fsanitize=fuzzer,address. With -DFUZZ_MAIN it has a main() of its own: each argument is a file
 * to run, or a number: that many random inputs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"

#define VARIABLES 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds, const char *what, const char *of)
{
    if (!holds) {
        fprintf(stderr, "%s: %s\n", what, of);
        abort();
    }
}

static void count_line(void *ctx, const char *line)
{
    require(strncmp(line, "memoir: ", 8) == 0 && !strchr(line, '\n') && !strchr(line, '\x1b'), "a bad complaint", line);
    ++*(int *)ctx;
}

static void count(void *ctx, const char *reason)
{
    (void)reason;
    ++*(int *)ctx;
}

static void check_values(const struct mr_conf *conf)
{
    for (size_t i = 0; i < mr_option_count; i++) {
        const struct mr_option *option = &mr_options[i];
        struct mr_conf again = mr_conf;
        char text[64];
        struct mr_fmt f = mr_fmt_to_buffer(text, sizeof text);
        int complaints = 0;
        if (mr_option_is_text(option))
            continue;
        uint64_t n = *(const uint64_t *)((const char *)conf + option->offset);
        require(n >= option->min && n <= option->max, "out of range", option->name);
        mr_conf_print_value(conf, option, &f);
        require(mr_conf_set(&again, option->name, mr_fmt_end_string(&f), count, &complaints), "does not read back", text);
        require(*(uint64_t *)((char *)&again + option->offset) == n, "reads back as another value", text);
    }
}

static void check_variable(const char *variable)
{
    char *alone[] = { (char *)variable, NULL };
    struct mr_conf conf = mr_conf;
    int complaints = 0;
    mr_conf_read_environment(&conf, alone, count_line, &complaints);
    require(complaints <= 1, "more than one complaint", variable);
    require(complaints == 0 || memcmp(&conf, &mr_conf, sizeof conf) == 0, "refused, and yet changed something", variable);
    check_values(&conf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), *environment[VARIABLES + 1];
    size_t n = 0;
    int complaints = 0;
    memcpy(text, data, size);
    text[size] = '\0';
    for (size_t at = 0; at <= size && n < VARIABLES; at += strlen(text + at) + 1) {
        environment[n++] = text + at;
        check_variable(text + at);
    }
    environment[n] = NULL;
    struct mr_conf conf = mr_conf;
    mr_conf_read_environment(&conf, environment, count_line, &complaints);
    require((size_t)complaints <= n, "more complaints than variables", text);
    check_values(&conf);
    mr_conf_nearest(text);
    mr_conf_find(text);
    free(text);
    return 0;
}

#ifdef FUZZ_MAIN
#include "fuzz_main.h"

/* Pieces that reach deeper than random bytes do. */
static const char *const pieces[] = {
    "MEMOIR_", "STRATEGY", "POOL_LIMIT", "PURGE_DELAY", "OUTPUT", "STATS", "LEAKS", "FORMAT", "SIGNAL", "TEST_", "=", "=", "=",
    "slab", "best-fit", "summary", "full", "json", "on", "0", "1", "64", "65", "18446744073709551615", "18446744073709551616",
    "k", "mib", "t", "ms", "min", "h", "SIG", "USR2", "RTMIN", "RTMAX", "+", "-", "30", "|", " ", "\x1b", "\xff",
};

static size_t fuzz_make(uint64_t round, uint8_t *data, size_t cap)
{
    size_t size = 0;
    (void)round;
    for (size_t left = fuzz_below(24); left > 0; left--) {
        const char *piece = pieces[fuzz_below(MR_COUNT(pieces))];
        char byte = (char)fuzz_byte();
        size_t len = strlen(piece);
        if (fuzz_below(8) == 0)
            piece = &byte, len = 1;
        if (fuzz_below(6) == 0)
            piece = "", len = 1; /* ends the variable */
        if (size + len > cap)
            break;
        memcpy(data + size, piece, len);
        size += len;
    }
    return size;
}
#endif
