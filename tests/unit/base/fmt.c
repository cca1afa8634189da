#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base.h"

static char text[512];

/* What mr_fmt_print writes, beside what the C library's snprintf does. */
#define EXPECT_AS_PRINTF(...)                              \
    do {                                                   \
        char want[512];                                    \
        snprintf(want, sizeof want, __VA_ARGS__);          \
        struct mr_fmt f = mr_fmt_to_buffer(text, sizeof text); \
        mr_fmt_print(&f, __VA_ARGS__);                     \
        cr_expect_str_eq(mr_fmt_end_string(&f), want);     \
    } while (0)

Test(fmt, prints_numbers_as_printf_does)
{
    static const long numbers[] = { 0, 1, -1, 9, 10, -10, 4711, INT_MAX, INT_MIN, UINT_MAX, LONG_MAX,
                                   LONG_MIN };
    for (unsigned i = 0; i < MR_COUNT(numbers); i++) {
        long n = numbers[i];
        EXPECT_AS_PRINTF("<%d|%i|%u|%x>", (int)n, (int)n, (unsigned)n, (unsigned)n);
        EXPECT_AS_PRINTF("<%ld|%lld|%lu|%lx|%llu|%zu|%zx|%jd>", n, (long long)n, (unsigned long)n,
                         (unsigned long)n, (unsigned long long)n, (size_t)n, (size_t)n, (intmax_t)n);
        EXPECT_AS_PRINTF("<%hd|%hu|%hx|%hhd|%hhu|%hhx>", (short)n, (unsigned short)n, (unsigned short)n,
                         (signed char)n, (unsigned char)n, (unsigned char)n);
        EXPECT_AS_PRINTF("<%hx|%hhx>", (short)n, (signed char)n);
        EXPECT_AS_PRINTF("<%12ld|%-12ld|%012ld|%3ld>", n, n, n, n);
        EXPECT_AS_PRINTF("<%*ld|%*ld|%-*ld>", 9, n, -9, n, 9, n);
        EXPECT_AS_PRINTF("<%016lx|%16lx|%-16lx>", (unsigned long)n, (unsigned long)n, (unsigned long)n);
    }
}

Test(fmt, prints_text_as_printf_does)
{
    EXPECT_AS_PRINTF("%s", "");
    EXPECT_AS_PRINTF("plain");
    EXPECT_AS_PRINTF("100%% of %s and %c%c", "it", 'a', 'b');
    EXPECT_AS_PRINTF("<%8s|%-8s|%2s>", "abc", "abc", "abc");
    EXPECT_AS_PRINTF("<%.2s|%.0s|%8.2s|%-8.2s|%.*s|%.*s>", "abc", "abc", "abc", "abc", 1, "abc", -1, "abc");
    EXPECT_AS_PRINTF("<%3c|%-3c>", 'x', 'x');
    EXPECT_AS_PRINTF("<%p>", (void *)0x7f12345678);
    char unterminated[3] = { 'x', 'y', 'z' };
    EXPECT_AS_PRINTF("%.3s", unterminated);
}

static const char *volatile no_string; /* volatile: the compiler is not to see that it is NULL */

Test(fmt, a_missing_string_and_a_lone_percent_do_no_harm)
{
    struct mr_fmt f = mr_fmt_to_buffer(text, sizeof text);
    const char *lone = "end %";
    mr_fmt_print(&f, "%s ", no_string);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-security"
    mr_fmt_print(&f, lone);
#pragma GCC diagnostic pop
    cr_expect_str_eq(mr_fmt_end_string(&f), "(null) end ");
}

Test(fmt, what_does_not_fit_is_dropped_and_counted)
{
    char small[8];
    memset(small, '#', sizeof small);
    struct mr_fmt f = mr_fmt_to_buffer(small, 5);
    mr_fmt_print(&f, "%s", "abcdefgh");
    cr_expect_eq(f.len, 5);
    cr_expect_eq(f.lost, 3);
    mr_fmt_char(&f, 'i');
    cr_expect_eq(f.lost, 4);
    cr_expect_str_eq(mr_fmt_end_string(&f), "abcd");
    cr_expect_eq(f.lost, 5);
    cr_expect_eq(small[5], '#', "nothing is written behind the end");
}

Test(fmt, a_buffer_of_nothing_takes_nothing)
{
    struct mr_fmt f = mr_fmt_to_buffer(text, 0);
    text[0] = '#';
    mr_fmt_print(&f, "%d", 42);
    cr_expect_eq(f.lost, 2);
    cr_expect_eq(text[0], '#');
}

struct received {
    char text[256];
    size_t len, calls, longest;
};

static void receive(void *ctx, const char *part, size_t len)
{
    struct received *r = ctx;
    memcpy(r->text + r->len, part, len);
    r->len += len;
    r->calls++;
    r->longest = mr_max(r->longest, len);
}

Test(fmt, a_sink_gets_everything_in_order)
{
    char small[4];
    for (size_t cap = 1; cap <= sizeof small; cap++) {
        struct received r = { .len = 0 };
        struct mr_fmt f = mr_fmt_to_sink(small, cap, receive, &r);
        mr_fmt_print(&f, "%s-%05d-%s", "The quick brown fox", 42, "jumps");
        mr_fmt_flush(&f);
        mr_fmt_flush(&f);
        r.text[r.len] = '\0';
        cr_expect_str_eq(r.text, "The quick brown fox-00042-jumps");
        cr_expect_eq(r.longest, cap, "full buffers");
        cr_expect_eq(r.calls, (31 + cap - 1) / cap, "and no empty ones");
        cr_expect_eq(f.lost, 0);
    }
}

static const char *size_of(uint64_t bytes)
{
    struct mr_fmt f = mr_fmt_to_buffer(text, sizeof text);
    mr_fmt_size(&f, bytes);
    return mr_fmt_end_string(&f);
}

Test(fmt, sizes_have_binary_units_and_one_decimal)
{
    cr_expect_str_eq(size_of(0), "0 B");
    cr_expect_str_eq(size_of(1023), "1023 B");
    cr_expect_str_eq(size_of(1024), "1.0 KiB");
    cr_expect_str_eq(size_of(1536), "1.5 KiB");
    cr_expect_str_eq(size_of(1024 + 51), "1.0 KiB");
    cr_expect_str_eq(size_of(1024 + 52), "1.1 KiB");
    cr_expect_str_eq(size_of(MR_MIB - 1), "1024.0 KiB");
    cr_expect_str_eq(size_of(410 * MR_MIB), "410.0 MiB");
    cr_expect_str_eq(size_of(3 * MR_GIB / 2), "1.5 GiB");
    cr_expect_str_eq(size_of(1024 * MR_GIB), "1.0 TiB");
    cr_expect_str_eq(size_of((uint64_t)1 << 50), "1.0 PiB");
    cr_expect_str_eq(size_of((uint64_t)1 << 63), "8.0 EiB");
    cr_expect_str_eq(size_of(UINT64_MAX), "16.0 EiB");
}

static const char *count_of(uint64_t n)
{
    struct mr_fmt f = mr_fmt_to_buffer(text, sizeof text);
    mr_fmt_count(&f, n);
    return mr_fmt_end_string(&f);
}

Test(fmt, counts_have_thousands_separated)
{
    cr_expect_str_eq(count_of(0), "0");
    cr_expect_str_eq(count_of(999), "999");
    cr_expect_str_eq(count_of(1000), "1,000");
    cr_expect_str_eq(count_of(1204331), "1,204,331");
    cr_expect_str_eq(count_of(100000), "100,000");
    cr_expect_str_eq(count_of(UINT64_MAX), "18,446,744,073,709,551,615");
}

static const char *json_of(const char *bytes, size_t len)
{
    struct mr_fmt f = mr_fmt_to_buffer(text, sizeof text);
    mr_fmt_json(&f, bytes, len);
    return mr_fmt_end_string(&f);
}
#define JSON(literal) json_of(literal, sizeof literal - 1)

Test(fmt, json_escapes_what_must_be)
{
    cr_expect_str_eq(JSON(""), "");
    cr_expect_str_eq(JSON("a/b c"), "a/b c");
    cr_expect_str_eq(JSON("\"\\\n\t\0\x1f\x7f"), "\\\"\\\\\\u000a\\u0009\\u0000\\u001f\\u007f");
}

Test(fmt, json_leaves_valid_utf8_and_escapes_the_rest)
{
    cr_expect_str_eq(JSON("\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80"), "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80");
    cr_expect_str_eq(JSON("\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"),
                     "\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf",
                     "the first and last of each length");
    cr_expect_str_eq(JSON("\xff"), "\\u00ff");
    cr_expect_str_eq(JSON("\x80y"), "\\u0080y", "a continuation without a beginning");
    cr_expect_str_eq(JSON("\xc3"), "\\u00c3", "cut short");
    cr_expect_str_eq(JSON("\xe2\x82"), "\\u00e2\\u0082");
    cr_expect_str_eq(JSON("\xc3(\xe2\x82x"), "\\u00c3(\\u00e2\\u0082x");
    cr_expect_str_eq(JSON("\xc0\xaf"), "\\u00c0\\u00af", "overlong");
    cr_expect_str_eq(JSON("\xe0\x9f\xbf"), "\\u00e0\\u009f\\u00bf", "overlong");
    cr_expect_str_eq(JSON("\xf0\x8f\xbf\xbf"), "\\u00f0\\u008f\\u00bf\\u00bf", "overlong");
    cr_expect_str_eq(JSON("\xed\xa0\x80"), "\\u00ed\\u00a0\\u0080", "a surrogate");
    cr_expect_str_eq(JSON("\xf4\x90\x80\x80"), "\\u00f4\\u0090\\u0080\\u0080", "beyond Unicode");
    cr_expect_str_eq(JSON("\xf5\x80\x80\x80"), "\\u00f5\\u0080\\u0080\\u0080");
}
