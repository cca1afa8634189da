#include "diff.h"
#include "json.h"

#include <string.h>

/* Changes are signed: after - before. */

static void put_string(struct mr_fmt *out, const char *key, const char *text)
{
    mr_fmt_print(out, "\"%s\":\"", key);
    mr_fmt_json(out, text, strlen(text));
    mr_fmt_char(out, '"');
}

static void put_sum(struct mr_fmt *out, const char *key, int64_t bytes, int64_t blocks)
{
    mr_fmt_print(out, "\"%s\":{\"bytes\":%ld,\"blocks\":%ld}", key, bytes, blocks);
}

static void put_sums(struct mr_fmt *out, const struct mr_report_sum *before, const struct mr_report_sum *after)
{
    put_sum(out, "before", (int64_t)before->bytes, (int64_t)before->blocks);
    mr_fmt_char(out, ',');
    put_sum(out, "after", (int64_t)after->bytes, (int64_t)after->blocks);
    mr_fmt_char(out, ',');
    put_sum(out, "change", (int64_t)(after->bytes - before->bytes), (int64_t)(after->blocks - before->blocks));
}

static void put_run(struct mr_fmt *out, const char *key, const struct mr_report *report)
{
    mr_fmt_print(out, "\"%s\":{", key);
    put_string(out, "command", report->command);
    mr_fmt_print(out, ",\"pid\":%ld,\"elapsed_ms\":%lu}", report->pid, report->elapsed_ms);
}

static void put_row(struct mr_fmt *out, const struct mr_diff_row *row)
{
    mr_fmt_print(out, "{\"fate\":\"%s\",", mr_diff_fate_names[row->fate]);
    put_sums(out, &row->before, &row->after);
    mr_fmt_char(out, ',');
    mr_json_stack(row->shown, row->stack, "stack", out);
    mr_fmt_char(out, '}');
}

void mr_diff_json(const struct mr_diff *diff, size_t top, struct mr_fmt *out)
{
    size_t listed = top ? mr_min(top, diff->count) : diff->count;
    mr_fmt_char(out, '{');
    put_string(out, "memoir", diff->after->version);
    mr_fmt_print(out, ",\"runs\":{");
    put_run(out, "before", diff->before);
    mr_fmt_char(out, ',');
    put_run(out, "after", diff->after);
    mr_fmt_print(out, "},\"in_use\":{");
    put_sums(out, &diff->before_sum, &diff->after_sum);
    mr_fmt_print(out, "},\"sites_changed\":%lu,\"sites\":[", diff->count);
    for (size_t i = 0; i < listed; i++) {
        mr_fmt_bytes(out, ",", i > 0);
        put_row(out, &diff->rows[i]);
    }
    mr_fmt_print(out, "]}\n");
    mr_fmt_flush(out);
}
