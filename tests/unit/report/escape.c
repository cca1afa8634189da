#include "stacks.h"
#include "escape.h"

static const struct mr_escape table[] = { { ';', ":" }, { '\n', "\\n" }, { 0 } };

static void expect_text(const char *text, const char *wanted)
{
    char buf[256];
    struct mr_fmt f = mr_fmt_to_buffer(buf, sizeof buf);
    mr_escape_text(&f, text, table);
    cr_expect_str_eq(mr_fmt_end_string(&f), wanted, "%s", buf);
}

Test(escape, text)
{
    expect_text("", "");
    expect_text("a;b\nc\td\x7f", "a:b\\nc?d?");
    expect_text("\xc3\xa9 \xff \xc3", "\xc3\xa9 \xef\xbf\xbd \xef\xbf\xbd");
    expect_text("\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"); /* a surrogate is no character */
}

static void expect_frame(struct mr_report_frame frame, const char *wanted)
{
    char buf[256];
    struct mr_fmt f = mr_fmt_to_buffer(buf, sizeof buf);
    mr_escape_frame(&f, &frame, table);
    cr_expect_str_eq(mr_fmt_end_string(&f), wanted, "%s", buf);
}

Test(escape, frame)
{
    expect_frame((struct mr_report_frame){ .function = "f;g", .module = "/m" }, "f:g");
    expect_frame((struct mr_report_frame){ .module = "/lib/a;b.so", .offset = 0x1f0 }, "a:b.so+0x1f0");
    expect_frame((struct mr_report_frame){ .address = 0xabc }, "0xabc");
}

static void expect_uri(const char *path, const char *wanted)
{
    char buf[256];
    struct mr_fmt f = mr_fmt_to_buffer(buf, sizeof buf);
    mr_escape_uri(&f, path);
    cr_expect_str_eq(mr_fmt_end_string(&f), wanted, "%s", buf);
}

Test(escape, uri)
{
    expect_uri("/a b/c%d:e.c", "file:///a%20b/c%25d%3Ae.c");
    expect_uri("../src/x~1.c", "../src/x~1.c");
    expect_uri("\xc3\xa9\"", "%C3%A9%22");
}
