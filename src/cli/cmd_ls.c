/* cmd_ls.c: memoir ls: which processes keep a ledger. The rate of a process that runs is what it asks for between two
 * looks. */
#include "cli.h"
#include "ledgers.h"
#include "living.h"
#include "os.h"
#include "terminal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BETWEEN_LOOKS_MS = 200 };

/* One ledger, of a process that runs or of a kept run. */
struct entry {
    long pid;
    bool runs, is_traced; /* is_traced: it knows who asked for what, so also how much */
    int fd;               /* while it is looked at twice, else -1 */
    uint64_t since, elapsed_ms, in_use, resident, sites, alloc_bytes, looked_ns, rate;
    char *command, *path;
};

struct list {
    struct entry *entries;
    size_t count, cap;
    bool help, all, json;
};

/* ---- options ------------------------------------------------------------------------------------------- */

static const char *format_names(size_t i)
{
    static const char *const names[] = { "text", "json", NULL };
    return names[i];
}

static bool read_format(void *to, const char *value)
{
    struct list *list = to;
    int i = mr_flags_choose("format", value, format_names);
    list->json = i == 1;
    return i >= 0;
}

const struct mr_flag mr_cmd_ls_flags[] = {
    { .name = "all", .letter = 'a', .offset = offsetof(struct list, all),
      .sentence = "also the kept ledgers of runs that have ended" },
    { .name = "format", .value = "FORMAT", .read = read_format, .words = format_names, .sentence = "how it is written" },
    { .name = "help", .letter = 'h', .offset = offsetof(struct list, help), .sentence = "this help" },
    { .name = NULL },
};

/* ---- looking ------------------------------------------------------------------------------------------- */

static struct entry *add(struct list *list)
{
    if (list->count == list->cap) {
        size_t cap = list->cap ? 2 * list->cap : 16;
        void *grown = realloc(list->entries, cap * sizeof *list->entries);
        if (!grown)
            return NULL;
        list->entries = grown;
        list->cap = cap;
    }
    struct entry *entry = &list->entries[list->count++];
    *entry = (struct entry){ .fd = -1 };
    return entry;
}

static void take_header(struct entry *entry, const struct mr_ledger_header *header, const char *path)
{
    const struct mr_ledger_section *sites = &header->sections[MR_SECTION_SITES];
    entry->is_traced = header->trace != MR_LEDGER_TRACE_OFF;
    entry->since = header->start_wall;
    entry->sites = sites->count ? sites->count - 1 : 0;
    entry->command = strdup(header->command);
    entry->path = strdup(path);
}

static void take_total(struct entry *entry, int fd, const struct mr_ledger_header *header)
{
    struct mr_sum sum;
    entry->is_traced = entry->is_traced && mr_living_total(fd, header, &sum);
    if (!entry->is_traced)
        return;
    entry->in_use = mr_sum_bytes(&sum);
    entry->alloc_bytes = sum.alloc_bytes;
}

static void add_living(void *ctx, struct mr_living *living)
{
    struct entry *entry = add(ctx);
    time_t now = time(NULL);
    if (!entry)
        return;
    entry->pid = living->pid;
    entry->runs = true;
    take_header(entry, &living->header, living->path);
    take_total(entry, living->fd, &living->header);
    entry->looked_ns = mr_clock_ns();
    entry->elapsed_ms = (uint64_t)now > entry->since ? ((uint64_t)now - entry->since) * 1000 : 0;
    entry->resident = mr_living_resident(living->pid);
    entry->fd = fcntl(living->fd, F_DUPFD_CLOEXEC, 0);
}

static void add_kept(void *ctx, const char *path)
{
    struct mr_ledger_header header;
    struct mr_ledger_moment last;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool good = fd >= 0 && mr_living_header(fd, &header);
    struct entry *entry = good ? add(ctx) : NULL;
    if (entry) {
        entry->pid = header.pid;
        take_header(entry, &header, path);
        take_total(entry, fd, &header);
        entry->elapsed_ms = header.end == MR_LEDGER_RUNNING ? header.alive_ms : header.end_ms;
        entry->resident = mr_living_moment(fd, &header, &last) ? last.resident_bytes : 0;
        entry->rate = entry->alloc_bytes / mr_max(entry->elapsed_ms, 1) * 1000;
    }
    if (fd >= 0)
        close(fd);
}

static void look_again(struct entry *entry)
{
    struct mr_ledger_header header;
    uint64_t before = entry->alloc_bytes, since = entry->looked_ns;
    if (!mr_living_header(entry->fd, &header))
        return;
    take_total(entry, entry->fd, &header);
    double seconds = (double)(mr_clock_ns() - since) / 1e9;
    entry->rate = entry->alloc_bytes > before ? (uint64_t)((double)(entry->alloc_bytes - before) / seconds) : 0;
}

static void look(struct list *list)
{
    mr_living_each(add_living, list);
    size_t living = list->count;
    if (living)
        nanosleep(&(struct timespec){ .tv_nsec = BETWEEN_LOOKS_MS * 1000000L }, NULL);
    for (size_t i = 0; i < living; i++)
        if (list->entries[i].fd >= 0)
            look_again(&list->entries[i]);
    if (list->all)
        mr_ledgers_each(add_kept, list);
}

/* ---- telling ------------------------------------------------------------------------------------------- */

static const char *text_of(bool known, uint64_t bytes, const char *unit, char text[32])
{
    struct mr_fmt f = mr_fmt_to_buffer(text, 32);
    if (known)
        mr_fmt_size(&f, bytes);
    mr_fmt_print(&f, known ? "%s" : "-", unit);
    return mr_fmt_end_string(&f);
}

static const char *duration(uint64_t ms, char text[32])
{
    uint64_t s = ms / 1000;
    if (s < 3600)
        snprintf(text, 32, "%lu:%02lu", (unsigned long)(s / 60), (unsigned long)(s % 60));
    else if (s < 86400)
        snprintf(text, 32, "%lu h %02lu", (unsigned long)(s / 3600), (unsigned long)(s / 60 % 60));
    else
        snprintf(text, 32, "%lu d %02lu h", (unsigned long)(s / 86400), (unsigned long)(s / 3600 % 24));
    return text;
}

/* What a terminal would act on is not printed. */
static void put_command(const char *command, int width)
{
    for (int i = 0; command && command[i] && i < width; i++)
        putchar((unsigned char)command[i] < 0x20 || command[i] == 0x7f ? '.' : command[i]);
}

static void put_table(const struct list *list, int width)
{
    char a[32], b[32], c[32], d[32];
    int used = printf("%8s  %-5s  %9s  %10s  %10s  %7s  %12s  ", "PID", "STATE", "TIME", "IN USE", "RESIDENT", "SITES",
                      "RATE");
    printf("COMMAND\n");
    for (size_t i = 0; i < list->count; i++) {
        const struct entry *e = &list->entries[i];
        printf("%8ld  %-5s  %9s  %10s  %10s  %7lu  %12s  ", e->pid, e->runs ? "runs" : "ended",
               duration(e->elapsed_ms, a), text_of(e->is_traced, e->in_use, "", b), text_of(e->resident > 0, e->resident, "", c),
               (unsigned long)e->sites, text_of(e->is_traced, e->rate, "/s", d));
        put_command(e->command, mr_max(width - used, 12));
        putchar('\n');
    }
}

static void put_number(bool known, uint64_t n)
{
    printf(known ? "\t%lu" : "\t-", (unsigned long)n);
}

static void put_lines(const struct list *list)
{
    printf("pid\tstate\tsince\tin_use_bytes\tresident_bytes\tsites\tbytes_per_second\tledger\tcommand\n");
    for (size_t i = 0; i < list->count; i++) {
        const struct entry *e = &list->entries[i];
        printf("%ld\t%s", e->pid, e->runs ? "runs" : "ended");
        put_number(true, e->since);
        put_number(e->is_traced, e->in_use);
        put_number(e->resident > 0, e->resident);
        put_number(true, e->sites);
        put_number(e->is_traced, e->rate);
        printf("\t%s\t", e->path ? e->path : "-");
        put_command(e->command, INT_MAX);
        putchar('\n');
    }
}

static void put_text(const char *text)
{
    char buffer[6 * 4096 + 8];
    struct mr_fmt f = mr_fmt_to_buffer(buffer, sizeof buffer);
    mr_fmt_json(&f, text ? text : "", text ? strlen(text) : 0);
    fputs(mr_fmt_end_string(&f), stdout);
}

static void put_member(const char *name, bool known, uint64_t n)
{
    printf(known ? ",\"%s\":%lu" : ",\"%s\":null", name, (unsigned long)n);
}

static void put_json(const struct list *list)
{
    printf("[");
    for (size_t i = 0; i < list->count; i++) {
        const struct entry *e = &list->entries[i];
        printf("%s{\"pid\":%ld,\"state\":\"%s\",\"command\":\"", i ? ",\n " : "", e->pid, e->runs ? "runs" : "ended");
        put_text(e->command);
        printf("\",\"ledger\":\"");
        put_text(e->path);
        printf("\"");
        put_member("since", true, e->since);
        put_member("elapsed_ms", true, e->elapsed_ms);
        put_member("in_use_bytes", e->is_traced, e->in_use);
        put_member("resident_bytes", e->resident > 0, e->resident);
        put_member("sites", true, e->sites);
        put_member("bytes_per_second", e->is_traced, e->rate);
        printf("}");
    }
    printf("]\n");
}

static void tell(const struct list *list)
{
    int width = mr_terminal_width(STDOUT_FILENO);
    if (list->json)
        put_json(list);
    else if (!width)
        put_lines(list);
    else if (list->count)
        put_table(list, width);
    else
        printf("no process here keeps a ledger%s; memoir run PROGRAM starts one that does\n",
               list->all ? "" : ", and --all lists those that have ended");
}

static void release(struct list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        struct entry *entry = &list->entries[i];
        if (entry->fd >= 0)
            close(entry->fd);
        free(entry->command);
        free(entry->path);
    }
    free(list->entries);
}

int mr_cmd_ls(char **words)
{
    struct list list = { .count = 0 };
    if (!mr_flags_read("ls", mr_cmd_ls_flags, &list, &words))
        return MR_CODE_USAGE;
    if (list.help)
        return mr_cmd_help((char *[]){ (char *)"ls", NULL });
    if (*words) {
        mr_cli_say("memoir ls takes no words: %.80s", *words);
        return MR_CODE_USAGE;
    }
    look(&list);
    tell(&list);
    release(&list);
    return 0;
}
