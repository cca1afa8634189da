#include "sample.h"

Test(text, full_statistics_and_summary)
{
    struct mr_report report = sample_report();
    sample_compare(mr_text_write, &report, GOLDEN "summary.txt");
}

Test(text, each_block)
{
    struct mr_report report = sample_report();
    report.show_stats = false;
    report.show_blocks = true;
    report.blocks = sample_blocks;
    report.block_count = MR_COUNT(sample_blocks);
    report.blocks_left_out = 1100001;
    report.exit_kind = MR_EXIT_SIGNALLED;
    report.exit_value = 11;
    sample_compare(mr_text_write, &report, GOLDEN "blocks.txt");
}

Test(text, everything_freed)
{
    struct mr_report report = sample_clean();
    sample_compare(mr_text_write, &report, GOLDEN "clean.txt");
}

Test(text, running_with_threads)
{
    struct mr_report report = sample_report();
    report.exit_kind = MR_EXIT_RUNNING;
    report.threads_running = true;
    report.process_resident_bytes = 453000000; /* less than the heap's: the kernel counts late */
    report.totals.resident_bytes = 999999999;  /* more than the parts: lost between blocks */
    sample_compare(mr_text_write, &report, GOLDEN "running.txt");
}

static struct mr_report statistics_only(void)
{
    struct mr_report report = sample_report();
    report.show_leaks = false;
    return report;
}

Test(text, leaves_out_what_was_not_asked_for)
{
    struct mr_report report = statistics_only();
    char *text = sample_write(mr_text_write, &report);
    cr_expect_null(strstr(text, "STILL IN USE"));
    cr_expect_not_null(strstr(text, "SIZE CLASSES"));
    free(text);
    report = sample_report();
    report.show_stats = false;
    text = sample_write(mr_text_write, &report);
    cr_expect_not_null(strstr(text, "STILL IN USE"));
    cr_expect_null(strstr(text, "SIZE CLASSES"));
    free(text);
}

/* The last number with thousands on the line, or UINT64_MAX when there is none: the exact bytes. */
static uint64_t bytes_of_line(const char *line, const char *end)
{
    uint64_t n = UINT64_MAX;
    for (const char *p = line + 33; p < end; p++) {
        if (*p < '0' || *p > '9')
            continue;
        for (n = 0; p < end && ((*p >= '0' && *p <= '9') || *p == ','); p++)
            n = *p == ',' ? n : n * 10 + (uint64_t)(*p - '0');
        return n;
    }
    return n;
}

/* Adds up the rows of the block MEMORY by their signs, as a reader would. */
static void memory_adds_up(const char *text)
{
    uint64_t sum = 0;
    int checked = 0;
    const char *line = strstr(text, "\n   MEMORY");
    cr_assert_not_null(line);
    for (line = strchr(line + 1, '\n') + 1; *line != '\n'; line = strchr(line, '\n') + 1) {
        uint64_t n = bytes_of_line(line, strchr(line, '\n'));
        if (line[3] == '+')
            sum += n;
        if (line[3] == '-')
            sum -= n;
        if (line[3] == '=') {
            cr_expect_eq(sum, n, "%lu is written where the rows above make %lu", n, sum);
            checked++;
        }
    }
    cr_expect_eq(checked, 2);
}

Test(text, memory_rows_add_up_whatever_the_signs)
{
    struct mr_report report = sample_report();
    const uint64_t resident[] = { 1, 454000000, 456619808, 999999999 }, process[] = { 1, 454000000, 2000000000 };
    for (size_t i = 0; i < MR_COUNT(resident); i++)
        for (size_t j = 0; j < MR_COUNT(process); j++) {
            report.totals.resident_bytes = resident[i];
            report.process_resident_bytes = process[j];
            char *text = sample_write(mr_text_write, &report);
            memory_adds_up(text);
            free(text);
        }
}

Test(text, at_most_100_columns_and_no_blanks_at_line_ends)
{
    struct mr_report report = sample_report();
    report.show_blocks = true;
    report.blocks = sample_blocks;
    report.block_count = MR_COUNT(sample_blocks);
    report.command = "/a/very/long/path/to/a/program --with --very --many --arguments --that --do --not --fit --on --one --line";
    char *text = sample_write(mr_text_write, &report);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        cr_expect_leq(strlen(line), 100, "%zu columns: %s", strlen(line), line);
        cr_expect_neq(line[strlen(line) - 1], ' ', "blanks at the end of: %s", line);
    }
    free(text);
}

Test(text, bytes_of_the_program_cannot_act_on_the_terminal)
{
    struct mr_report report = sample_report();
    report.command = "./\x1b[31mred\n --arg\x7f";
    char *text = sample_write(mr_text_write, &report);
    cr_expect_null(strchr(text, '\x1b'));
    cr_expect_null(strchr(text, '\x7f'));
    cr_expect_not_null(strstr(text, "command   ./.[31mred. --arg."));
    free(text);
}

Test(text, a_flushing_sink_gets_every_byte)
{
    struct mr_report report = sample_report();
    char *whole = sample_write(mr_text_write, &report), buf[7], *end = whole;
    void compare(void *ctx, const char *text, size_t len)
    {
        char **at = ctx;
        cr_assert(strncmp(*at, text, len) == 0);
        *at += len;
    }
    struct mr_fmt out = mr_fmt_to_sink(buf, sizeof buf, compare, &end);
    mr_text_write(&report, &out);
    cr_expect_eq(*end, '\0');
    free(whole);
}
