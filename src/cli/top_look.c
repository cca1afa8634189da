#include "top.h"
#include "cli.h"
#include "ledgers.h"
#include "living.h"
#include "os.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What happened so long ago counts for a third of what happens now. */
static const double GROWTH_SECONDS = 10;

/* ---- finding it ---------------------------------------------------------------------------------------- */

struct only {
    struct mr_living *found;
    unsigned count;
};

static void take_first(void *ctx, struct mr_living *living)
{
    struct only *only = ctx;
    if (only->count++ == 0) {
        *only->found = *living;
        living->fd = -1;
    }
}

/* 0, or the exit code after one line. */
static int find_the_one(struct mr_living *living)
{
    struct only only = { living, 0 };
    living->fd = -1;
    mr_living_each(take_first, &only);
    if (only.count == 1)
        return 0;
    mr_living_close(living);
    if (only.count)
        mr_cli_say("%u processes keep a ledger: memoir top PID names one, memoir ls lists them", only.count);
    else
        mr_cli_say("no process here keeps a ledger; memoir run PROGRAM starts one that does");
    return MR_CODE_FAILED;
}

static bool read_pid(const char *what, pid_t *pid)
{
    char *end;
    long n = strtol(what, &end, 10);
    *pid = (pid_t)n;
    return *end == '\0' && n > 0 && n <= INT_MAX && access(what, F_OK) != 0;
}

static int open_living(struct mr_top *top, struct mr_living *living)
{
    top->fd = living->fd;
    top->pid = living->pid;
    memcpy(top->path, living->path, sizeof top->path);
    return 0;
}

static int open_file(struct mr_top *top, const char *path)
{
    struct mr_ledger_header header;
    snprintf(top->path, sizeof top->path, "%s", path);
    top->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (top->fd < 0) {
        mr_cli_say("%s: %s", path, strerror(errno));
        return MR_CODE_FAILED;
    }
    top->pid = mr_living_header(top->fd, &header) ? (pid_t)header.pid : 0;
    return 0;
}

static int find(struct mr_top *top, const char *what)
{
    struct mr_living living;
    char kept[PATH_MAX];
    pid_t pid;
    int code = what ? 0 : find_the_one(&living);
    if (code || !what)
        return code ? code : open_living(top, &living);
    if (!read_pid(what, &pid))
        return open_file(top, what);
    int why = mr_living_open(pid, &living);
    if (why == 0)
        return open_living(top, &living);
    if (mr_ledgers_find(pid, kept))
        return open_file(top, kept);
    mr_living_complain(pid, why);
    return MR_CODE_FAILED;
}

/* ---- a look -------------------------------------------------------------------------------------------- */

/* A process that nobody has waited for has no memory any more. */
static void see_whether_it_runs(struct mr_top *top, const struct mr_ledger_header *header)
{
    uint64_t resident = mr_living_resident(top->pid), moments = mr_reader_count(top->ledger, MR_SECTION_TIMELINE);
    if (header->end != MR_LEDGER_RUNNING)
        top->state = MR_TOP_ENDED;
    else
        top->state = resident ? MR_TOP_RUNS : MR_TOP_GONE;
    if (top->state == MR_TOP_RUNS)
        top->resident = resident;
    else if (moments && !top->resident)
        top->resident = mr_reader_timeline(top->ledger)[moments - 1].resident_bytes;
    uint64_t now = mr_clock_ms();
    top->elapsed_ms = header->end != MR_LEDGER_RUNNING ? header->end_ms : header->alive_ms;
    if (top->state == MR_TOP_RUNS && now > header->start_ms)
        top->elapsed_ms = now - header->start_ms;
}

static double per_second(uint64_t now, uint64_t before, double seconds)
{
    return now > before ? (double)(now - before) / seconds : 0;
}

/* `old` is the share that the growth so far has in the growth from here on. */
static void take(struct mr_top_row *row, const struct mr_sum *sum, double seconds, double old)
{
    uint64_t in_use = mr_sum_bytes(sum);
    row->bytes = per_second(sum->alloc_bytes, row->sum.alloc_bytes, seconds);
    row->calls = per_second(sum->allocs, row->sum.allocs, seconds);
    row->growth = row->growth * old + ((double)in_use - (double)row->in_use) / seconds * (1 - old);
    row->in_use = in_use;
    row->blocks = mr_sum_blocks(sum);
    row->sum = *sum;
}

static bool make_room(struct mr_top *top, size_t count)
{
    if (count <= top->row_count)
        return true;
    struct mr_top_row *rows = reallocarray(top->rows, count, sizeof *rows);
    top->rows = rows ? rows : top->rows;
    uint32_t *order = rows ? reallocarray(top->order, count, sizeof *order) : NULL;
    top->order = order ? order : top->order;
    if (!order)
        return false;
    memset(rows + top->row_count, 0, (count - top->row_count) * sizeof *rows);
    top->row_count = count;
    return true;
}

/* Sizes are of what a site asks for in the mean. */
static size_t size_row(const struct mr_sum *sum)
{
    uint64_t mean = sum->allocs ? sum->alloc_bytes / sum->allocs : 0;
    return mean ? mr_min((size_t)(64 - __builtin_clzl(mean)), (size_t)MR_TOP_SIZES - 1) : 0;
}

static void add_to_size(struct mr_top *top, const struct mr_top_row *row)
{
    struct mr_top_row *size = &top->sizes[size_row(&row->sum)];
    size->in_use += row->in_use;
    size->blocks += row->blocks;
    size->bytes += row->bytes;
    size->calls += row->calls;
    size->growth += row->growth;
    size->sites++;
}

static void take_sites(struct mr_top *top, double seconds, double old)
{
    memset(top->sizes, 0, sizeof top->sizes);
    for (size_t i = 0; i < mr_min(top->row_count, mr_reader_count(top->ledger, MR_SECTION_SITES)); i++) {
        struct mr_reader_site site = mr_reader_site(top->ledger, i);
        struct mr_top_row *row = &top->rows[i];
        row->site = (uint32_t)i;
        row->stack = site.stack;
        take(row, &site.sum, seconds, old);
        if (site.sum.allocs)
            add_to_size(top, row);
    }
}

static void take_all(struct mr_top *top)
{
    const struct mr_ledger_header *header = mr_reader_header(top->ledger);
    uint64_t now = mr_clock_ns();
    see_whether_it_runs(top, header);
    double since_start = (double)mr_max(top->elapsed_ms, 1) / 1e3;
    double seconds = top->looks ? (double)mr_max(now - top->looked_ns, 1) / 1e9 : since_start;
    double old = top->looks > 1 ? exp(-seconds / GROWTH_SECONDS) : 0;
    struct mr_sum total = mr_reader_total(top->ledger);
    take(&top->total, &total, seconds, old);
    take_sites(top, seconds, old);
    top->looked_ns = now;
    top->looks++;
}

/* What has ended does not change: the rates stay those before its end. */
bool mr_top_look(struct mr_top *top)
{
    char why[512];
    struct mr_reader *ledger = mr_reader_open_fd(top->fd, why, sizeof why);
    if (!ledger) {
        if (!top->looks)
            mr_cli_say("%s: %s", top->path, strncmp(why, "the ledger: ", 12) == 0 ? why + 12 : why);
        return false;
    }
    if ((top->names && !mr_names_follow(top->names, ledger)) ||
        !make_room(top, mr_reader_count(ledger, MR_SECTION_SITES))) {
        mr_names_free(top->names);
        top->names = NULL;
        mr_reader_close(ledger);
        return false;
    }
    if (top->ledger)
        mr_reader_close(top->ledger);
    top->ledger = ledger;
    take_all(top);
    return true;
}

int mr_top_open(struct mr_top *top, const char *what)
{
    int code = find(top, what);
    if (code)
        return code;
    if (!mr_top_look(top)) {
        mr_top_close(top);
        return MR_CODE_FAILED;
    }
    if (mr_reader_header(top->ledger)->trace != MR_LEDGER_TRACE_OFF)
        return 0;
    mr_cli_say("%s: has no call stacks: the program must run with MEMOIR_TRACE=full or sample", top->path);
    mr_top_close(top);
    return MR_CODE_FAILED;
}

void mr_top_close(struct mr_top *top)
{
    mr_names_free(top->names);
    if (top->symbols)
        top->symbols->close(top->symbols);
    mr_reader_close(top->ledger);
    for (size_t i = 0; i < top->row_count; i++)
        free(top->rows[i].name);
    free(top->rows);
    free(top->order);
    close(top->fd);
}
