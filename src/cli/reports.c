#include "reports.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A '%' in the path would be read as the beginning of %p. */
static const char *base_directory(void)
{
    const char *dir = getenv("TMPDIR");
    return dir && *dir == '/' && !strchr(dir, '%') && strlen(dir) < PATH_MAX - 64 ? dir : "/tmp";
}

bool mr_reports_open(struct mr_reports *reports)
{
    char output[PATH_MAX + 4];
    snprintf(reports->dir, sizeof reports->dir, "%s/memoir-XXXXXX", base_directory());
    if (!mkdtemp(reports->dir))
        return false;
    snprintf(output, sizeof output, "%s/%%p", reports->dir);
    return setenv("MEMOIR_OUTPUT", output, 1) == 0;
}

static bool copy(int from, int to)
{
    char buf[65536];
    ssize_t got;
    bool any = false;
    while ((got = read(from, buf, sizeof buf)) > 0) {
        any = true;
        for (ssize_t done = 0, n; done < got; done += n)
            if ((n = write(to, buf + done, (size_t)(got - done))) <= 0)
                return true; /* nobody reads: not the report's fault */
    }
    return any;
}

bool mr_reports_show(const struct mr_reports *reports, pid_t pid, int to)
{
    char path[PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/%d", reports->dir, (int)pid);
    int from = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (from < 0)
        return false;
    bool any = copy(from, to);
    close(from);
    return any;
}

unsigned mr_reports_close(const struct mr_reports *reports, pid_t pid)
{
    unsigned others = 0;
    DIR *dir = opendir(reports->dir);
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        others += atoi(entry->d_name) != pid;
        unlinkat(dirfd(dir), entry->d_name, 0);
    }
    if (dir)
        closedir(dir);
    rmdir(reports->dir);
    return others;
}
