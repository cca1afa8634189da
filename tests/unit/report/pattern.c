#include <criterion/criterion.h>

#include "pattern.h"

Test(pattern, the_whole_text_with_wildcards)
{
    static const struct {
        const char *pattern, *text;
        bool fits;
    } rows[] = {
        { "", "", true },          { "", "a", false },        { "a", "a", true },         { "a", "ab", false },
        { "*", "", true },         { "*", "abc", true },      { "a*c", "abbbc", true },   { "a*c", "abbbd", false },
        { "a*b*c", "aXbYbZc", true }, { "?", "", false },     { "?b?", "abc", true },     { "a**b", "ab", true },
        { "*ab*ab", "abab", true }, { "*ab*abc", "ababab", false }, { "*.so.?", "/lib/libc.so.6", true },
        { "std::*<int*>", "std::vector<int, x>", true },
    };
    for (size_t i = 0; i < MR_COUNT(rows); i++)
        cr_expect_eq(mr_pattern_fits(rows[i].pattern, rows[i].text), rows[i].fits, "%s with %s", rows[i].pattern, rows[i].text);
}

Test(pattern, found_inside_as_leak_sanitizer_reads_it)
{
    static const struct {
        const char *pattern, *text;
        bool found;
    } rows[] = {
        { "b", "abc", true },    { "^b", "abc", false },  { "^a", "abc", true },   { "c$", "abc", true },
        { "b$", "abc", false },  { "^abc$", "abc", true }, { "^ab$", "abc", false }, { "a*c", "xabcx", true },
        { "a?c", "abc", false }, { "a?c", "xa?cx", true }, { "$", "abc", true },    { "^$", "abc", false },
        { "b*$", "abc", true },  { "x", "", false },      { "*", "", true },
    };
    for (size_t i = 0; i < MR_COUNT(rows); i++)
        cr_expect_eq(mr_pattern_found(rows[i].pattern, rows[i].text), rows[i].found, "%s in %s", rows[i].pattern, rows[i].text);
}

/* A matcher that goes back to every '*' would take years. */
Test(pattern, many_stars_do_not_take_for_ever, .timeout = 5)
{
    static char text[20001];
    for (size_t i = 0; i < sizeof text - 1; i++)
        text[i] = 'a';
    cr_expect_not(mr_pattern_fits("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", text));
}
