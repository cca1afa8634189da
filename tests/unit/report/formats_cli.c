#include "stacks.h"

/* Names are told apart, and every writer gets by with every part of the report missing. */
Test(formats_cli, each_has_a_name_and_a_writer)
{
    struct mr_report none = stacks_none();
    for (size_t i = 0; i < mr_report_cli_format_count; i++) {
        const struct mr_report_format *format = &mr_report_cli_formats[i];
        for (size_t j = 0; j < i; j++)
            cr_expect_str_neq(format->name, mr_report_cli_formats[j].name);
        for (size_t j = 0; j < mr_report_format_count; j++)
            cr_expect_str_neq(format->name, mr_report_formats[j].name);
        free(sample_write(format->write, &none));
    }
}

Test(formats_cli, costs_have_names)
{
    for (size_t i = 0; i < MR_COST_COUNT; i++)
        cr_expect_not_null(mr_report_cost_names[i]);
}
