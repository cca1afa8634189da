#include "name.h"

#include <string.h>

#include "base.h"
#include "os.h"

enum { PATH_CAP = 4096, NAMES_MOST = 1000 };

static char asked[PATH_CAP]; /* absolute, nothing put in */
static char path[PATH_CAP];

const char *mr_name_path(void) { return path; }

void mr_name_keep(const char *given)
{
    char here[PATH_CAP];
    struct mr_fmt f = mr_fmt_to_buffer(asked, sizeof asked);
    if (given[0] != '/' && mr_file_link_target("/proc/self/cwd", here, sizeof here) > 0)
        for (const char *p = here; *p; p++)
            mr_fmt_bytes(&f, "%%", *p == '%' ? 2 : 0), mr_fmt_bytes(&f, p, *p != '%');
    mr_fmt_print(&f, given[0] == '/' ? "%s" : "/%s", given);
    mr_fmt_end_string(&f);
}

static void put_field(struct mr_fmt *f, char field)
{
    char name[256];
    if (field == 'p') {
        mr_fmt_print(f, "%ld", (long)mr_process_id());
    } else if (field == 't') {
        mr_fmt_print(f, "%lu", mr_clock_wall());
    } else if (field == 'e') {
        mr_process_name(name, sizeof name);
        mr_fmt_print(f, "%s", name);
    } else {
        mr_fmt_char(f, field);
    }
}

/* Writes the name number `n` (from 0) into `path`. A fork child's, if nothing else tells it from its parent's, has
 * the pid behind. */
static void put_name(unsigned n, bool forked)
{
    struct mr_fmt f = mr_fmt_to_buffer(path, sizeof path);
    bool has_pid = false;
    for (const char *p = asked; *p; p++) {
        bool is_field = *p == '%' && p[1] != '\0' && strchr("pte%", p[1]);
        if (is_field) {
            has_pid |= p[1] == 'p';
            put_field(&f, *++p);
        } else {
            mr_fmt_char(&f, *p);
        }
    }
    if (forked && !has_pid)
        mr_fmt_print(&f, ".%ld", (long)mr_process_id());
    if (n > 0)
        mr_fmt_print(&f, ".%u", n);
    mr_fmt_end_string(&f);
}

int mr_name_create(size_t bytes, bool forked, const char **why)
{
    bool taken = true;
    int fd = -1;
    for (unsigned n = 0; taken && n < NAMES_MOST; n++) {
        put_name(n, forked);
        fd = mr_file_create_new(path, bytes, &taken, why);
    }
    return fd;
}
