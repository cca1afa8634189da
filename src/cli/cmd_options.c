#include "cli.h"
#include "args.h"
#include "conf.h"
#include "flags.h"

#include <stdio.h>
#include <string.h>

#define INDENT 25 /* where the sentences begin */

static void print_option(const struct mr_option *option)
{
    char name[MR_ARGS_NAME_MAX], value[64];
    struct mr_fmt f = mr_fmt_to_buffer(value, sizeof value);
    mr_conf_print_value(&mr_conf, option, &f);
    mr_args_name(option, name);
    printf("  %-12s  %-7s  ", name, *mr_fmt_end_string(&f) ? value : "-");
    mr_flags_print_wrapped(option->sentence, INDENT);
    if (*option->values) {
        printf("%*s", INDENT, "");
        mr_flags_print_wrapped(option->values, INDENT);
    }
}

int mr_cmd_options(char **words)
{
    if (*words && (strcmp(*words, "--help") == 0 || strcmp(*words, "-h") == 0))
        return mr_cmd_help((char *[]){ (char *)"options", NULL });
    if (*words) {
        mr_cli_say("memoir options takes no arguments: %s", *words);
        return MR_CODE_USAGE;
    }
    printf("--NAME=VALUE for memoir run; MEMOIR_NAME=VALUE in the environment (upper case, _ for -).\n\n");
    printf("  %-12s  %-7s  %s\n", "NAME", "DEFAULT", "WHAT IT DOES");
    for (size_t i = 0; i < mr_option_count; i++)
        print_option(&mr_options[i]);
    printf("\nUnder memoir run, stats is 1 and leaks is summary where nothing else is chosen.\n");
    return 0;
}
