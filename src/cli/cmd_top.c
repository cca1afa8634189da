/* cmd_top.c: memoir top. */
#include "cli.h"
#include "terminal.h"
#include "top.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { INTERVAL_DEFAULT_MS = 1000, INTERVAL_MOST_S = 3600, ONCE_DEFAULT = 20 };

struct request {
    struct mr_top top;
    uint64_t interval_ms;
    unsigned long once_rows;
    bool once, help;
};

/* ---- options ------------------------------------------------------------------------------------------- */

static const char *key_names(size_t i) { return i < MR_TOP_KEY_COUNT ? mr_top_columns[i].name : NULL; }

static bool read_sort(void *to, const char *value)
{
    struct request *request = to;
    int i = mr_flags_choose("sort", value, key_names);
    request->top.key = (enum mr_top_key)i;
    return i >= 0;
}

static bool read_interval(void *to, const char *value)
{
    struct request *request = to;
    char *end;
    double seconds = strtod(value, &end);
    if (*value < '0' || *value > '9' || *end || !(seconds >= 0.1 && seconds <= INTERVAL_MOST_S)) {
        mr_cli_say("--interval=%.40s: not a number of seconds from 0.1 to %d", value, INTERVAL_MOST_S);
        return false;
    }
    request->interval_ms = (uint64_t)(seconds * 1000);
    return true;
}

static bool read_top(void *to, const char *value)
{
    struct request *request = to;
    return mr_flags_number("top", value, 0, 1000000, &request->once_rows);
}

static bool read_filter(void *to, const char *value)
{
    struct request *request = to;
    snprintf(request->top.filter, sizeof request->top.filter, "%s", value);
    return true;
}

const struct mr_flag mr_cmd_top_flags[] = {
    { .name = "sort", .value = "KEY", .read = read_sort, .words = key_names,
      .sentence = "the column that orders the lines" },
    { .name = "interval", .value = "SECONDS", .read = read_interval,
      .sentence = "time between two looks (default 1)" },
    { .name = "filter", .value = "TEXT", .read = read_filter,
      .sentence = "only sites whose function or file has this in its name" },
    { .name = "once", .offset = offsetof(struct request, once),
      .sentence = "look twice, print one table and end: needs no terminal" },
    { .name = "top", .value = "N", .read = read_top, .sentence = "lines of that table (default 20; 0: all)" },
    { .name = "help", .letter = 'h', .offset = offsetof(struct request, help), .sentence = "this help" },
    { .name = NULL },
};

/* ---- one table ----------------------------------------------------------------------------------------- */

/* What has ended is told as it was on the whole: there is nothing to wait for. */
static void print_once(struct request *request)
{
    struct mr_top *top = &request->top;
    char line[1024];
    if (top->state == MR_TOP_RUNS) {
        nanosleep(&(struct timespec){ .tv_sec = (time_t)(request->interval_ms / 1000),
                                      .tv_nsec = (long)(request->interval_ms % 1000) * 1000000 }, NULL);
        mr_top_look(top);
    }
    mr_top_arrange(top, 0);
    for (unsigned i = 0; i < MR_TOP_HEAD_LINES; i++) {
        mr_top_text_head(top, i, line, sizeof line);
        puts(line);
    }
    mr_top_text_titles(top, false, line, sizeof line);
    printf("\n%s\n", line);
    for (size_t i = 0; i < top->listed && (i < request->once_rows || !request->once_rows); i++) {
        mr_top_text_row(top, &top->rows[top->order[i]], line, sizeof line);
        puts(line);
    }
}

static int show(struct request *request, const char *what)
{
    if (!request->once && !(mr_terminal_is(STDOUT_FILENO) && isatty(STDIN_FILENO))) {
        mr_cli_say("memoir top needs a terminal that can move its cursor; --once prints one table anywhere");
        return MR_CODE_USAGE;
    }
    int code = mr_top_open(&request->top, what);
    if (code)
        return code;
    if (request->once)
        print_once(request);
    else
        code = mr_top_screen(&request->top, request->interval_ms);
    mr_top_close(&request->top);
    return code;
}

int mr_cmd_top(char **words)
{
    struct request request = { .interval_ms = INTERVAL_DEFAULT_MS, .once_rows = ONCE_DEFAULT };
    const char *what = NULL;
    while (!request.help) {
        if (!mr_flags_read("top", mr_cmd_top_flags, &request, &words))
            return MR_CODE_USAGE;
        if (!*words)
            break;
        if (what) {
            mr_cli_say("one process at a time: %.80s and %.80s", what, *words);
            return MR_CODE_USAGE;
        }
        what = *words++;
    }
    return request.help ? mr_cmd_help((char *[]){ (char *)"top", NULL }) : show(&request, what);
}
