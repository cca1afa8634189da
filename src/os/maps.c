/* maps.c: what lies where in this process, from /proc, without allocating. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os.h"

size_t mr_maps_read(char *text, size_t cap)
{
    size_t len = mr_file_read_all("/proc/self/maps", text, cap);
    return len < cap ? len : 0;
}

/* ---- rows ------------------------------------------------------------------------------------------
 *
 *   from-to perms offset device inode          name
 *   7f1c2e000000-7f1c2e021000 rw-p 00000000 00:00 0                          [stack]
 *
 * A name holds any byte but a newline, which the kernel writes as \012. */

struct line {
    const char *at, *end;
};

static bool take_hex(struct line *line, uintptr_t *value)
{
    const char *begin = line->at;
    for (*value = 0; line->at < line->end; line->at++) {
        char c = *line->at;
        unsigned digit = c >= '0' && c <= '9' ? (unsigned)(c - '0') : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10) : 16;
        if (digit == 16)
            break;
        if (*value >> 60)
            return false;
        *value = *value << 4 | digit;
    }
    return line->at > begin;
}

static bool take_char(struct line *line, char c)
{
    if (line->at == line->end || *line->at != c)
        return false;
    line->at++;
    return true;
}

static void skip_blanks(struct line *line)
{
    while (line->at < line->end && *line->at == ' ')
        line->at++;
}

static bool skip_word(struct line *line)
{
    const char *begin = line->at;
    while (line->at < line->end && *line->at != ' ')
        line->at++;
    bool any = line->at > begin;
    skip_blanks(line);
    return any;
}

static bool parse(struct line line, struct mr_map *row)
{
    if (!take_hex(&line, &row->from) || !take_char(&line, '-') || !take_hex(&line, &row->to) || !take_char(&line, ' '))
        return false;
    if (row->from >= row->to || line.end - line.at < 4)
        return false;
    row->readable = line.at[0] == 'r';
    row->writable = line.at[1] == 'w';
    row->executable = line.at[2] == 'x';
    row->shared = line.at[3] == 's';
    if (!skip_word(&line) || !skip_word(&line) || !skip_word(&line) || !skip_word(&line))
        return false;
    row->name = line.at;
    row->name_len = (size_t)(line.end - line.at);
    return true;
}

bool mr_maps_next(const char **at, const char *end, struct mr_map *row)
{
    while (*at < end) {
        struct line line = { *at, *at };
        while (line.end < end && *line.end != '\n')
            line.end++;
        *at = line.end < end ? line.end + 1 : end;
        if (parse(line, row))
            return true;
    }
    return false;
}

/* ---- ourselves ----------------------------------------------------------------------------------------
 * The linker puts the headers of the object at this symbol. Only a program names an interpreter. */
extern const ElfW(Ehdr) __ehdr_start MR_HIDDEN;

bool mr_maps_own_data(uintptr_t *from, uintptr_t *to)
{
    uintptr_t base = (uintptr_t)&__ehdr_start;
    const ElfW(Phdr) *headers = (const ElfW(Phdr) *)(base + __ehdr_start.e_phoff);
    bool found = false, program = false;
    for (size_t i = 0; i < __ehdr_start.e_phnum; i++) {
        program |= headers[i].p_type == PT_INTERP;
        if (headers[i].p_type == PT_LOAD && (headers[i].p_flags & PF_W)) {
            *from = found ? *from : base + headers[i].p_vaddr;
            *to = base + headers[i].p_vaddr + headers[i].p_memsz;
            found = true;
        }
    }
    return found && !program;
}

/* ---- OS pages ----------------------------------------------------------------------------------------
 * /proc/self/pagemap has a word per OS page. Without privileges it lacks the place in memory, not
 * whether there is one: admin-guide/mm/pagemap.rst of the kernel. */

static const uint64_t PRESENT = (uint64_t)1 << 63, SWAPPED = (uint64_t)1 << 62, OF_A_FILE = (uint64_t)1 << 61;

int mr_maps_open_pages(void)
{
    int saved = errno;
    int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && fd <= 2) {
        int above = mr_file_duplicate(fd);
        close(fd);
        fd = above;
    }
    errno = saved;
    return fd;
}

/* Words for the OS pages from `from` on, up to cap; 0: it does not tell. */
static size_t read_words(int pages, uintptr_t from, uint64_t *words, size_t cap)
{
    int saved = errno;
    ssize_t n = pages < 0 ? -1 : syscall(SYS_pread64, pages, words, cap * sizeof *words, (off_t)(from / mr_os_page * sizeof *words));
    errno = saved;
    return n < 0 ? 0 : (size_t)n / sizeof *words;
}

static bool holds_something(uint64_t word, bool own)
{
    return (word & (PRESENT | SWAPPED)) && !(own && (word & OF_A_FILE));
}

uintptr_t mr_maps_next_run(int pages, bool own, uintptr_t *from, uintptr_t to)
{
    uint64_t words[512];
    bool inside = false;
    for (uintptr_t at = mr_align_down(*from, mr_os_page); at < to;) {
        size_t n = read_words(pages, at, words, mr_min(MR_COUNT(words), (to - at + mr_os_page - 1) / mr_os_page));
        if (n == 0) {
            *from = inside ? *from : mr_max(*from, at);
            return to;
        }
        for (size_t i = 0; i < n && at < to; i++, at += mr_os_page) {
            bool holds = holds_something(words[i], own);
            if (holds && !inside)
                *from = mr_max(*from, at);
            if (!holds && inside)
                return at;
            inside = holds;
        }
    }
    return inside ? to : 0;
}
