#include "html_stacks.h"
#include "stacks.h"

/* Frames at the lines given, of /src/f.c; 0 ends them. */
static const uint32_t *lines;

static size_t frames_at(const struct mr_report *report, uint32_t stack, struct mr_report_frame *out, size_t cap)
{
    (void)report;
    (void)cap;
    out[0] = (struct mr_report_frame){ .address = stack, .function = "f", .file = stack == 99 ? "/src/gone.c" : "/src/f.c",
                                       .line = stack == 99 ? 1 : lines[stack - 1] };
    return 1;
}

static const char *read_source(void *ctx, const char *path, size_t *len)
{
    if (strcmp(path, "/src/f.c") != 0)
        return NULL;
    *len = strlen(ctx);
    return ctx;
}

/* What is written of frames at those lines of the source. */
static char *sources(const char *source, const uint32_t *at)
{
    struct mr_report report = { .frames = frames_at, .source = source ? read_source : NULL, .source_ctx = (void *)source };
    struct mr_html_stacks stacks = mr_html_stacks_begin();
    char *text = calloc(1, 65536);
    struct mr_fmt out = mr_fmt_to_buffer(text, 65535);
    lines = at;
    for (uint32_t i = 1; at[i - 1]; i++)
        mr_html_stacks_node(&stacks, &report, i);
    mr_html_stacks_node(&stacks, &report, 99);
    mr_html_source_write(&stacks, &report, &out);
    mr_html_stacks_free(&stacks);
    return text;
}

static void expect(const char *source, const uint32_t *at, const char *wanted)
{
    char *text = sources(source, at);
    cr_expect_str_eq(text, wanted);
    free(text);
}

#define AT_LINES(...) ((const uint32_t[]){ __VA_ARGS__, 0 })

Test(html_source, lines_around)
{
    expect("1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n", AT_LINES(6),
           "\"sources\":{\"2\":[[2,\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\"]]}");
}

Test(html_source, windows_that_touch_are_one)
{
    expect("1\n2\n3\n4\n5\n6\n7", AT_LINES(7, 1, 2), "\"sources\":{\"2\":[[1,\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\"]]}");
}

Test(html_source, two_windows)
{
    char source[64] = "";
    for (int i = 0; i < 20; i++)
        strcat(source, i ? "\n" : "x");
    strcat(source, "y");
    expect(source, AT_LINES(1, 20),
           "\"sources\":{\"2\":[[1,\"x\",\"\",\"\",\"\",\"\"],[16,\"\",\"\",\"\",\"\",\"y\"]]}");
}

Test(html_source, a_line_behind_the_end)
{
    expect("1\n", AT_LINES(900), "\"sources\":{\"2\":[]}");
}

Test(html_source, nothing_to_read)
{
    expect(NULL, AT_LINES(1), "\"sources\":{}");
}

/* 159 bytes fit, and the character of two bytes at the border does not. */
Test(html_source, long_lines_are_cut_between_characters)
{
    char source[400], wanted[400];
    memset(source, 'a', sizeof source);
    memcpy(source + 159, "\xc3\xa9", 2);
    source[399] = '\0';
    snprintf(wanted, sizeof wanted, "\"sources\":{\"2\":[[1,\"%.159s\"]]}", source);
    expect(source, AT_LINES(1), wanted);
}

/* Much source, little page. */
Test(html_source, all_together_are_bounded)
{
    size_t n = 3000000;
    char *source = malloc(n + 1), *text;
    static uint32_t at[2002];
    for (size_t i = 0; i < n; i++)
        source[i] = i % 100 == 99 ? '\n' : 'b';
    source[n] = '\0';
    struct mr_report report = { .frames = frames_at, .source = read_source, .source_ctx = source };
    struct mr_html_stacks stacks = mr_html_stacks_begin();
    lines = at;
    for (uint32_t i = 0; i < 2000; i++)
        at[i] = 10 + 12 * i;
    for (uint32_t i = 1; i <= 2000; i++)
        if (i != 99)
            mr_html_stacks_node(&stacks, &report, i);
    text = malloc(4 << 20);
    struct mr_fmt out = mr_fmt_to_buffer(text, 4 << 20);
    mr_html_source_write(&stacks, &report, &out);
    cr_expect_lt(out.len, (size_t)1200000);
    cr_expect_gt(out.len, (size_t)1000000);
    mr_html_stacks_free(&stacks);
    free(text);
    free(source);
}
