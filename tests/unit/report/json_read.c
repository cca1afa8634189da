#include <criterion/criterion.h>
#include <string.h>

#include "json_read.h"

static bool skips(const char *text)
{
    struct mr_json_read r = mr_json_read_begin(text, strlen(text));
    bool good = mr_json_read_skip(&r) && mr_json_read_end(&r);
    cr_expect_eq(good, r.why == NULL);
    mr_json_read_free(&r);
    return good;
}

Test(json_read, well_formed)
{
    static const char *const texts[] = {
        "{}", "[]", " [ 1 , -2.5e+3 , \"a\\u00e9\\ud83d\\ude00\\n\" , true , false , null , { \"a\" : [ ] } ]\n", "0", "\"\"",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        cr_expect(skips(texts[i]), "%s", texts[i]);
}

Test(json_read, malformed)
{
    static const char *const texts[] = {
        "", " ", "{", "[", "\"", "[1", "[1,", "[1,]", "[1 2]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "tru", "\"\\x\"",
        "\"\\u12\"", "\"\\u0000\"", "\"a\nb\"", "1 2", "]", "nul", "[}", "{\"a\":1]", "\"\\",  "\"\\u",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        cr_expect(!skips(texts[i]), "%s", texts[i]);
}

Test(json_read, depth_is_limited)
{
    char text[200001];
    memset(text, '[', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    cr_expect(!skips(text));
}

static void expect_text(const char *json, const char *wanted)
{
    struct mr_json_read r = mr_json_read_begin(json, strlen(json));
    cr_assert(mr_json_read_text(&r), "%s: %s", json, r.why);
    cr_expect_str_eq(r.text, wanted);
    mr_json_read_free(&r);
}

Test(json_read, strings)
{
    expect_text("\"\"", "");
    expect_text("\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "a\"\\/\b\f\n\r\t");
    expect_text("\"\\u00ff\\u0041\"", "\xff" "A"); /* a byte that was no UTF-8 */
    expect_text("\"\\u20ac\\u0416\\ud83d\\ude00\"", "\xe2\x82\xac\xd0\x96\xf0\x9f\x98\x80");
    expect_text("\"\xc3\xa9\"", "\xc3\xa9");
}

/* What mr_fmt_json writes comes back byte for byte. */
Test(json_read, inverse_of_the_writer)
{
    char bytes[256], json[2048];
    for (int i = 1; i < 256; i++)
        bytes[i - 1] = (char)i;
    bytes[255] = '\0';
    struct mr_fmt f = mr_fmt_to_buffer(json, sizeof json);
    mr_fmt_char(&f, '"');
    mr_fmt_json(&f, bytes, 255);
    mr_fmt_char(&f, '"');
    expect_text(mr_fmt_end_string(&f), bytes);
}

static bool reads_number(const char *text, uint64_t wanted)
{
    uint64_t n = 0;
    struct mr_json_read r = mr_json_read_begin(text, strlen(text));
    bool good = mr_json_read_number(&r, &n);
    mr_json_read_free(&r);
    return good && n == wanted;
}

Test(json_read, numbers)
{
    cr_expect(reads_number("0", 0));
    cr_expect(reads_number(" 18446744073709551615", UINT64_MAX));
    cr_expect(!reads_number("18446744073709551616", 0));
    cr_expect(!reads_number("-1", 0));
    cr_expect(!reads_number("", 0));
    cr_expect(!reads_number("\"1\"", 1));
}

Test(json_read, the_first_reason_stays)
{
    bool flag;
    struct mr_json_read r = mr_json_read_begin("7", 1);
    cr_expect(!mr_json_read_bool(&r, &flag));
    cr_expect(!mr_json_read_text(&r));
    cr_expect_str_eq(r.why, "true or false is missing");
    cr_expect(!mr_json_read_end(&r));
    mr_json_read_free(&r);
}
