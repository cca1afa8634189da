/* cmd_map.c: the picture of a heap, of a process that runs or of one that has ended. */
#include "ask.h"
#include "cli.h"
#include "ledgers.h"
#include "render.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

struct wishes {
    bool help;
    unsigned long width;
    const char *output, *word;
};

static bool read_width(void *to, const char *value)
{
    struct wishes *wishes = to;
    return mr_flags_number("width", value, 60, 500, &wishes->width);
}

const struct mr_flag mr_cmd_map_flags[] = {
    { .name = "width", .value = "N", .read = read_width, .sentence = "so many columns (default: the terminal's, else 80)" },
    { .name = "output", .letter = 'o', .value = "FILE", .file = true, .offset = offsetof(struct wishes, output),
      .sentence = "write it there, not to standard output" },
    { .name = "help", .letter = 'h', .offset = offsetof(struct wishes, help), .sentence = "this help" },
    { .name = NULL },
};

static bool read_words(struct wishes *wishes, char **words)
{
    while (*words && !wishes->help) {
        if (!mr_flags_read("map", mr_cmd_map_flags, wishes, &words))
            return false;
        if (*words && wishes->word) {
            mr_cli_say("one process at a time: %.200s and %.200s", wishes->word, *words);
            return false;
        }
        if (*words)
            wishes->word = *words++;
    }
    return true;
}

/* The number of a process that runs; 0: the word is something else. */
static pid_t running(const char *word)
{
    char *end = NULL;
    long pid = word && access(word, F_OK) != 0 ? strtol(word, &end, 10) : 0;
    if (pid <= 0 || *end != '\0' || (kill((pid_t)pid, 0) != 0 && errno != EPERM))
        return 0;
    return (pid_t)pid;
}

static int draw(const struct wishes *wishes, struct mr_reader *ledger, const char *name, const char *why)
{
    int code = MR_CODE_FAILED;
    if (!ledger) {
        mr_cli_say("%s", why);
        return code;
    }
    signal(SIGPIPE, SIG_IGN);
    if (mr_reader_map(ledger))
        code = mr_render_map(ledger, wishes->output, (unsigned)wishes->width, STDOUT_FILENO);
    else
        mr_cli_say("%s: holds no map: the process was killed, or became another program, before it made one", name);
    mr_reader_close(ledger);
    return code;
}

static int draw_living(const struct wishes *wishes, pid_t pid)
{
    char why_not[512];
    struct mr_living living;
    int why = mr_living_open(pid, &living), code = MR_CODE_FAILED;
    if (why)
        mr_living_complain(pid, why);
    else if (mr_ask_living(&living, MR_LEDGER_ASK_MAP))
        code = draw(wishes, mr_reader_open_fd(living.fd, why_not, sizeof why_not), living.path, why_not);
    mr_living_close(&living);
    return code;
}

static int draw_kept(const struct wishes *wishes)
{
    char why[512], path[PATH_MAX];
    if (!mr_ledgers_choose("map", wishes->word, path))
        return MR_CODE_FAILED;
    return draw(wishes, mr_reader_open(path, why, sizeof why), path, why);
}

int mr_cmd_map(char **words)
{
    struct wishes wishes = { .help = false };
    if (!read_words(&wishes, words))
        return MR_CODE_USAGE;
    if (wishes.help)
        return mr_cmd_help((char *[]){ (char *)"map", NULL });
    pid_t pid = running(wishes.word);
    return pid ? draw_living(&wishes, pid) : draw_kept(&wishes);
}
