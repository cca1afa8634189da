/* guard.c: runs the rows of guard.def: what is said at the faulty instruction, that nothing is said of its twin, and which
 * requests fail. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "run.h"

struct row {
    const char *program, *arg, *env, *ending, *err;
};

static const struct row rows[] = {
#define GUARD(program, arg, env, ending, err) { #program, arg, env, ending, err },
#include "guard.def"
#undef GUARD
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
enum { WORDS_MOST = 8 };

static struct run_result run_one(const struct row *row, const char *arg, const char *env_text)
{
    const char *argv[] = { run_program_path(row->program), *arg ? arg : NULL, NULL };
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

static void expect_run(const struct row *row, const char *arg, const char *env, const char *ending, const char *err)
{
    struct run_result result = run_one(row, arg, env);
    char *said = comparable(result.err);
    cr_expect(strcmp(run_ending(&result), ending) == 0 && strcmp(said, err) == 0, "%s %s (%s): %s, expected %s; stderr: %s",
              row->program, arg, env, run_ending(&result), ending, result.err);
    free(said);
    run_free(&result);
}

/* A parameter is the number of a row: it goes to another process. */
ParameterizedTestParameters(guard, rows)
{
    static int list[COUNT(rows)];
    for (size_t i = 0; i < COUNT(list); i++)
        list[i] = (int)i;
    return cr_make_param_array(int, list, COUNT(list));
}

ParameterizedTest(int *param, guard, rows, .timeout = 60)
{
    const struct row *row = &rows[*param];
    if (!run_is_ours())
        cr_skip_test("only memoir does so");
    expect_run(row, row->arg, row->env, row->ending, row->err);
    if (strncmp(row->program, "guard_", 6) == 0)
        expect_run(row, "good", row->env, "exit 0", "");
}
