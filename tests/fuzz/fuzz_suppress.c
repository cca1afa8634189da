/* fuzz_suppress.c: arbitrary texts for the reader of suppressions, and what it read for the matcher.
 *
 *   - the reader says false exactly when it complained, in lines that exist, about nothing but the text;
 *   - what is generated for a stack reads back without complaint and fits that stack;
 *   - matching ends, and returns a name of the list or NULL.
 *
 * With clang: -fsanitize=fuzzer,address. With -DFUZZ_MAIN it has a main() of its own: each argument is a file
 * to run, or a number: that many random inputs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz_require.h"
#include "report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct complaints {
    unsigned count, lines;
};

static void complain(void *ctx, const char *where, unsigned line, const char *what)
{
    struct complaints *complaints = ctx;
    require(strcmp(where, "file") == 0 && *what && !strchr(what, '\n'), "a bad complaint");
    require(line >= 1 && line <= complaints->lines, "a complaint about a line that is not there");
    complaints->count++;
}

static const struct mr_report_frame frames[] = {
    { .address = 1, .function = "f", .linkage = "_Z1fv", .file = "/src/a.c", .line = 1, .module = "/bin/a" },
    { .address = 1, .function = "g", .linkage = "g", .file = "b.c", .line = 22, .module = "/bin/a", .inlined = true },
    { .address = 1, .module = "/lib/b.so" },
    { .function = "the callers of this are unknown" },
};

static void is_counted(void *ctx, const char *where, const char *name, struct mr_report_sum booked)
{
    (void)where;
    (void)name;
    *(uint64_t *)ctx += booked.blocks;
}

static void match_all(struct mr_suppress *list)
{
    uint64_t matched = 0, counted = 0;
    for (enum mr_site_kind kind = 0; kind < MR_SITE_KIND_COUNT; kind++)
        for (size_t n = 0; n <= MR_COUNT(frames); n++) {
            const char *name = mr_suppress_match(list, kind, frames, n);
            matched += name != NULL;
            if (name)
                mr_suppress_count(list, name, 1, 1);
        }
    mr_suppress_list(list, is_counted, &counted);
    require(counted == matched, "a match has a name that the list does not have");
}

static void read_back_generated(void)
{
    char text[512];
    struct complaints complaints = { 0, 16 };
    struct mr_suppress *list = mr_suppress_new();
    struct mr_fmt f = mr_fmt_to_buffer(text, sizeof text);
    mr_suppress_write(&f, 1, MR_SITE_POSSIBLY_LOST, frames, MR_COUNT(frames));
    require(mr_suppress_read(list, "file", text, f.len, complain, &complaints), "a generated block does not read back");
    require(mr_suppress_match(list, MR_SITE_POSSIBLY_LOST, frames, MR_COUNT(frames)), "a generated block does not fit");
    mr_suppress_free(list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct complaints complaints = { 0, 1 };
    struct mr_suppress *list = mr_suppress_new();
    for (size_t i = 0; i < size; i++)
        complaints.lines += data[i] == '\n';
    bool good = mr_suppress_read(list, "file", (const char *)data, size, complain, &complaints);
    require(good == (complaints.count == 0), "false without a complaint, or the other way round");
    match_all(list);
    mr_suppress_free(list);
    read_back_generated();
    return 0;
}

#ifdef FUZZ_MAIN
#include "fuzz_main.h"

/* Mostly words the reader knows, in any order; some bytes of chance between them. */
static size_t fuzz_make(uint64_t round, uint8_t *data, size_t cap)
{
    static const char *const words[] = { "{\n", "}\n", "name\n", "Memcheck:Leak\n", "Other:Leak\n", "match-leak-kinds:", "definite",
                                         ",", "possible\n", "fun:", "obj:", "src:", "...\n", "*", "?", "f", "g", "_Z1fv", "/bin/a",
                                         "/src/a.c:1", "leak:", "^", "$", "\n", " ", "\r\n", "#", "malloc\n", "all\n", "none\n" };
    size_t size = 0;
    (void)round;
    for (unsigned n = fuzz_byte(); n-- > 0;) {
        const char *word = words[fuzz_below(MR_COUNT(words))];
        if (size + strlen(word) + 1 > cap)
            break;
        if (fuzz_byte() < 8)
            data[size++] = fuzz_byte();
        memcpy(data + size, word, strlen(word));
        size += strlen(word);
    }
    return size;
}
#endif
