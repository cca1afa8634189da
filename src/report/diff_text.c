#include "diff.h"
#include "numbers.h"
#include "text.h"

#include <string.h>

/* --- figures with a sign ------------------------------------------------------------------------------ */

static void put_change(struct mr_fmt *out, int width, uint64_t before, uint64_t after,
                       void (*figure)(struct mr_fmt *, uint64_t))
{
    char text[40];
    struct mr_fmt f = mr_fmt_to_buffer(text, sizeof text);
    mr_fmt_char(&f, after < before ? '-' : '+');
    figure(&f, after < before ? before - after : after - before);
    mr_fmt_print(out, "%*s", width, mr_fmt_end_string(&f));
}

static void put_count_change(struct mr_fmt *out, int width, uint64_t before, uint64_t after)
{
    put_change(out, width, before, after, mr_fmt_count);
}

static void put_size_change(struct mr_fmt *out, int width, uint64_t before, uint64_t after)
{
    put_change(out, width, before, after, mr_fmt_size);
}

/* --- the parts -------------------------------------------------------------------------------------------- */

static void put_run(struct mr_fmt *out, const char *which, const struct mr_report *report)
{
    mr_fmt_print(out, "   %-10s", which);
    mr_numbers_text(out, report->command, strlen(report->command), 70);
    mr_fmt_print(out, ", ");
    mr_numbers_duration(out, report->elapsed_ms);
    mr_fmt_char(out, '\n');
}

/* What the rows of one fate make: sums before and after, and how many they are. */
static size_t sum_fate(const struct mr_diff *diff, enum mr_diff_fate fate, struct mr_report_sum *before,
                       struct mr_report_sum *after)
{
    size_t rows = 0;
    *before = *after = (struct mr_report_sum){ 0 };
    for (size_t i = 0; i < diff->count; i++) {
        const struct mr_diff_row *row = &diff->rows[i];
        if (row->fate != fate)
            continue;
        before->bytes += row->before.bytes;
        before->blocks += row->before.blocks;
        after->bytes += row->after.bytes;
        after->blocks += row->after.blocks;
        rows++;
    }
    return rows;
}

static void put_fate(struct mr_fmt *out, const struct mr_diff *diff, enum mr_diff_fate fate)
{
    struct mr_report_sum before, after;
    size_t rows = sum_fate(diff, fate, &before, &after);
    mr_fmt_print(out, "     %-20s", mr_diff_fate_names[fate]);
    mr_numbers_count(out, 8, rows);
    put_count_change(out, 18, before.blocks, after.blocks);
    put_count_change(out, 22, before.bytes, after.bytes);
    put_size_change(out, 13, before.bytes, after.bytes);
    mr_fmt_char(out, '\n');
}

static void put_end(struct mr_fmt *out, char sign, const char *label, const struct mr_report_sum *sum)
{
    mr_fmt_print(out, "   %c %-28s", sign, label);
    mr_numbers_count(out, 18, sum->blocks);
    mr_numbers_count(out, 22, sum->bytes);
    mr_numbers_size(out, 13, sum->bytes);
    mr_fmt_char(out, '\n');
}

static void put_sums(struct mr_fmt *out, const struct mr_diff *diff)
{
    mr_fmt_print(out, "\n   %-22s%8s%18s%22s\n", "IN USE AT THE END", "sites", "blocks", "bytes");
    put_end(out, ' ', "before", &diff->before_sum);
    for (int fate = 0; fate < MR_DIFF_FATE_COUNT; fate++)
        put_fate(out, diff, (enum mr_diff_fate)fate);
    put_end(out, '=', "after", &diff->after_sum);
}

/* --- the sites ---------------------------------------------------------------------------------------------- */

static void put_row(struct mr_fmt *out, size_t number, const struct mr_diff_row *row)
{
    mr_fmt_print(out, "\n   #%lu  ", number);
    put_size_change(out, 0, row->before.bytes, row->after.bytes);
    mr_fmt_print(out, " in ");
    put_count_change(out, 0, row->before.blocks, row->after.blocks);
    mr_fmt_print(out, " blocks, %s", mr_diff_fate_names[row->fate]);
    if (row->fate == MR_DIFF_GREW || row->fate == MR_DIFF_SHRANK) {
        mr_fmt_print(out, ": from ");
        mr_numbers_size(out, 0, row->before.bytes);
        mr_fmt_print(out, " to ");
        mr_numbers_size(out, 0, row->after.bytes);
    }
    mr_fmt_char(out, '\n');
    mr_text_stack(row->shown, row->stack, out);
}

static void put_verdict(struct mr_fmt *out, const struct mr_diff *diff)
{
    uint64_t before = diff->before_sum.bytes, after = diff->after_sum.bytes;
    mr_fmt_print(out, "\n== memoir == ");
    if (before == after)
        mr_fmt_print(out, "as much in use as before");
    else {
        mr_numbers_size(out, 0, before < after ? after - before : before - after);
        mr_fmt_print(out, " %s in use than before", before < after ? "more" : "less");
    }
    mr_fmt_print(out, ", ");
    mr_numbers_noun(out, diff->count, "site");
    mr_fmt_print(out, " changed\n");
}

void mr_diff_text(const struct mr_diff *diff, size_t top, struct mr_fmt *out)
{
    size_t listed = top ? mr_min(top, diff->count) : diff->count;
    mr_fmt_print(out, "== memoir == diff\n");
    put_run(out, "before", diff->before);
    put_run(out, "after", diff->after);
    put_sums(out, diff);
    for (size_t i = 0; i < listed; i++)
        put_row(out, i + 1, &diff->rows[i]);
    if (listed < diff->count) {
        mr_fmt_print(out, "\n   and ");
        mr_numbers_noun(out, diff->count - listed, "site");
        mr_fmt_print(out, " with smaller changes (--top=N lists N, --top=0 all)\n");
    }
    put_verdict(out, diff);
    mr_fmt_flush(out);
}
