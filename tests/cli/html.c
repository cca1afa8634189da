/* html.c: where pages go, and who says what when there is none to write. What they look like: tests/browser. */
#include <criterion/criterion.h>

#include "run.h"
#include "test_ledger.h"

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static char dir[PATH_MAX], ledger[PATH_MAX + 16], page[PATH_MAX + 16];

static void begin(void)
{
    run_make_dir(dir);
    snprintf(ledger, sizeof ledger, "%s/ledger", dir);
    snprintf(page, sizeof page, "%s/page.html", dir);
    struct test_ledger l = test_ledger_new(8, 8);
    uint32_t module = test_ledger_module(&l, "/opt/app/server", 0x550000000000, 0);
    test_ledger_site(&l, test_ledger_frame(&l, 0, module, 0x1000), 100, 7, 2);
    test_ledger_end(&l, MR_LEDGER_EXITED, 0, 1000);
    test_ledger_book(&l);
    test_ledger_write(&l, ledger);
}

static void end(void)
{
    run_remove_dir(dir);
}

TestSuite(html, .init = begin, .fini = end, .timeout = 60);

static struct run_result memoir(const char *const *words)
{
    const char *argv[16] = { run_path("memoir") };
    for (size_t i = 0; words[i]; i++)
        argv[i + 1] = words[i];
    return run_program(&(struct run_spec){ .argv = argv, .preload = "" });
}

static const char *read_page(void)
{
    static char text[1 << 20];
    FILE *f = fopen(page, "r");
    size_t len = f ? fread(text, 1, sizeof text - 1, f) : 0;
    text[len] = '\0';
    if (f)
        fclose(f);
    return text;
}

/* Either the page is there, with the marks of a whole one, or memoir was built without it and said how to get it. */
static void expect_page(struct run_result *result, const char *data)
{
    const char *text = read_page();
    bool built = !strstr(result->err, "was built without npm");
    cr_expect_str_eq(run_ending(result), built ? "exit 0" : "exit 2", "%s", result->err);
    if (built) {
        cr_expect(strncmp(text, "<!doctype html>", 15) == 0 && strstr(text, "</html>"), "%.100s", text);
        cr_expect_not_null(strstr(text, data));
        cr_expect_not_null(strstr(text, "default-src 'none'"), "a page that may fetch something");
        cr_expect_null(strstr(text, "@MEMOIR-DATA@"));
    } else {
        cr_expect_not_null(strstr(result->err, "apt-get install nodejs npm"), "%s", result->err);
        cr_expect_str_eq(text, "");
    }
    run_free(result);
}

Test(html, a_report)
{
    struct run_result result = memoir(WORDS("report", ledger, "--format=html", "-o", page));
    expect_page(&result, "\"pid\":4242");
}

Test(html, beside_the_text)
{
    struct run_result result = memoir(WORDS("report", ledger, "--html", page));
    if (!strstr(result.err, "built without npm"))
        cr_expect_not_null(strstr(result.out, "== memoir == server (pid 4242)"), "%s", result.out);
    expect_page(&result, "\"pid\":4242");
}

Test(html, of_a_run)
{
    char flag[PATH_MAX + 32];
    snprintf(flag, sizeof flag, "--html=%s", page);
    struct run_result result = memoir(WORDS("run", flag, "--", run_program_path("cli_leaks"), "5"));
    if (!strstr(result.err, "built without npm"))
        cr_expect_not_null(strstr(result.err, "== memoir == cli_leaks"), "the text is told as well: %s", result.err);
    expect_page(&result, "cli_leaks.c");
}

Test(html, a_difference)
{
    struct run_result result = memoir(WORDS("diff", ledger, ledger, "--format=html", "-o", page));
    expect_page(&result, "\"diff\":{\"before\":");
}

Test(html, not_where_the_library_writes)
{
    struct run_result result = memoir(WORDS("run", "--html=x", "--leaks=full", "--", "/bin/true"));
    cr_expect_str_eq(run_ending(&result), "exit 2");
    cr_expect(strstr(result.err, "--html does not go with --signal and --leaks=full") || strstr(result.err, "built without npm"),
              "%s", result.err);
    run_free(&result);
}

Test(html, a_place_that_cannot_be_written)
{
    struct run_result result = memoir(WORDS("report", ledger, "--html=/nonexistent/page.html"));
    cr_expect(strcmp(run_ending(&result), "exit 125") == 0 || strstr(result.err, "built without npm"), "%s", result.err);
    cr_expect(strstr(result.err, "/nonexistent/page.html: No such file or directory") || strstr(result.err, "built without npm"),
              "%s", result.err);
    run_free(&result);
}
