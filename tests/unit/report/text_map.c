#include "sample.h"
#include "story.h"

static struct mr_reader *reader;
static struct mr_model *model;

static struct mr_report *draw_story(uint64_t ms)
{
    struct story s = story_server();
    story_map(&s, ms);
    reader = story_read(&s);
    model = mr_model_build(reader, &(struct mr_model_wishes){ .symbols = &story_symbols });
    cr_assert_not_null(model);
    struct mr_report *report = mr_model_report(model);
    report->exit_kind = MR_EXIT_SIGNALLED;
    report->exit_value = 9;
    return report;
}

static void done(void)
{
    mr_model_free(model);
    mr_reader_close(reader);
}

TestSuite(text_map, .fini = done);

Test(text_map, a_killed_server_at_80_columns)
{
    sample_compare(mr_text_write_map, draw_story(4320678), GOLDEN "map.txt");
}

Test(text_map, the_same_as_wide_as_a_wide_terminal)
{
    struct mr_report *report = draw_story(4325678);
    report->width = 200;
    sample_compare(mr_text_write_map, report, GOLDEN "map.wide.txt");
}

/* Columns of a line in which escape sequences stand. */
static size_t columns_of(const char *line, size_t len)
{
    size_t columns = 0;
    for (size_t i = 0; i < len; i++) {
        if (line[i] == '\x1b')
            i += strcspn(line + i, "m");
        else
            columns++;
    }
    return columns;
}

static size_t widest_line(const char *text)
{
    size_t widest = 0;
    for (size_t len; *text; text += len + (text[len] != '\0')) {
        len = strcspn(text, "\n");
        widest = mr_max(widest, columns_of(text, len));
    }
    return widest;
}

Test(text_map, no_line_is_wider_than_asked_for)
{
    struct mr_report *report = draw_story(4325678);
    for (unsigned width = 60; width <= 500; width += 7) {
        report->width = width;
        report->colour = width % 2;
        char *text = sample_write(mr_text_write_map, report);
        cr_expect_leq(widest_line(text), mr_max(width, 80u), "%u columns", width); /* words are as long as they are */
        free(text);
    }
}

Test(text_map, colours_are_switched_off_again)
{
    struct mr_report *report = draw_story(4325678);
    char *text = sample_write(mr_text_write_map, report), *last = NULL;
    cr_expect_null(strchr(text, '\x1b'));
    free(text);
    report->colour = true;
    text = sample_write(mr_text_write_map, report);
    for (char *at = text; (at = strchr(at, '\x1b')); at++)
        last = at;
    cr_assert_not_null(last);
    cr_expect_eq(strncmp(last, "\x1b[0m", 4), 0);
    free(text);
}

/* However many cells there are, the picture has at most 24 rows and each region begins one. */
Test(text_map, many_cells_share_a_mark)
{
    struct mr_report *report = draw_story(4325678);
    static struct mr_ledger_cell cells[MR_LEDGER_CELLS];
    for (size_t i = 0; i < MR_COUNT(cells); i++) {
        cells[i].address = 0x100000000 + i * 0x10000 + (i >= 1000 ? 0x7000000 : 0);
        cells[i].bytes[MR_MAP_LARGE] = 0x10000;
    }
    struct mr_report_map map = *report->map;
    map.cells = cells;
    map.cell_count = MR_COUNT(cells);
    report->map = &map;
    report->width = 60;
    char *text = sample_write(mr_text_write_map, report);
    size_t rows = 0;
    for (char *at = text; (at = strstr(at, " |")); at++)
        rows++;
    cr_expect(rows > 2 && rows <= 24, "%zu rows", rows);
    cr_expect_not_null(strstr(text, "   10ae80000 |"), "%s", text); /* cell 1000 begins the second region */
    free(text);
}

/* What a hostile ledger may hold neither overflows nor writes without end. */
Test(text_map, figures_that_make_no_sense)
{
    struct mr_report *report = draw_story(4325678);
    struct mr_report_map map = *report->map;
    struct mr_report_class class = { .size = UINT64_MAX, .slabs = UINT64_MAX, .slab_bytes = UINT32_MAX,
                                     .free_blocks = UINT64_MAX, .in_use_bytes = UINT64_MAX };
    struct mr_ledger_gap gaps[MR_LEDGER_GAPS];
    for (int i = 0; i < MR_LEDGER_GAPS; i++)
        gaps[i] = (struct mr_ledger_gap){ (uint64_t)1 << 50, (uint64_t)1 << 50 };
    map.gaps = gaps;
    map.largest_gap = UINT64_MAX;
    map.classes = &class;
    map.class_count = 1;
    report->map = &map;
    free(sample_write(mr_text_write_map, report));
    map.cell_count = 0;
    map.cell_bytes = 0;
    free(sample_write(mr_text_write_map, report));
}

Test(text_map, without_a_map)
{
    struct mr_report *report = draw_story(4325678);
    report->map = NULL;
    report->show_map = true;
    char *text = sample_write(mr_text_write, report);
    cr_expect_not_null(strstr(text, "MAP of the heap: none was made"));
    free(text);
}
