#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>

#include "report.h"

static struct mr_suppress *list;
static char said[4096];

static void complain(void *ctx, const char *where, unsigned line, const char *what)
{
    size_t len = strlen(said);
    (void)ctx;
    snprintf(said + len, sizeof said - len, "%s:%u: %s\n", where, line, what);
}

static bool read_list(const char *text)
{
    mr_suppress_free(list);
    list = mr_suppress_new();
    said[0] = '\0';
    return mr_suppress_read(list, "file", text, strlen(text), complain, NULL);
}

static void done(void)
{
    mr_suppress_free(list);
    list = NULL;
}

static const struct mr_report_frame frames[] = {
    { .address = 1, .function = "Cache<int>::put", .linkage = "_ZN5CacheIiE3putEv", .file = "/src/app/cache.hh", .line = 17,
      .module = "/opt/app/server", .inlined = true },
    { .address = 1, .function = "fill_cache", .linkage = "_Z10fill_cachev", .file = "/src/app/cache.cc", .line = 40,
      .module = "/opt/app/server" },
    { .address = 2, .module = "/usr/lib/libplugin.so.3" },
    { .address = 3, .function = "main", .linkage = "main", .file = "/src/app/main.c", .line = 9, .module = "/opt/app/server" },
};

static const char *match(enum mr_site_kind kind)
{
    return mr_suppress_match(list, kind, frames, MR_COUNT(frames));
}

/* What the text makes of a definite leak at `frames`: the name of what fits, or "". */
static const char *fitting(const char *text)
{
    cr_assert(read_list(text), "%s: %s", text, said);
    const char *name = match(MR_SITE_DEFINITELY_LOST);
    return name ? name : "";
}

#define BLOCK(lines) "{\n  a name\n  Memcheck:Leak\n" lines "}\n"

Test(suppress, leak_sanitizers_lines, .fini = done)
{
    cr_expect_str_eq(fitting("# a comment\n\nleak:fill_cache\n"), "fill_cache");
    cr_expect_str_eq(fitting("leak:libplugin\n"), "libplugin");
    cr_expect_str_eq(fitting("  leak:  cache.cc  \r\n"), "cache.cc");
    cr_expect_str_eq(fitting("leak:^main$"), "^main$");
    cr_expect_str_eq(fitting("leak:_ZN5Cache*put"), "_ZN5Cache*put");
    cr_expect_str_eq(fitting("leak:^fill$\nleak:nothing\n"), "");
}

Test(suppress, valgrinds_blocks, .fini = done)
{
    cr_expect_str_eq(fitting(BLOCK("  fun:_ZN5CacheIiE3putEv\n  fun:_Z10fill_cachev\n")), "a name");
    cr_expect_str_eq(fitting(BLOCK("  fun:Cache<*>::put\n  fun:fill_cache\n  obj:*/libplugin.so*\n  fun:main\n")), "a name");
    cr_expect_str_eq(fitting(BLOCK("  fun:fill_cache\n")), "", "from the innermost frame on");
    cr_expect_str_eq(fitting(BLOCK("  ...\n  fun:fill_cache\n")), "a name");
    cr_expect_str_eq(fitting(BLOCK("  ...\n  fun:main\n  ...\n")), "a name");
    cr_expect_str_eq(fitting(BLOCK("  ...\n  fun:main\n  fun:_start\n")), "", "more frames than there are");
    cr_expect_str_eq(fitting(BLOCK("  ...\n  fun:put\n")), "", "a name is matched as a whole");
    cr_expect_str_eq(fitting(BLOCK("  src:cache.hh:17\n  src:cache.cc\n")), "a name");
    cr_expect_str_eq(fitting(BLOCK("  src:cache.hh:18\n")), "");
    cr_expect_str_eq(fitting(BLOCK("  src:*/app/cache.hh:1?\n")), "a name");
}

/* Valgrind's stacks begin with the allocation function itself. */
Test(suppress, an_allocation_function_in_front_is_passed_over, .fini = done)
{
    cr_expect_str_eq(fitting(BLOCK("  fun:malloc\n  fun:Cache*\n")), "a name");
    cr_expect_str_eq(fitting(BLOCK("  fun:*alloc\n  fun:Cache*\n")), "a name");
    cr_expect_str_eq(fitting(BLOCK("  fun:_Znwm\n  fun:Cache*\n")), "a name");
    cr_expect_str_eq(fitting(BLOCK("  obj:*vgpreload_memcheck*\n  fun:Cache*\n")), "a name");
    cr_expect_str_eq(fitting(BLOCK("  fun:malloc\n  fun:fill_cache\n")), "");
    cr_expect_str_eq(fitting(BLOCK("  fun:malloc\n")), "", "would fit everything");
}

Test(suppress, kinds_of_leaks, .fini = done)
{
    cr_assert(read_list(BLOCK("  match-leak-kinds: definite, possible\n  fun:Cache*\n")));
    cr_expect_not_null(match(MR_SITE_DEFINITELY_LOST));
    cr_expect_not_null(match(MR_SITE_POSSIBLY_LOST));
    cr_expect_null(match(MR_SITE_INDIRECTLY_LOST));
    cr_expect_null(match(MR_SITE_STILL_REACHABLE));
    cr_assert(read_list(BLOCK("  fun:Cache*\n")));
    for (enum mr_site_kind kind = 0; kind < MR_SITE_GONE; kind++)
        cr_expect_not_null(match(kind));
    cr_assert(read_list(BLOCK("  match-leak-kinds:none\n  fun:Cache*\n")));
    cr_expect_null(match(MR_SITE_DEFINITELY_LOST));
}

Test(suppress, blocks_of_other_errors_are_passed_over, .fini = done)
{
    cr_expect_str_eq(fitting("{\n x\n Memcheck:Param\n write(buf)\n fun:Cache*\n}\n{\n y\n Helgrind:Race\n fun:Cache*\n}\n"), "");
    cr_expect_str_eq(fitting("{\n x\n Helgrind,Memcheck:Leak\n fun:Cache*\n}\n"), "x");
}

struct bad_row {
    char text[80], said[160];
};

ParameterizedTestParameters(suppress, bad_input)
{
    static struct bad_row rows[] = {
        { "leak:x\nrace:y\n", "file:2: neither leak:PATTERN nor the { of a block as Valgrind writes it\n" },
        { "leak:\n", "file:1: leak: has no pattern behind it; leak:* would suppress everything\n" },
        { "\n{\n  a\n  Memcheck:Leak\n  fun:f\n", "file:2: the } of the block that begins here is missing\n" },
        { "{\n a\n Memcheck:Leak\n}\n", "file:4: a block without fun:, obj: or src: fits nothing\n" },
        { "{\n}\n", "file:2: a block needs a name, a kind (Memcheck:Leak) and the frames it is for\n" },
        { "{\n a\n}\n", "file:3: a block needs a name, a kind (Memcheck:Leak) and the frames it is for\n" },
        { "{\n a\n Leak\n fun:f\n}\n", "file:3: the second line of a block says the kind: Memcheck:Leak\n" },
        { "{\n a\n Memcheck:Leak\n func:f\n fun:g\n}\n", "file:4: a frame is fun:NAME, obj:FILE, src:FILE:LINE or ...\n" },
        { "{\n a\n Memcheck:Leak\n match-leak-kinds: lost\n fun:f\n}\n",
          "file:4: match-leak-kinds: knows definite, indirect, possible, reachable, all and none\n" },
        { "{\n a\n Memcheck:Leak\n fun:f\n{\n}\n", "file:5: a { inside of a block: the } of the one before is missing\n" },
        { "}\n", "file:1: neither leak:PATTERN nor the { of a block as Valgrind writes it\n" },
    };
    return cr_make_param_array(struct bad_row, rows, sizeof rows / sizeof *rows);
}

ParameterizedTest(struct bad_row *row, suppress, bad_input)
{
    cr_expect_not(read_list(row->text));
    cr_expect_str_eq(said, row->said);
    done();
}

Test(suppress, zero_bytes_are_no_text, .fini = done)
{
    list = mr_suppress_new();
    said[0] = '\0';
    cr_expect_not(mr_suppress_read(list, "file", "leak:a\0b\n", 9, complain, NULL));
    cr_expect_str_eq(said, "file:1: a zero byte: this is no text\n");
}

static void count_booked(void *ctx, const char *where, const char *name, struct mr_report_sum booked)
{
    size_t *n = ctx;
    cr_expect_str_eq(where, "file");
    cr_expect_eq(booked.bytes, strcmp(name, "fill_cache") == 0 ? 110 : 0);
    cr_expect_eq(booked.blocks, strcmp(name, "fill_cache") == 0 ? 3 : 0);
    ++*n;
}

Test(suppress, counts_what_was_suppressed, .fini = done)
{
    size_t n = 0;
    const char *name = fitting("leak:other\nleak:fill_cache\nleak:main\n");
    mr_suppress_count(list, name, 100, 2);
    mr_suppress_count(list, name, 10, 1);
    mr_suppress_list(list, count_booked, &n);
    cr_expect_eq(n, 3);
}

/* What is generated for a stack reads back, and fits it; Valgrind would read it too. */
Test(suppress, generated_blocks_fit_what_they_are_for, .fini = done)
{
    char text[1024];
    for (enum mr_site_kind kind = 0; kind < MR_SITE_GONE; kind++) {
        struct mr_fmt f = mr_fmt_to_buffer(text, sizeof text);
        mr_suppress_write(&f, 7, kind, frames, MR_COUNT(frames));
        cr_assert(read_list(mr_fmt_end_string(&f)), "%s%s", text, said);
        for (enum mr_site_kind other = 0; other < MR_SITE_IN_USE; other++)
            cr_expect_eq(match(other) != NULL, kind == other || kind == MR_SITE_IN_USE, "%s", text);
    }
    struct mr_fmt f = mr_fmt_to_buffer(text, sizeof text);
    mr_suppress_write(&f, 7, MR_SITE_DEFINITELY_LOST, frames, MR_COUNT(frames));
    cr_expect_str_eq(mr_fmt_end_string(&f), "{\n   memoir-7\n   Memcheck:Leak\n   match-leak-kinds: definite\n   ...\n"
                                            "   fun:_ZN5CacheIiE3putEv\n   fun:_Z10fill_cachev\n"
                                            "   obj:/usr/lib/libplugin.so.3\n   fun:main\n}\n");
}

Test(suppress, what_comes_with_memoir_is_well_formed_and_never_hides_what_is_lost, .fini = done)
{
    static const struct mr_report_frame pool[] = {
        { .address = 1, .module = "/usr/lib/x86_64-linux-gnu/libstdc++.so.6.0.30" },
        { .address = 2, .function = "call_init", .linkage = "call_init", .module = "/usr/lib64/ld-linux-x86-64.so.2" },
    };
    cr_assert(read_list(mr_suppress_default), "%s", said);
    cr_expect_not_null(mr_suppress_match(list, MR_SITE_STILL_REACHABLE, pool, MR_COUNT(pool)));
    cr_expect_null(mr_suppress_match(list, MR_SITE_DEFINITELY_LOST, pool, MR_COUNT(pool)));
    for (enum mr_site_kind kind = 0; kind < MR_SITE_GONE; kind++)
        cr_expect_null(match(kind));
}
