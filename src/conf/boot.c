/* boot.c: the options of this process, read once from its environment. */
#include "conf.h"
#include "os.h"

#include <string.h>
#include <unistd.h>

static char complaints[2048];
static struct mr_fmt complaint_text = { .buf = complaints, .cap = sizeof complaints };

static void remember(void *ctx, const char *line)
{
    (void)ctx;
    mr_fmt_print(&complaint_text, "%s\n", line);
}

/* Checked blocks all take the long way, where a stack costs little more: sampling them would spare nothing. */
static void read_options(void)
{
    mr_conf_read_environment(&mr_conf, environ, remember, NULL);
    if (mr_conf.check && mr_conf.trace == MR_TRACE_SAMPLE)
        mr_conf.trace = MR_TRACE_FULL;
}

/* The environment of a set-user-id program is its caller's: not to be obeyed. */
void mr_conf_boot(void)
{
    static bool done; /* the first caller is alone: it runs before there are threads */
    if (!done && !mr_process_is_secure())
        read_options();
    done = true;
}

size_t mr_conf_complaints(const char **text)
{
    *text = complaints;
    return complaint_text.len;
}

static const char *variable(const char *name)
{
    size_t len = strlen(name);
    for (char **v = environ; v && *v; v++)
        if (strncmp(*v, name, len) == 0 && (*v)[len] == '=')
            return *v + len + 1;
    return "";
}

bool mr_conf_is_colourless(void)
{
    const char *term = variable("TERM");
    return *variable("NO_COLOR") || !*term || strcmp(term, "dumb") == 0;
}
