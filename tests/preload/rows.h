/* rows.h: what the drivers of the tables of findings share: a program that is run with variables, and what it must have
 * said, whatever its addresses and numbers were. */
#ifndef TESTS_PRELOAD_ROWS_H
#define TESTS_PRELOAD_ROWS_H

#include <criterion/criterion.h>

#include "run.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
enum { WORDS_MOST = 8 };

/* `arg`: its one argument, "" is none. `env_text`: variables with blanks between them. */
static struct run_result run_row(const char *program, const char *arg, const char *env_text)
{
    const char *argv[] = { run_program_path(program), *arg ? arg : NULL, NULL };
    const char *env[WORDS_MOST + 1] = { NULL };
    char words[512], *rest = NULL;
    size_t n = 0;
    snprintf(words, sizeof words, "%s", env_text);
    for (char *word = strtok_r(words, " ", &rest); word && n < WORDS_MOST; word = strtok_r(NULL, " ", &rest))
        env[n++] = word;
    return run_program(&(struct run_spec){ .argv = argv, .env = env });
}

static bool follows(const char *copy, const char *to, const char *word)
{
    return (size_t)(to - copy) >= strlen(word) && strncmp(to - strlen(word), word, strlen(word)) == 0;
}

/* Copies digits away: of addresses (longer than a byte), of the process, of threads and of milliseconds. */
static char *comparable(const char *text)
{
    char *copy = malloc(strlen(text) + 1), *to = copy;
    while (*text) {
        size_t hex = strncmp(text, "0x", 2) == 0 ? strspn(text + 2, "0123456789abcdef") : 0;
        size_t digits = strspn(text, "0123456789");
        bool number = digits && (strncmp(text + digits, " ms ago", 7) == 0 || follows(copy, to, "process ") ||
                                 follows(copy, to, "thread "));
        if (hex > 2) {
            to = stpcpy(to, "0x");
            text += 2 + hex;
        } else if (number) {
            *to++ = 'N';
            text += digits;
        } else {
            *to++ = *text++;
        }
    }
    *to = '\0';
    return copy;
}

static void expect_row(const char *program, const char *arg, const char *env, const char *ending, const char *err)
{
    struct run_result result = run_row(program, arg, env);
    char *said = comparable(result.err);
    cr_expect(strcmp(run_ending(&result), ending) == 0 && strcmp(said, err) == 0, "%s %s (%s): %s, expected %s; stderr: %s",
              program, arg, env, run_ending(&result), ending, result.err);
    free(said);
    run_free(&result);
}

/* A parameter is the number of a row: it goes to another process. */
#define ROW_NUMBERS(rows) ({                                \
        static int list_[COUNT(rows)];                      \
        for (size_t i_ = 0; i_ < COUNT(list_); i_++)        \
            list_[i_] = (int)i_;                            \
        cr_make_param_array(int, list_, COUNT(list_));      \
    })

#endif
