#include "report.h"

#include <string.h>

/* The keys are stable: tests/cli/schema.json says which, readers depend on them. */

static void put_string(struct mr_fmt *out, const char *key, const char *text)
{
    mr_fmt_print(out, "\"%s\":\"", key);
    mr_fmt_json(out, text, strlen(text));
    mr_fmt_char(out, '"');
}

static void put_exit(const struct mr_report *report, struct mr_fmt *out)
{
    static const char *const kinds[] = {
        [MR_EXIT_UNKNOWN] = "unknown",
        [MR_EXIT_EXITED] = "exited",
        [MR_EXIT_SIGNALLED] = "signalled",
        [MR_EXIT_RUNNING] = "running",
    };
    mr_fmt_print(out, "\"exit\":{\"kind\":\"%s\"", kinds[report->exit_kind]);
    if (report->exit_kind == MR_EXIT_EXITED)
        mr_fmt_print(out, ",\"code\":%d", report->exit_value);
    if (report->exit_kind == MR_EXIT_SIGNALLED)
        mr_fmt_print(out, ",\"signal\":%d", report->exit_value);
    mr_fmt_char(out, '}');
}

static void put_totals(const struct mr_totals *totals, struct mr_fmt *out)
{
    mr_fmt_print(out, "\"totals\":{");
    for (size_t i = 0; i < mr_stat_count; i++)
        mr_fmt_print(out, "%s\"%s\":%lu", i ? "," : "", mr_stats[i].name, mr_stat_value(totals, &mr_stats[i]));
    mr_fmt_char(out, '}');
}

static void put_classes(const struct mr_report *report, struct mr_fmt *out)
{
    mr_fmt_print(out, "\"size_classes\":[");
    for (size_t i = 0; i < report->class_count; i++) {
        const struct mr_report_class *class = &report->classes[i];
        mr_fmt_print(out, "%s{\"size\":%lu,\"allocations\":%lu,\"frees\":%lu,\"in_use_blocks\":%lu,\"slabs\":%lu}",
                     i ? "," : "", class->size, class->allocations, class->frees, class->in_use_blocks, class->slabs);
    }
    mr_fmt_char(out, ']');
}

static void put_leaks(const struct mr_report *report, struct mr_fmt *out)
{
    mr_fmt_print(out, "\"leaks\":{\"in_use\":{\"bytes\":%lu,\"blocks\":%lu}", report->totals.in_use_bytes,
                 report->totals.in_use_blocks);
    if (report->show_blocks) {
        mr_fmt_print(out, ",\"blocks\":[");
        for (size_t i = 0; i < report->block_count; i++)
            mr_fmt_print(out, "%s{\"address\":\"0x%lx\",\"size\":%lu}", i ? "," : "", report->blocks[i].address,
                         report->blocks[i].size);
        mr_fmt_print(out, "],\"blocks_left_out\":%lu", report->blocks_left_out);
    }
    mr_fmt_char(out, '}');
}

void mr_json_write(const struct mr_report *report, struct mr_fmt *out)
{
    mr_fmt_char(out, '{');
    put_string(out, "memoir", report->version);
    mr_fmt_print(out, ",\"pid\":%ld,", report->pid);
    put_string(out, "command", report->command);
    mr_fmt_char(out, ',');
    put_exit(report, out);
    mr_fmt_print(out, ",\"elapsed_ms\":%lu,", report->elapsed_ms);
    put_string(out, "strategy", report->strategy);
    mr_fmt_char(out, ',');
    put_totals(&report->totals, out);
    mr_fmt_char(out, ',');
    put_classes(report, out);
    mr_fmt_char(out, ',');
    put_leaks(report, out);
    mr_fmt_print(out, ",\"sites\":[],\"findings\":[]}\n");
    mr_fmt_flush(out);
}
