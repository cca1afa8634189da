#include "html.h"
#include "json_read.h"
#include "runs.h"

/* The data alone, which the page has in an element of its own; cuts the text. */
static const char *data_of(char *text)
{
    char *begin = strstr(text, " id=\"data\">"), *end = begin ? strstr(begin, "</script>") : NULL;
    cr_assert_eq(begin != NULL, mr_html_is_built());
    if (!begin)
        return text;
    cr_assert_not_null(end);
    *end = '\0';
    return begin + strlen(" id=\"data\">");
}

static void expect_json(const char *data)
{
    struct mr_json_read r = mr_json_read_begin(data, strlen(data));
    cr_expect(mr_json_read_skip(&r) && mr_json_read_end(&r), "%s in %s", r.why, data);
    mr_json_read_free(&r);
    cr_expect_null(strchr(data, '<'), "an element could end: %s", strchr(data, '<'));
}

static void expect_in(const char *data, const char *wanted)
{
    cr_expect_not_null(strstr(data, wanted), "no %s in %s", wanted, data);
}

Test(html, the_data_is_json_that_cannot_end_its_element)
{
    struct mr_report report = stacks_report();
    report.command = "</script><!-- \"x\"";
    char *text = sample_write(mr_html_write, &report);
    const char *data = data_of(text);
    expect_json(data);
    expect_in(data, "\"command\":\"\\u003c/script>\\u003c!-- \\\"x\\\"\"");
    free(text);
}

/* Both rows of the first stack end in the same node, the third below main (node 1) as well. The site that is held says
 * by which node; the one that is suppressed, by which string. */
Test(html, sites_name_nodes_of_one_tree)
{
    struct mr_report report = stacks_report();
    char *text = sample_write(mr_html_write, &report);
    const char *data = data_of(text);
    expect_in(data, "\"kind\",\"node\",\"held_by\",\"suppressed_by\",\"is_new\"],\"sites\":["
                    "400000,1000,1500,400,600000,20,450000,1125,97850,0,3,0,0,1,"
                    "40000,100,1500,400,600000,20,450000,1125,0,3,3,0,0,1,"
                    "24000,1000,1000,0,24000,0,24000,1000,0,1,4,3,0,1,");
    expect_in(data, "\"nodes\":[0,0,1,1,2,2,1,3,");
    expect_in(data, "a \\\"known\\\" one");
    free(text);
}

Test(html, the_verdict_has_no_colours)
{
    struct mr_report report = stacks_report();
    report.colour = true;
    char *text = sample_write(mr_html_write, &report);
    const char *data = data_of(text);
    expect_in(data, "\"tone\":\"bad\"");
    expect_in(data, "\"verdict\":\"414.2 KiB lost in ");
    free(text);
}

Test(html, the_map)
{
    static const struct mr_ledger_cell cells[] = { { 0x10000, { 1, 2, 3, 4, 5, 6, 65515 } }, { 0x50000, { 65536 } } };
    static const struct mr_ledger_gap gaps[MR_LEDGER_GAPS] = { [16] = { 2, 140000 } };
    struct mr_report_map map = { .ms = 7, .cell_bytes = 65536, .cells = cells, .cell_count = 2, .gaps = gaps, .largest_gap = 70000 };
    struct mr_report report = stacks_report();
    report.map = &map;
    char *text = sample_write(mr_html_write, &report);
    const char *data = data_of(text);
    expect_json(data);
    expect_in(data, "\"states\":[\"slab_used\",\"slab_free\",\"slab_fresh\",\"large\",\"dirty\",\"clean\",\"own\"]");
    expect_in(data, "\"cells\":[[\"0x10000\",1,2,3,4,5,6,65515],[\"0x50000\",65536,0,0,0,0,0,0]]");
    free(text);
}

Test(html, a_difference)
{
    struct mr_report before = stacks_report(), after = runs_later();
    char *text = runs_write(mr_html_diff, &before, &after, 0);
    const char *data = data_of(text);
    expect_json(data);
    expect_in(data, "\"diff\":{\"before\":{\"command\":\"/opt/app/server --port 8080\",\"pid\":4242,\"elapsed_ms\":5000,");
    expect_in(data, "\"fates\":[\"appeared\",\"grew\",\"shrank\",\"vanished\"],\"rows\":[[");
    free(text);
}

Test(html, at_most_so_many_rows)
{
    struct mr_report before = stacks_report(), after = runs_later();
    char *text = runs_write(mr_html_diff, &before, &after, 1);
    const char *data = data_of(text), *rows = strstr(data, "\"rows\":[[");
    cr_assert_not_null(rows);
    cr_expect_eq(strcspn(rows, "}"), (size_t)(strstr(rows, "]]") + 2 - rows), "one row: %.80s", rows);
    free(text);
}

Test(html, nothing)
{
    struct mr_report report = stacks_none();
    char *text = sample_write(mr_html_write, &report);
    expect_json(data_of(text));
    free(text);
}
