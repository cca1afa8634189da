/* misuse.c: runs the rows of misuse.def: what is said of each bug, and that nothing is said of its twin. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "run.h"

struct row {
    const char *program, *env, *ending, *err;
};

static const struct row rows[] = {
#define MISUSE(program, env, ending, err) { "misuse_" #program, env, ending, err },
#include "misuse.def"
#undef MISUSE
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
enum { WORDS_MOST = 8 };

static struct run_result run_one(const struct row *row, const char *arg, const char *env_text)
{
    const char *argv[] = { run_program_path(row->program), arg, NULL };
    const char *env[WORDS_MOST + 1] = { NULL };
    char words[512], *rest = NULL;
    size_t n = 0;
    snprintf(words, sizeof words, "%s", env_text);
    for (char *word = strtok_r(words, " ", &rest); word && n < WORDS_MOST; word = strtok_r(NULL, " ", &rest))
        env[n++] = word;
    return run_program(&(struct run_spec){ .argv = argv, .env = env });
}

/* Copies digits away: of an address behind 0x that is longer than a byte, of a process and of milliseconds. */
static char *comparable(const char *text)
{
    char *copy = malloc(strlen(text) + 1), *to = copy;
    while (*text) {
        size_t hex = strncmp(text, "0x", 2) == 0 ? strspn(text + 2, "0123456789abcdef") : 0;
        size_t digits = strspn(text, "0123456789");
        bool number = digits && (strncmp(text + digits, " ms ago", 7) == 0 ||
                                 (to - copy >= 8 && strncmp(to - 8, "process ", 8) == 0));
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
              row->program, arg ? arg : "", env, run_ending(&result), ending, result.err);
    free(said);
    run_free(&result);
}

/* A parameter is the number of a row: it goes to another process. */
static struct criterion_test_params params(void)
{
    static int list[COUNT(rows)];
    for (size_t i = 0; i < COUNT(list); i++)
        list[i] = (int)i;
    return cr_make_param_array(int, list, COUNT(list));
}

ParameterizedTestParameters(misuse, rows) { return params(); }

ParameterizedTest(int *param, misuse, rows, .timeout = 60)
{
    const struct row *row = &rows[*param];
    if (!run_is_ours())
        cr_skip_test("only memoir says so");
    expect_run(row, NULL, row->env, row->ending, row->err);
}

ParameterizedTestParameters(misuse, twins) { return params(); }

ParameterizedTest(int *param, misuse, twins, .timeout = 60)
{
    const struct row *row = &rows[*param];
    static const char *const strategies[] = { "slab", "first-fit", "segregated-fit", "buddy" };
    expect_run(row, "good", row->env, "exit 0", "");
    for (size_t i = 0; i < COUNT(strategies) && run_is_ours(); i++) {
        char env[128];
        snprintf(env, sizeof env, "MEMOIR_CHECK=1 MEMOIR_STRATEGY=%s", strategies[i]);
        expect_run(row, "good", env, "exit 0", "");
    }
}
