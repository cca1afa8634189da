#include "html_stacks.h"
#include "stacks.h"

static char *written(const struct mr_html_stacks *stacks)
{
    char *text = calloc(1, 65536);
    struct mr_fmt out = mr_fmt_to_buffer(text, 65535);
    mr_html_stacks_write(stacks, &out);
    return text;
}

Test(html_stacks, callers_come_first_and_are_shared)
{
    struct mr_report report = stacks_report();
    struct mr_html_stacks stacks = mr_html_stacks_begin();
    cr_expect_eq(mr_html_stacks_node(&stacks, &report, 0), 0);
    cr_expect_eq(mr_html_stacks_node(&stacks, &report, 1), 3);
    cr_expect_eq(mr_html_stacks_node(&stacks, &report, 2), 4);
    cr_expect_eq(mr_html_stacks_node(&stacks, &report, 1), 3, "the same again");
    cr_expect_eq(stacks.frames.count, 4, "main once");
    mr_html_stacks_free(&stacks);
}

Test(html_stacks, frames_say_what_they_are)
{
    struct mr_report report = stacks_report();
    struct mr_html_stacks stacks = mr_html_stacks_begin();
    mr_html_stacks_node(&stacks, &report, 1);
    cr_expect_eq(mr_html_stacks_frame(&stacks, 2).flags, MR_HTML_INLINED);
    cr_expect_eq(mr_html_stacks_frame(&stacks, 2).line, 212);
    mr_html_stacks_node(&stacks, &report, 4);
    struct mr_html_frame mark = mr_html_stacks_frame(&stacks, 3), jit = mr_html_stacks_frame(&stacks, 4);
    cr_expect_eq(mark.flags, MR_HTML_MARK);
    cr_expect_str_eq(mr_intern_key(&stacks.strings, jit.place), "0x7fff12345678");
    mr_html_stacks_free(&stacks);
}

static size_t relative_frame(const struct mr_report *report, uint32_t stack, struct mr_report_frame *out, size_t cap)
{
    (void)report;
    cr_assert(stack == 1 && cap > 1);
    out[0] = (struct mr_report_frame){ .address = 1, .function = "f", .file = "src/a.c", .directory = "/home/me", .line = 3 };
    out[1] = (struct mr_report_frame){ .address = 2, .function = "main", .file = "/abs/b.c", .directory = "/home/me", .line = 4 };
    return 2;
}

Test(html_stacks, relative_files_begin_where_the_compiler_ran)
{
    struct mr_report report = { .frames = relative_frame };
    struct mr_html_stacks stacks = mr_html_stacks_begin();
    mr_html_stacks_node(&stacks, &report, 1);
    char *text = written(&stacks);
    cr_expect_str_eq(text, "\"strings\":[\"\",\"main\",\"/abs/b.c\",\"f\",\"/home/me/src/a.c\"],"
                           "\"frames\":[[1,2,4,0,0,0],[3,4,3,0,0,0]],\"nodes\":[0,0,1,1]");
    free(text);
    mr_html_stacks_free(&stacks);
}

Test(html_stacks, angles_never_stand_as_themselves)
{
    char text[64];
    struct mr_fmt out = mr_fmt_to_buffer(text, sizeof text);
    mr_html_text(&out, "a<<b\"<", 6);
    mr_html_text(&out, NULL, 0);
    cr_expect_str_eq(mr_fmt_end_string(&out), "\"a\\u003c\\u003cb\\\"\\u003c\"\"\"");
}
