#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dw.h"
#include "own_place.h"

static __attribute__((noinline, noclone)) const void *where_called(void)
{
    return (const char *)__builtin_return_address(0) - 1;
}

static volatile int line_inner, line_outer;

static inline __attribute__((always_inline)) const void *inlined_once(void)
{
    line_inner = __LINE__; const void *at = where_called();
    __asm__ volatile("" ::: "memory");
    return at;
}

static __attribute__((noinline, noclone)) const void *around(void)
{
    line_outer = __LINE__; const void *at = inlined_once();
    __asm__ volatile("" ::: "memory");
    return at;
}

static void expect_around(const struct mr_symbol_answer *answer)
{
    cr_assert_eq(answer->state, MR_SYMBOL_FOUND);
    cr_assert_eq(answer->count, 2);
    cr_expect_str_eq(answer->frames[0].function, "inlined_once");
    cr_expect_eq(answer->frames[0].line, (uint32_t)line_inner);
    cr_expect(answer->frames[0].inlined);
    cr_expect_str_eq(answer->frames[1].function, "around");
    cr_expect_eq(answer->frames[1].line, (uint32_t)line_outer);
    cr_expect_not(answer->frames[1].inlined);
    for (size_t i = 0; i < 2; i++)
        cr_expect(strstr(answer->frames[i].file, "tests/unit/symbol/dw.c"), "%s", answer->frames[i].file);
}

Test(dw, functions_lines_and_what_is_inlined)
{
    struct mr_symbol_source *dw = mr_dw_open(false);
    struct mr_symbol_place place = place_at(around());
    struct mr_symbol_answer answer;
    cr_assert_gt(place.build_id_bytes, 0);
    dw->find(dw, &place, &answer);
    expect_around(&answer);
    dw->find(dw, &place, &answer);
    expect_around(&answer);
    dw->close(dw);
}

/* As with a module that has hundreds of MiB of them: nothing that was answered may lie in what was closed. */
Test(dw, answers_outlive_the_files_they_came_from)
{
    struct mr_symbol_source *dw = mr_dw_open(false);
    struct mr_symbol_place place = place_at(around()), other = place_at(where_called());
    struct mr_symbol_answer answer, again;
    struct mr_symbol_frame frames[2];
    mr_dw_open_most = 0;
    dw->find(dw, &place, &answer);
    expect_around(&answer);
    memcpy(frames, answer.frames, sizeof frames);
    for (int i = 0; i < 3; i++)
        dw->find(dw, &other, &again);
    answer.frames = frames;
    expect_around(&answer);
    dw->find(dw, &place, &again);
    expect_around(&again);
    cr_expect_eq(again.frames[0].function, frames[0].function, "one name, one string");
    dw->close(dw);
}

Test(dw, another_build_id_gives_no_names)
{
    struct mr_symbol_source *dw = mr_dw_open(false);
    uint8_t other[20] = { 1, 2, 3 };
    struct mr_symbol_place place = place_at(around());
    struct mr_symbol_answer answer;
    place.build_id = other;
    place.build_id_bytes = sizeof other;
    dw->find(dw, &place, &answer);
    cr_expect_eq(answer.state, MR_SYMBOL_CHANGED);
    cr_expect_eq(answer.count, 0);
    dw->close(dw);
}

Test(dw, a_module_that_is_gone_and_one_that_is_no_object)
{
    struct mr_symbol_source *dw = mr_dw_open(false);
    struct mr_symbol_answer answer;
    dw->find(dw, &(struct mr_symbol_place){ .module = "/nowhere/libx.so", .offset = 16 }, &answer);
    cr_expect_eq(answer.state, MR_SYMBOL_GONE);
    dw->find(dw, &(struct mr_symbol_place){ .module = "[vdso]", .offset = 16 }, &answer);
    cr_expect_eq(answer.state, MR_SYMBOL_GONE);
    dw->find(dw, &(struct mr_symbol_place){ .module = "/etc/passwd", .offset = 16 }, &answer);
    cr_expect_eq(answer.state, MR_SYMBOL_UNREADABLE);
    cr_expect_eq(answer.count, 0);
    dw->close(dw);
}

Test(dw, an_address_outside_of_all_functions)
{
    struct mr_symbol_source *dw = mr_dw_open(false);
    struct mr_symbol_place place = place_at(around());
    struct mr_symbol_answer answer;
    for (place.offset = 0; place.offset < 64; place.offset += 8) {
        dw->find(dw, &place, &answer);
        cr_expect_eq(answer.state, MR_SYMBOL_FOUND);
        cr_expect_eq(answer.count, 0);
    }
    dw->close(dw);
}

/* What a file looks like without DWARF, and with DWARF in a file of its own beside it. */
static void run(const char *command)
{
    cr_assert_eq(system(command), 0, "%s", command);
}

Test(dw, stripped_and_separate_debug_files)
{
    char dir[] = "/tmp/memoir-dw-XXXXXX", command[16384], copy[64];
    cr_assert(mkdtemp(dir));
    struct mr_symbol_place place = place_at(around());
    struct mr_symbol_answer answer;
    snprintf(copy, sizeof copy, "%s/unit", dir);
    snprintf(command, sizeof command, "objcopy --only-keep-debug %s %s/separate && strip -g -o %s/unit %s", place.module,
             dir, dir, place.module);
    run(command);
    place.module = copy;
    struct mr_symbol_source *dw = mr_dw_open(false);
    dw->find(dw, &place, &answer);
    cr_assert_eq(answer.count, 1);
    cr_expect_str_eq(answer.frames[0].function, "around");
    cr_expect_null(answer.frames[0].file);
    cr_expect_gt(answer.frames[0].into, 0);
    cr_expect_lt(answer.frames[0].into, 4096);
    dw->close(dw);
    snprintf(command, sizeof command, "cd %s && objcopy --add-gnu-debuglink=separate unit", dir);
    run(command);
    dw = mr_dw_open(false);
    dw->find(dw, &place, &answer);
    expect_around(&answer);
    dw->close(dw);
    snprintf(command, sizeof command, "rm -r %s", dir);
    run(command);
}

Test(dw, never_asks_the_network_unless_told_to)
{
    setenv("DEBUGINFOD_URLS", "http://127.0.0.1:9", 1);
    struct mr_symbol_source *dw = mr_dw_open(true);
    cr_expect_not_null(getenv("DEBUGINFOD_URLS"));
    dw->close(dw);
    dw = mr_dw_open(false);
    cr_expect_null(getenv("DEBUGINFOD_URLS"));
    dw->close(dw);
}
