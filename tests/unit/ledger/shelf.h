/* shelf.h: a directory of its own for the ledgers of a test; gone when the test is. */
#ifndef MR_TEST_SHELF_H
#define MR_TEST_SHELF_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../os/child.h"
#include "ledger.h"
#include "os.h"

static char shelf[64];

/* A path on the shelf, in one of four buffers that take turns. */
MR_UNUSED static const char *on_shelf(const char *name)
{
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", shelf, name);
    return path;
}

static void make_shelf(void)
{
    mr_os_init();
    strcpy(shelf, "/tmp/memoir-shelf-XXXXXX");
    cr_assert_not_null(mkdtemp(shelf));
}

static void clear_shelf(void)
{
    DIR *dir = opendir(shelf);
    for (struct dirent *e; dir && (e = readdir(dir));)
        if (e->d_name[0] != '.')
            unlink(on_shelf(e->d_name));
    if (dir)
        closedir(dir);
    rmdir(shelf);
}

/* Opens the ledger there, in full tracing. */
MR_UNUSED static void open_ledger(const char *name)
{
    const char *why;
    mr_os_init();
    cr_assert(mr_writer_open(name ? on_shelf(name) : NULL, MR_LEDGER_TRACE_FULL, 1, &why));
    cr_assert_null(why);
}

MR_UNUSED static int count_shelf(void)
{
    int n = 0;
    DIR *dir = opendir(shelf);
    for (struct dirent *e; dir && (e = readdir(dir));)
        n += e->d_name[0] != '.';
    closedir(dir);
    return n;
}

#endif
