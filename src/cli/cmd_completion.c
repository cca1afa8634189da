/* cmd_completion.c: memoir completion: what a shell must know to complete memoir's words, from the tables the help comes
 * from. */
#include "args.h"
#include "cli.h"
#include "conf.h"

#include <stdio.h>
#include <string.h>

/* One option as a shell sees it. */
struct option {
    char name[MR_ARGS_NAME_MAX], letter;
    bool valued, file;
    char words[512]; /* the values there are, separated by blanks */
    const char *sentence;
};

typedef void option_use(const struct mr_command *command, const struct option *option);

/* ---- every option of a command ------------------------------------------------------------------------- */

static void use_flag(const struct mr_command *command, const struct mr_flag *flag, option_use *use)
{
    struct option option = { .letter = flag->letter, .valued = flag->value, .sentence = flag->sentence };
    struct mr_fmt f = mr_fmt_to_buffer(option.words, sizeof option.words);
    option.file = flag->file;
    snprintf(option.name, sizeof option.name, "%s", flag->name);
    for (size_t i = 0; flag->words && flag->words(i); i++)
        mr_fmt_print(&f, "%s%s", i ? " " : "", flag->words(i));
    mr_fmt_end_string(&f);
    use(command, &option);
}

static void use_row(const struct mr_command *command, const struct mr_option *row, option_use *use)
{
    struct option option = { .valued = row->type != MR_OPTION_BOOL, .sentence = row->sentence };
    bool has_words = row->type == MR_OPTION_CHOICE || row->type == MR_OPTION_SET;
    option.file = row->type == MR_OPTION_TEXT;
    mr_args_name(row, option.name);
    snprintf(option.words, sizeof option.words, "%s", has_words ? row->values : "");
    for (char *c = option.words; *c; c++)
        *c = *c == '|' ? ' ' : *c;
    use(command, &option);
}

/* Options that memoir run has under the same name as the library are told once: as memoir run takes them. */
static bool has_flag(const struct mr_command *command, const struct mr_option *row)
{
    char name[MR_ARGS_NAME_MAX];
    const struct mr_flag *const tables[] = { command->flags, command->more_flags };
    mr_args_name(row, name);
    for (size_t i = 0; i < MR_COUNT(tables); i++)
        for (const struct mr_flag *flag = tables[i]; flag && flag->name; flag++)
            if (strcmp(flag->name, name) == 0)
                return true;
    return false;
}

static void each_option(const struct mr_command *command, option_use *use)
{
    for (const struct mr_flag *flag = command->flags; flag && flag->name; flag++)
        use_flag(command, flag, use);
    for (const struct mr_flag *flag = command->more_flags; flag && flag->name; flag++)
        use_flag(command, flag, use);
    for (size_t i = 0; command->main == mr_cmd_run && i < mr_option_count; i++)
        if (!has_flag(command, &mr_options[i]))
            use_row(command, &mr_options[i], use);
}

/* ---- bash ---------------------------------------------------------------------------------------------- */

static void put_bash_name(const struct mr_command *command, const struct option *option)
{
    (void)command;
    printf(" --%s%s", option->name, option->valued ? "=" : "");
}

static void put_bash_values(const struct mr_command *command, const struct option *option)
{
    if (!option->valued)
        return;
    printf("        %s/--%s", command->name, option->name);
    if (option->letter)
        printf("|%s/-%c", command->name, option->letter);
    printf(") echo '%s' ;;\n", option->file ? "FILES" : *option->words ? option->words : "ANYTHING");
}

static const char *words_of(const struct mr_command *command)
{
    static const char *const names[] = {
        [MR_CLI_NO_WORDS] = "NONE", [MR_CLI_PROGRAM] = "PROGRAM", [MR_CLI_FILES] = "FILES",
        [MR_CLI_PROCESS] = "PROCESS", [MR_CLI_COMMAND] = "COMMAND", [MR_CLI_SHELL] = "bash zsh",
    };
    return names[command->words];
}

static void put_bash_tables(void)
{
    printf("_memoir_commands='");
    for (size_t i = 0; i < mr_cli_command_count; i++)
        printf("%s%s", i ? " " : "", mr_cli_commands[i].name);
    printf("'\n\n_memoir_options() {\n    case $1 in\n");
    for (size_t i = 0; i < mr_cli_command_count; i++) {
        printf("        %s) echo '", mr_cli_commands[i].name);
        each_option(&mr_cli_commands[i], put_bash_name);
        printf("' ;;\n");
    }
    printf("    esac\n}\n\n_memoir_words() {\n    case $1 in\n");
    for (size_t i = 0; i < mr_cli_command_count; i++)
        printf("        %s) echo '%s' ;;\n", mr_cli_commands[i].name, words_of(&mr_cli_commands[i]));
    printf("    esac\n}\n\n_memoir_values() {\n    case $1 in\n");
    for (size_t i = 0; i < mr_cli_command_count; i++)
        each_option(&mr_cli_commands[i], put_bash_values);
    printf("    esac\n}\n\n");
}

/* Bash takes "=" for a word of its own. */
static const char bash_function[] =
    "_memoir() {\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]} first=2 i values inside=\n"
    "    if [[ $cur == '=' ]]; then cur=; elif [[ $prev == '=' ]]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
    "    [[ \" $_memoir_commands \" == *\" $command \"* ]] || { command=run; first=1; }\n"
    "    COMPREPLY=()\n"
    "    values=$(_memoir_values \"$command/$prev\")\n"
    "    if [[ -z $values ]]; then\n"
    "        values=$(_memoir_words \"$command\")\n"
    "        if [[ $values == PROGRAM ]]; then\n"
    "            for ((i = first; i < COMP_CWORD; i++)); do\n"
    "                [[ ${COMP_WORDS[i]} == -- ]] && ((i + 1 < COMP_CWORD)) && { ((i++)); break; }\n"
    "                [[ ${COMP_WORDS[i]} == '=' ]] && { ((i++)); continue; }\n"
    "                [[ ${COMP_WORDS[i]} == -* ]] && { [[ ${COMP_WORDS[i+1]} != '=' &&\n"
    "                    -n $(_memoir_values \"$command/${COMP_WORDS[i]}\") ]] && ((i++)); continue; }\n"
    "                break\n"
    "            done\n"
    "            if ((i < COMP_CWORD)); then\n"
    "                if declare -F _command_offset >/dev/null; then _command_offset \"$i\"; return; fi\n"
    "                values=FILES inside=1\n"
    "            fi\n"
    "        fi\n"
    "        if [[ $cur == -* && -z $inside ]]; then\n"
    "            COMPREPLY=($(compgen -W \"$(_memoir_options \"$command\")\" -- \"$cur\"))\n"
    "            [[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null\n"
    "            return\n"
    "        fi\n"
    "    fi\n"
    "    case $values in\n"
    "        ANYTHING|NONE) ;;\n"
    "        FILES) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n"
    "        PROCESS) compopt -o filenames 2>/dev/null\n"
    "            COMPREPLY=($(compgen -W \"$(\"${COMP_WORDS[0]}\" ls 2>/dev/null | sed -n '2,$s/\\t.*//p')\" -- \"$cur\")\n"
    "                       $(compgen -f -- \"$cur\")) ;;\n"
    "        COMMAND) COMPREPLY=($(compgen -W \"$_memoir_commands\" -- \"$cur\")) ;;\n"
    "        PROGRAM) COMPREPLY=($(compgen -c -- \"$cur\") $(compgen -d -S / -- \"$cur\")) ;;\n"
    "        *) COMPREPLY=($(compgen -W \"$values\" -- \"$cur\")) ;;\n"
    "    esac\n"
    "    ((COMP_CWORD == 1)) && COMPREPLY=($(compgen -W \"$_memoir_commands\" -- \"$cur\") \"${COMPREPLY[@]}\")\n"
    "}\n"
    "complete -F _memoir memoir\n";

static void put_bash(void)
{
    printf("# bash: what completes the words of memoir " MR_VERSION ", written by `memoir completion bash`.\n\n");
    put_bash_tables();
    fputs(bash_function, stdout);
}

/* ---- zsh ----------------------------------------------------------------------------------------------- */

/* Inside single quotes and brackets, where a colon may end something, too. */
static void put_zsh_text(const char *text)
{
    for (; *text; text++)
        if (*text == '\'')
            printf("'\\''");
        else
            printf(strchr("[]:\\", *text) ? "\\%c" : "%c", *text);
}

static void put_zsh_option(const struct mr_command *command, const struct option *option)
{
    (void)command;
    printf(" \\\n                '--%s%s[", option->name, option->valued ? "=" : "");
    put_zsh_text(option->sentence);
    printf("]");
    if (option->valued)
        printf(option->file ? ":file:_files" : *option->words ? ":value:(%s)" : ":value:", option->words);
    printf("'");
}

static void put_zsh_words(const struct mr_command *command)
{
    static const char *const actions[] = {
        [MR_CLI_NO_WORDS] = "",
        [MR_CLI_PROGRAM] = " \\\n                '(-)*::program:_normal'",
        [MR_CLI_FILES] = " \\\n                '*:file:_files'",
        [MR_CLI_PROCESS] = " \\\n                '*:process or ledger:{ compadd ${${(f)\"$(memoir ls 2>/dev/null)\"}[2,-1]%%$'\\''\\t'\\''*}; _files }'",
        [MR_CLI_COMMAND] = " \\\n                \"*:command:($names)\"",
        [MR_CLI_SHELL] = " \\\n                '*:shell:(bash zsh)'",
    };
    fputs(actions[command->words], stdout);
}

static void put_zsh(void)
{
    printf("#compdef memoir\n# zsh: what completes the words of memoir " MR_VERSION ", written by `memoir completion zsh`.\n\n"
           "_memoir() {\n    local -a commands names\n    commands=(");
    for (size_t i = 0; i < mr_cli_command_count; i++) {
        printf("\n        '%s:", mr_cli_commands[i].name);
        put_zsh_text(mr_cli_commands[i].sentence);
        printf("'");
    }
    printf("\n    )\n    names=(${commands%%%%:*})\n"
           "    if ((CURRENT == 2)) && [[ $words[2] != -* ]]; then\n"
           "        _describe command commands\n        _command_names -e\n        return\n    fi\n"
           "    local command=run\n"
           "    if ((${names[(Ie)$words[2]]})); then\n"
           "        command=$words[2]\n        shift words\n        ((CURRENT--))\n    fi\n"
           "    case $command in\n");
    for (size_t i = 0; i < mr_cli_command_count; i++) {
        printf("        %s) _arguments -S", mr_cli_commands[i].name);
        each_option(&mr_cli_commands[i], put_zsh_option);
        put_zsh_words(&mr_cli_commands[i]);
        printf(" ;;\n");
    }
    printf("    esac\n}\n\n[[ $funcstack[1] == _memoir ]] && _memoir \"$@\" || compdef _memoir memoir\n");
}

/* ---- the command --------------------------------------------------------------------------------------- */

struct request {
    bool help;
};

const struct mr_flag mr_cmd_completion_flags[] = {
    { .name = "help", .letter = 'h', .offset = offsetof(struct request, help), .sentence = "this help" },
    { .name = NULL },
};

int mr_cmd_completion(char **words)
{
    struct request request = { .help = false };
    if (!mr_flags_read("completion", mr_cmd_completion_flags, &request, &words))
        return MR_CODE_USAGE;
    if (request.help)
        return mr_cmd_help((char *[]){ (char *)"completion", NULL });
    bool bash = *words && strcmp(*words, "bash") == 0, zsh = *words && strcmp(*words, "zsh") == 0;
    if ((!bash && !zsh) || words[1]) {
        mr_cli_say("memoir completion needs the name of a shell: bash or zsh");
        return MR_CODE_USAGE;
    }
    (bash ? put_bash : put_zsh)();
    return 0;
}
