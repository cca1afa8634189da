/* api.c: runs the rows of expect.def: what a program can ask of malloc and its family, and whether
 * the report's numbers are the ones the program made.
 *
 * run.h says how the library under test is chosen; under glibc or another allocator the COUNTED
 * rows and the repetitions under MEMOIR_STRATEGY have no meaning and are left out. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <dirent.h>

#include "run.h"

enum repeat { ONCE, EACH_STRATEGY, TOGETHER };

struct row {
    const char *program, *args, *env, *ending, *err;
    enum repeat repeat;
    unsigned seconds;
    unsigned rounds; /* COUNTED rows only */
};

static const struct row rows[] = {
#define RUN(program, args, env, ending, err, repeat, seconds) { #program, args, env, ending, err, repeat, seconds, 0 },
#define COUNTED(program, rounds, repeat) { #program, "", "", "exit 0", "", repeat, 30, rounds },
#include "expect.def"
#undef RUN
#undef COUNTED
};

static const char *const strategies[] = {
    "slab", "first-fit", "next-fit", "best-fit", "worst-fit", "segregated-fit", "buddy",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A parameter is row * COUNT(strategies) + strategy. Strategy 0 is the default and sets no variable. */
static const struct row *row_of(int param) { return &rows[param / COUNT(strategies)]; }
static const char *strategy_of(int param) { return strategies[param % COUNT(strategies)]; }

static struct criterion_test_params params(bool counted)
{
    static int list[COUNT(rows) * COUNT(strategies)];
    size_t n = 0;
    for (size_t i = 0; i < COUNT(list); i++) {
        const struct row *row = row_of((int)i);
        size_t strategy = i % COUNT(strategies);
        bool repeats = row->repeat != ONCE && run_under_strategy(i / COUNT(strategies), strategy, COUNT(strategies));
        if ((row->rounds > 0) == counted && (strategy == 0 || repeats))
            list[n++] = (int)i;
    }
    return cr_make_param_array(int, list, n);
}

/* --- running a row ------------------------------------------------------------------------------ */

/* Cuts text at blanks into list, NULL-terminated; the words live in store. */
static void split(const char *text, char *store, size_t size, const char **list, size_t room)
{
    char *rest = NULL;
    size_t n = 0;
    snprintf(store, size, "%s", text);
    for (char *word = strtok_r(store, " ", &rest); word && n + 1 < room; word = strtok_r(NULL, " ", &rest))
        list[n++] = word;
    list[n] = NULL;
}

static size_t length(const char **list)
{
    size_t n = 0;
    while (list[n])
        n++;
    return n;
}

/* Runs the row's program with `args` and the variables of the row, of the strategy and `more`. */
static struct run_result run_row(int param, const char *args, const char *const *more)
{
    const struct row *row = row_of(param);
    const char *argv[16], *env[16];
    char arg_store[512], env_store[512], strategy[64];
    argv[0] = run_program_path(row->program);
    split(args, arg_store, sizeof arg_store, argv + 1, COUNT(argv) - 1);
    split(row->env, env_store, sizeof env_store, env, COUNT(env) - 4);
    size_t n = length(env);
    if (param % COUNT(strategies)) {
        snprintf(strategy, sizeof strategy, "MEMOIR_STRATEGY=%s", strategy_of(param));
        env[n++] = strategy;
    }
    while (more && *more)
        env[n++] = *more++;
    env[n] = NULL;
    return run_program(&(struct run_spec){ .argv = argv, .env = env, .seconds = row->seconds });
}

/* A copy of text to be freed. Line numbers in it are the programs' own affair: ":123:" becomes ":NN:". */
static char *comparable(const char *text)
{
    char *copy = malloc(2 * strlen(text) + 1), *to = copy;
    while (*text) {
        size_t digits = *text == ':' ? strspn(text + 1, "0123456789") : 0;
        if (digits && text[digits + 1] == ':') {
            to = stpcpy(to, ":NN");
            text += digits + 1;
        } else {
            *to++ = *text++;
        }
    }
    *to = '\0';
    return copy;
}

ParameterizedTestParameters(api, runs) { return params(false); }

static void check_run(int param, const char *args)
{
    const struct row *row = row_of(param);
    struct run_result result = run_row(param, args, NULL);
    char *err = comparable(result.err);
    bool wanted = strcmp(run_ending(&result), row->ending) == 0 && strcmp(err, row->err) == 0;
    cr_expect(wanted, "%s %s (%s): %s, expected %s; stderr: %s", row->program, args, strategy_of(param),
              run_ending(&result), row->ending, result.err);
    free(err);
    run_free(&result);
}

/* Each case of the row's program in a process, and so on a heap, of its own. */
static void check_cases_alone(int param)
{
    struct run_result list = run_row(param, "--list", NULL);
    char *rest = NULL;
    cr_expect(list.out_len > 0, "%s lists no cases", row_of(param)->program);
    for (char *name = strtok_r(list.out, "\n", &rest); name; name = strtok_r(NULL, "\n", &rest))
        check_run(param, name);
    run_free(&list);
}

/* By default all cases one after another on one heap, then each alone: either finds what the other hides. */
ParameterizedTest(int *param, api, runs, .timeout = 200)
{
    const struct row *row = row_of(*param);
    if (row->args[0] || *param % COUNT(strategies) == 0 || row->repeat == TOGETHER)
        check_run(*param, row->args);
    if (!row->args[0] && row->repeat != TOGETHER)
        check_cases_alone(*param);
}

/* --- statistics ------------------------------------------------------------------------------------ */

/* A report's numbers as lines: `key value` for the totals, `class size allocations frees` for the rest. */
static char *numbers(const char *dir, const char *name)
{
    static const char filter[] =
        "(.totals | to_entries[] | \"\\(.key) \\(.value)\"), "
        "(.size_classes[] | \"class \\(.size) \\(.allocations) \\(.frees)\")";
    char path[2 * PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    const char *argv[] = { "/usr/bin/env", "jq", "-r", filter, path, NULL };
    struct run_result jq = run_program(&(struct run_spec){ .argv = argv, .preload = "" });
    cr_assert(!jq.timed_out && jq.status == 0, "jq (is it installed?) %s: %s", run_ending(&jq), jq.err);
    free(jq.err);
    return jq.out;
}

/* The program's own output with `rounds` rounds; its report becomes dir/name. */
static char *run_counted(int param, unsigned rounds, const char *dir, const char *name)
{
    char args[32], output[2 * PATH_MAX];
    snprintf(args, sizeof args, "%u", rounds);
    snprintf(output, sizeof output, "MEMOIR_OUTPUT=%s/%s", dir, name);
    const char *const env[] = { output, "MEMOIR_FORMAT=json", NULL };
    struct run_result result = run_row(param, args, env);
    cr_assert(strcmp(run_ending(&result), "exit 0") == 0 && result.err_len == 0, "%s %s (%s): %s; stderr: %s",
              row_of(param)->program, args, strategy_of(param), run_ending(&result), result.err);
    free(result.err);
    return result.out;
}

/* The number in the line "key N", or 0. */
static long long total(const char *text, const char *key)
{
    char start[64];
    size_t len = (size_t)snprintf(start, sizeof start, "%s ", key);
    for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
        if (strncmp(line, start, len) == 0)
            return atoll(line + len);
    return 0;
}

struct class_line {
    unsigned long long size, allocations, frees;
};

/* The next "class ..." line at or behind *at; false at the end. */
static bool next_class(const char **at, struct class_line *class)
{
    for (const char *line = *at; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
        if (sscanf(line, "class %llu %llu %llu", &class->size, &class->allocations, &class->frees) == 3) {
            *at = strchr(line, '\n') + 1;
            return true;
        }
    return false;
}

static struct class_line class_row(const char *text, unsigned long long size)
{
    struct class_line class;
    while (next_class(&text, &class))
        if (class.size == size)
            return class;
    return (struct class_line){ .size = size };
}

/* What the program says it did in blocks of more than `above` and at most `size` bytes. */
static struct class_line made_between(const char *made, unsigned long long above, unsigned long long size)
{
    struct class_line sum = { .size = size }, class;
    while (next_class(&made, &class))
        if (class.size > above && class.size <= size) {
            sum.allocations += class.allocations;
            sum.frees += class.frees;
        }
    return sum;
}

/* Each class of the report grew by what was made in blocks of its sizes, and nothing was made elsewhere. */
static void compare_classes(int param, const char *made, const char *before, const char *after)
{
    unsigned long long above = 0, found = 0;
    struct class_line class;
    for (const char *at = after; next_class(&at, &class); above = class.size) {
        struct class_line want = made_between(made, above, class.size), was = class_row(before, class.size);
        found += want.allocations;
        cr_expect(class.allocations - was.allocations == want.allocations && class.frees - was.frees == want.frees,
                  "%s (%s): class %llu: %lld allocations, %lld frees; made were %llu and %llu", row_of(param)->program,
                  strategy_of(param), class.size, (long long)(class.allocations - was.allocations),
                  (long long)(class.frees - was.frees), want.allocations, want.frees);
    }
    cr_expect(found == made_between(made, 0, ~0ull).allocations, "%s (%s): blocks above the largest class",
              row_of(param)->program, strategy_of(param));
}

static void compare_totals(int param, const char *made, const char *before, const char *after)
{
    static const char *const keys[] = { "allocations", "frees", "allocated_bytes", "freed_bytes",
                                        "in_use_blocks", "in_use_bytes", "failed" };
    for (size_t i = 0; i < COUNT(keys); i++) {
        if (!strstr(made, keys[i]))
            continue;
        long long grew = total(after, keys[i]) - total(before, keys[i]);
        cr_expect(grew == total(made, keys[i]), "%s (%s): %s: the report grew by %lld, made were %lld",
                  row_of(param)->program, strategy_of(param), keys[i], grew, total(made, keys[i]));
    }
    cr_expect(total(after, "allocations") - total(after, "frees") == total(after, "in_use_blocks"),
              "%s (%s): allocations - frees is not in_use_blocks", row_of(param)->program, strategy_of(param));
}

ParameterizedTestParameters(api, counts) { return params(true); }

ParameterizedTest(int *param, api, counts, .timeout = 100)
{
    char dir[PATH_MAX];
    if (!run_is_ours())
        cr_skip_test("only memoir writes reports");
    run_make_dir(dir);
    free(run_counted(*param, 0, dir, "before"));
    char *made = run_counted(*param, row_of(*param)->rounds, dir, "after");
    char *before = numbers(dir, "before"), *after = numbers(dir, "after");
    compare_totals(*param, made, before, after);
    if (strstr(made, "class "))
        compare_classes(*param, made, before, after);
    free(made);
    free(before);
    free(after);
    run_remove_dir(dir);
}

/* --- the table itself -------------------------------------------------------------------------------- */

static bool in_table(const char *file)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t len = strlen(rows[i].program);
        if (strncmp(file, rows[i].program, len) == 0 && file[len] == '.')
            return true;
    }
    return false;
}

/* A program nobody runs proves nothing. The sources are looked for where make runs the tests. */
Test(api, every_program_has_a_row)
{
    DIR *dir = opendir("tests/preload/prog");
    cr_assert(dir, "run me in the top directory of the sources");
    for (struct dirent *e; (e = readdir(dir));)
        if (strncmp(e->d_name, "api_", 4) == 0 || strncmp(e->d_name, "count_", 6) == 0)
            cr_expect(in_table(e->d_name), "%s has no row in expect.def", e->d_name);
    closedir(dir);
}
