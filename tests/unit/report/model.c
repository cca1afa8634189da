#include "sample.h"
#include "story.h"

static struct mr_reader *reader;
static struct mr_model *model;
static struct mr_suppress *list;

static struct mr_report *build(struct story *s, struct mr_model_wishes wishes)
{
    reader = story_read(s);
    wishes.symbols = wishes.symbols ? wishes.symbols : &story_symbols;
    model = mr_model_build(reader, &wishes);
    cr_assert_not_null(model);
    return mr_model_report(model);
}

static void done(void)
{
    mr_model_free(model);
    mr_reader_close(reader);
    mr_suppress_free(list);
    list = NULL;
}

static void complain(void *ctx, const char *where, unsigned line, const char *what)
{
    (void)ctx;
    cr_assert(false, "%s:%u: %s", where, line, what);
}

static struct mr_suppress *suppressing(const char *text)
{
    list = mr_suppress_new();
    cr_assert(mr_suppress_read(list, "test", text, strlen(text), complain, NULL));
    return list;
}

static const struct mr_report_site *row_of(const struct mr_report *report, uint32_t stack, enum mr_site_kind kind)
{
    for (size_t i = 0; i < report->site_count; i++)
        if (report->sites[i].stack == stack && report->sites[i].kind == kind)
            return &report->sites[i];
    return NULL;
}

/* sum of leaks[] + suppressed = what the sites have in use = rows + filtered. */
static void adds_up(const struct mr_report *report)
{
    struct mr_sum all = mr_reader_total(reader);
    uint64_t bytes = report->suppressed.bytes, blocks = report->suppressed.blocks;
    uint64_t row_bytes = report->filtered.bytes, row_blocks = report->filtered.blocks;
    for (enum mr_site_kind kind = 0; kind < MR_SITE_KIND_COUNT; kind++) {
        bytes += report->leaks[kind].bytes;
        blocks += report->leaks[kind].blocks;
    }
    for (size_t i = 0; i < report->site_count; i++) {
        row_bytes += report->sites[i].bytes;
        row_blocks += report->sites[i].blocks;
    }
    cr_expect_eq(bytes, mr_sum_bytes(&all));
    cr_expect_eq(blocks, mr_sum_blocks(&all));
    cr_expect_eq(row_bytes, mr_sum_bytes(&all));
    cr_expect_eq(row_blocks, mr_sum_blocks(&all));
}

Test(model, the_server_as_text, .fini = done)
{
    struct story s = story_server();
    struct mr_report *report = build(&s, (struct mr_model_wishes){ .suppressions = suppressing("leak:tzset\n") });
    report->exit_kind = MR_EXIT_SIGNALLED;
    report->exit_value = 9;
    adds_up(report);
    sample_compare(mr_text_write, report, GOLDEN "server.txt");
}

Test(model, the_server_as_json, .fini = done)
{
    struct story s = story_server();
    struct mr_report *report =
        build(&s, (struct mr_model_wishes){ .suppressions = suppressing("leak:tzset\n"), .kinds = ~0u });
    report->exit_kind = MR_EXIT_SIGNALLED;
    report->exit_value = 9;
    sample_compare(mr_json_write, report, GOLDEN "server.json");
}

Test(model, a_site_with_blocks_of_two_classes_has_two_rows, .fini = done)
{
    struct story s = story_server();
    struct mr_report *report = build(&s, (struct mr_model_wishes){ .kinds = ~0u });
    const struct mr_report_site *reachable = row_of(report, s.log, MR_SITE_STILL_REACHABLE);
    const struct mr_report_site *possible = row_of(report, s.log, MR_SITE_POSSIBLY_LOST);
    cr_assert(reachable && possible);
    cr_expect_eq(reachable->blocks, 10);
    cr_expect_eq(possible->blocks, 2);
    cr_expect_eq(reachable->allocations, 12);
    cr_expect_eq(possible->allocations, 12);
}

Test(model, a_plugin_that_was_loaded_twice_has_one_row, .fini = done)
{
    struct story s = story_server();
    struct mr_report *report = build(&s, (struct mr_model_wishes){ .kinds = ~0u });
    const struct mr_report_site *row = row_of(report, s.plugin_stack, MR_SITE_DEFINITELY_LOST);
    cr_assert_not_null(row);
    cr_expect_eq(row->blocks, 9);
    cr_expect_eq(row->allocations, 10);
    cr_expect_null(row_of(report, s.plugin_stack_again, MR_SITE_DEFINITELY_LOST));
    cr_expect_eq(report->leak_sites[MR_SITE_DEFINITELY_LOST], 2);
    cr_assert_eq(report->note_count, 2);
    cr_expect_not_null(strstr(report->notes[1], "/opt/app/plugin.so is gone"), "%s", report->notes[1]);
}

Test(model, frames_of_memoir_itself_are_left_out, .fini = done)
{
    struct story s = story_new();
    test_ledger_site(&s.l, s.own, 8, 1, 0);
    test_ledger_book(&s.l);
    struct mr_report *report = build(&s, (struct mr_model_wishes){ 0 });
    size_t count;
    const struct mr_report_frame *frames = mr_frames_of(report, s.own, &count);
    cr_assert_eq(count, 3);
    cr_expect_str_eq(frames[0].function, "session_new");
    cr_expect_eq(frames[0].offset, 0x1010);
    cr_expect_eq(frames[0].address, 0x550000001010);
}

/* 2^20 in the first half only, 1 KiB more each time, up and down, in use from the start on. */
Test(model, growth_is_what_rises_to_the_end, .fini = done)
{
    static const uint32_t shapes[][MR_LEDGER_HISTORY] = {
        { 100, 200, 300, 400, 500, 600, 700, 800 }, { 500, 1000, 1000, 1000, 1000, 1000, 1000, 1000 },
        { 100, 900, 100, 900, 100, 900, 100, 900 }, { 900, 901, 902, 903, 904, 905, 906, 907 },
        { 100, 200, 300, 250, 400, 500, 600, 700 }, { 0, 0, 0, 0, 0, 0, 0, 1000 },
    };
    static const bool grows[] = { true, false, false, false, true, false };
    static const uint32_t ends[] = { 900, 1000, 100, 908, 800, 1000 };
    struct story s = story_new();
    uint32_t stacks[6];
    for (uint32_t i = 0; i < 6; i++) {
        stacks[i] = test_ledger_frame(&s.l, s.main, s.server, 0x1100 + i);
        uint32_t site = test_ledger_site(&s.l, stacks[i], 1024, ends[i], 0);
        memcpy(story_history(&s, site)->in_use_kib, shapes[i], sizeof shapes[i]);
    }
    for (uint32_t i = 0; i < MR_LEDGER_HISTORY; i++)
        s.l.header->history_ms[i] = (i + 1) * 1000;
    s.l.header->alive_ms = 9000;
    test_ledger_book(&s.l);
    struct mr_report *report = build(&s, (struct mr_model_wishes){ 0 });
    for (size_t i = 0; i < 6; i++) {
        const struct mr_report_site *row = row_of(report, stacks[i], MR_SITE_IN_USE);
        cr_assert_not_null(row);
        cr_expect_eq(row->growing_bytes_per_second != 0, grows[i], "shape %zu: %lu", i, row->growing_bytes_per_second);
    }
    cr_expect_eq(row_of(report, stacks[0], MR_SITE_IN_USE)->growing_bytes_per_second, 102400);
}

Test(model, sorts_by_each_key, .fini = done)
{
    for (enum mr_model_sort sort = 0; sort < MR_MODEL_SORT_COUNT; sort++) {
        struct story s = story_server();
        struct mr_report *report = build(&s, (struct mr_model_wishes){ .kinds = ~0u, .sort = sort });
        for (size_t i = 1; i < report->listed_count; i++) {
            const struct mr_report_site *a = &report->sites[i - 1], *b = &report->sites[i];
            const uint64_t pairs[][2] = { { a->bytes, b->bytes },           { a->blocks, b->blocks },
                                          { a->allocations, b->allocations }, { a->peak_bytes, b->peak_bytes },
                                          { a->temporary, b->temporary },
                                          { a->growing_bytes_per_second, b->growing_bytes_per_second } };
            cr_expect_geq(pairs[sort][0], pairs[sort][1], "%s, row %zu", mr_model_sort_names[sort], i);
        }
        adds_up(report);
        if (sort + 1 < MR_MODEL_SORT_COUNT)
            done();
    }
}

Test(model, top_and_kinds_choose_what_is_listed, .fini = done)
{
    struct story s = story_server();
    struct mr_report *report =
        build(&s, (struct mr_model_wishes){ .kinds = MR_MODEL_KIND(MR_SITE_POSSIBLY_LOST), .top = 5 });
    cr_expect_eq(report->listed_count, 1);
    cr_expect_eq(report->sites[0].stack, s.log);
    adds_up(report);
    done();
    s = story_server();
    report = build(&s, (struct mr_model_wishes){ .kinds = ~0u, .top = 2 });
    cr_expect_eq(report->listed_count, 2);
    cr_expect_gt(report->site_count, 2);
    adds_up(report);
}

Test(model, what_still_has_an_owner_is_listed_when_it_grows, .fini = done)
{
    struct story s = story_server();
    struct mr_report *report = build(&s, (struct mr_model_wishes){ 0 });
    for (size_t i = 0; i < report->listed_count; i++)
        cr_expect(report->sites[i].kind != MR_SITE_STILL_REACHABLE || report->sites[i].stack == s.cache);
    cr_expect_eq(report->sites[1].stack, s.cache);
    cr_expect_neq(report->sites[1].growing_bytes_per_second, 0);
}

Test(model, filters_by_function_module_and_file, .fini = done)
{
    static const struct {
        const char *function, *module, *file;
        size_t rows;
    } rows[] = {
        { "session_*", NULL, NULL, 1 },  { "Cache<*>::put", NULL, NULL, 1 }, { NULL, "plugin.so", NULL, 1 },
        { NULL, "/opt/app/*", NULL, 8 }, { NULL, NULL, "http.c", 2 },        { "main", NULL, "*.hh", 1 },
        { "nobody", NULL, NULL, 0 },
    };
    for (size_t i = 0; i < MR_COUNT(rows); i++) {
        struct story s = story_server();
        struct mr_report *report = build(&s, (struct mr_model_wishes){ .kinds = ~0u, .function = rows[i].function,
                                                                       .module = rows[i].module, .file = rows[i].file });
        cr_expect_eq(report->site_count, rows[i].rows, "row %zu: %zu", i, report->site_count);
        adds_up(report);
        if (i + 1 < MR_COUNT(rows))
            done();
    }
}

Test(model, the_holder_of_what_is_indirectly_lost, .fini = done)
{
    struct story s = story_server();
    struct mr_report *report = build(&s, (struct mr_model_wishes){ 0 });
    cr_expect_eq(row_of(report, s.strdup, MR_SITE_INDIRECTLY_LOST)->held_by, s.session);
}

/* Blocks freed after the check were reachable then; blocks that came after it have no class. */
Test(model, verdicts_of_an_earlier_moment, .fini = done)
{
    struct story s = story_new();
    uint32_t fewer = test_ledger_site(&s.l, s.session, 10, 100, 70), more = test_ledger_site(&s.l, s.parse, 10, 100, 0);
    test_ledger_judge(&s.l, fewer, MR_LEAK_DEFINITE, 20, 200);
    test_ledger_judge(&s.l, fewer, MR_LEAK_REACHABLE, 80, 800);
    test_ledger_judge(&s.l, more, MR_LEAK_DEFINITE, 20, 200);
    test_ledger_book(&s.l);
    struct mr_report *report = build(&s, (struct mr_model_wishes){ .kinds = ~0u });
    cr_expect_eq(row_of(report, s.session, MR_SITE_DEFINITELY_LOST)->blocks, 20);
    cr_expect_eq(row_of(report, s.session, MR_SITE_STILL_REACHABLE)->blocks, 10);
    cr_expect_eq(row_of(report, s.parse, MR_SITE_DEFINITELY_LOST)->blocks, 20);
    cr_expect_eq(row_of(report, s.parse, MR_SITE_IN_USE)->bytes, 800);
    adds_up(report);
}

Test(model, what_had_no_room_stands_without_a_stack, .fini = done)
{
    struct story s = story_new();
    test_ledger_site(&s.l, s.session, 10, 100, 0);
    test_ledger_book(&s.l);
    ((struct mr_ledger_lane *)test_ledger_at(&s.l, MR_SECTION_LANES, 0))->allocs += 7;
    ((struct mr_ledger_lane *)test_ledger_at(&s.l, MR_SECTION_LANES, 0))->alloc_bytes += 70;
    struct mr_report *report = build(&s, (struct mr_model_wishes){ 0 });
    cr_assert_not_null(row_of(report, 0, MR_SITE_IN_USE));
    cr_expect_eq(row_of(report, 0, MR_SITE_IN_USE)->bytes, 70);
    cr_expect_eq(report->totals.in_use_blocks, 107);
    adds_up(report);
}

Test(model, an_empty_ledger, .fini = done)
{
    struct story s = { .l = test_ledger_new(4, 4) };
    struct mr_report *report = build(&s, (struct mr_model_wishes){ .kinds = ~0u });
    char *text = sample_write(mr_text_write, report);
    cr_expect_not_null(strstr(text, "nothing is in use: 0 blocks allocated, all freed"), "%s", text);
    free(text);
    free(sample_write(mr_json_write, report));
    adds_up(report);
}

/* Names are for what is listed, suppressed or filtered: not for every stack that ever was. */
Test(model, does_not_look_up_what_is_gone, .fini = done)
{
    struct story s = story_new();
    test_ledger_site(&s.l, s.session, 10, 100, 100);
    test_ledger_site(&s.l, s.cache, 10, 100, 100);
    test_ledger_book(&s.l);
    story_asked = 0;
    build(&s, (struct mr_model_wishes){ 0 });
    cr_expect_eq(story_asked, 0);
}

/* ---- totals ----------------------------------------------------------------------------------------------- */

Test(model, the_timeline_may_have_seen_a_higher_peak_than_the_sites)
{
    struct story s = story_server();
    s.l.header->peak_bytes = 1000;
    s.l.header->peak_ms = 7;
    struct mr_report *report = build(&s, (struct mr_model_wishes){ 0 });
    cr_expect_eq(report->totals.peak_bytes, mr_max(report->totals.in_use_bytes, 8 * 61000000ul));
    done();
}
