#include "sample.h"
#include "story.h"

Test(json, summary)
{
    struct mr_report report = sample_report();
    sample_compare(mr_json_write, &report, GOLDEN "summary.json");
}

Test(json, each_block)
{
    struct mr_report report = sample_report();
    report.show_blocks = true;
    report.blocks = sample_blocks;
    report.block_count = MR_COUNT(sample_blocks);
    report.blocks_left_out = 1100001;
    report.exit_kind = MR_EXIT_SIGNALLED;
    report.exit_value = 11;
    sample_compare(mr_json_write, &report, GOLDEN "blocks.json");
}

Test(json, everything_freed)
{
    struct mr_report report = sample_clean();
    report.exit_kind = MR_EXIT_UNKNOWN;
    sample_compare(mr_json_write, &report, GOLDEN "clean.json");
}

Test(json, names_of_every_row_of_the_totals)
{
    struct mr_report report = sample_report();
    char *text = sample_write(mr_json_write, &report), key[64];
    for (size_t i = 0; i < mr_stat_count; i++) {
        snprintf(key, sizeof key, "\"%s\":%lu", mr_stats[i].name, mr_stat_value(&report.totals, &mr_stats[i]));
        cr_expect_not_null(strstr(text, key), "no %s", key);
    }
    free(text);
}

Test(json, strings_are_escaped)
{
    struct mr_report report = sample_clean();
    report.command = "a \"b\" \\ \n \xff \xc3\xa9";
    char *text = sample_write(mr_json_write, &report);
    cr_expect_not_null(strstr(text, "\"command\":\"a \\\"b\\\" \\\\ \\u000a \\u00ff \xc3\xa9\""));
    free(text);
}

Test(json, one_object_on_one_line)
{
    struct mr_report report = sample_report();
    char *text = sample_write(mr_json_write, &report);
    cr_expect_eq(strchr(text, '\n'), text + strlen(text) - 1);
    free(text);
}

Test(json, the_map_where_there_is_one)
{
    struct story s = story_server();
    story_map(&s, 4320678);
    struct mr_reader *reader = story_read(&s);
    struct mr_model *model = mr_model_build(reader, &(struct mr_model_wishes){ .symbols = &story_symbols });
    cr_assert_not_null(model);
    sample_compare(mr_json_write, mr_model_report(model), GOLDEN "map.json");
    mr_model_free(model);
    mr_reader_close(reader);
}
