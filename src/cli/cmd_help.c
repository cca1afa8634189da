#include "cli.h"

#include <stdio.h>

static int explain_all(void)
{
    printf("memoir %s: a heap for Linux programs, and a report of what they do with it\n\nusage: %s\n\ncommands:\n",
           MR_VERSION, mr_cli_commands[0].usage);
    for (size_t i = 0; i < mr_cli_command_count; i++)
        printf("  %-10s %s\n", mr_cli_commands[i].name, mr_cli_commands[i].sentence);
    printf("\nmemoir help COMMAND explains one; man memoir has everything.\n");
    return 0;
}

static void explain(const struct mr_command *command)
{
    printf("usage: %s\n\n%s.\n", command->usage, command->sentence);
    if (command->help)
        printf("\n%s", command->help);
    if (command->flags)
        printf("\n");
    if (command->flags)
        mr_flags_print(command->flags);
    if (command->more_flags)
        mr_flags_print(command->more_flags);
    if (command->tail)
        printf("\n%s", command->tail);
}

int mr_cmd_help(char **words)
{
    if (!*words)
        return explain_all();
    const struct mr_command *command = mr_cli_find(*words);
    if (!command) {
        mr_cli_say("%s is no command; did you mean %s?", *words, mr_cli_nearest(*words)->name);
        return MR_CODE_USAGE;
    }
    explain(command);
    return 0;
}
