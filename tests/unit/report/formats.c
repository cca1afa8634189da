#include <criterion/criterion.h>
#include <string.h>

#include "conf.h"
#include "report.h"

/* The FORMAT option's value is an index into the table of writers. */
Test(formats, follow_the_order_of_the_option)
{
    const struct mr_option *option = mr_conf_find("FORMAT");
    cr_assert_not_null(option);
    cr_assert_eq(option->max + 1, mr_report_format_count);
    struct mr_conf conf = mr_conf;
    for (conf.format = 0; conf.format < mr_report_format_count; conf.format++) {
        char name[16];
        struct mr_fmt f = mr_fmt_to_buffer(name, sizeof name);
        mr_conf_print_value(&conf, option, &f);
        cr_expect_str_eq(mr_fmt_end_string(&f), mr_report_formats[conf.format].name);
        cr_expect_not_null(mr_report_formats[conf.format].write);
    }
    cr_expect_eq(mr_report_formats[MR_FORMAT_TEXT].write, mr_text_write);
    cr_expect_eq(mr_report_formats[MR_FORMAT_JSON].write, mr_json_write);
}
