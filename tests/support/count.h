/* count.h: for programs that know their own statistics. Every block is taken and given back through
 * these functions, which keep the books; count_print writes them to stdout, one `key value` a line.
 *
 * main(rounds): the driver runs a program with 0 rounds and with many and compares the differences,
 * so whatever else the process allocates must not depend on the rounds. */
#ifndef MR_TESTS_COUNT_H
#define MR_TESTS_COUNT_H

#include "expect.h"
#include <malloc.h>

/* A row per usable size: the library's books are kept by that, not by what was asked for. */
struct count_row {
    size_t size; /* usable; 0 is unused */
    size_t allocations, frees;
};

static struct count_row count_rows[128];
static size_t count_failed;

/* Builtins, not stdatomic.h, which C++ does not know. */
EXPECT_UNUSED void count_add(size_t *count) { __atomic_fetch_add(count, 1, __ATOMIC_RELAXED); }

/* The row of `size`, made when it is the first of it. Rows are never removed. */
EXPECT_UNUSED struct count_row *count_row_of(size_t size)
{
    for (size_t i = 0; i < COUNT(count_rows); i++) {
        size_t was = 0;
        if (__atomic_compare_exchange_n(&count_rows[i].size, &was, size, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST) ||
            was == size)
            return &count_rows[i];
    }
    expect_fail(__FILE__, __LINE__, "too many different sizes");
}

EXPECT_UNUSED void *count_took(void *block)
{
    if (block)
        count_add(&count_row_of(malloc_usable_size(block))->allocations);
    else
        count_add(&count_failed);
    return block;
}

EXPECT_UNUSED void *count_gives(void *block)
{
    if (block)
        count_add(&count_row_of(malloc_usable_size(block))->frees);
    return block;
}

EXPECT_UNUSED void *count_malloc(size_t size) { return count_took(malloc(size)); }
EXPECT_UNUSED void count_free(void *block) { free(count_gives(block)); }

EXPECT_UNUSED void count_line(const char *key, size_t value)
{
    char text[96];
    int n = snprintf(text, sizeof text, "%s %zu\n", key, value);
    expect_write(1, text, (size_t)n);
}

/* The books in the report's words; allocated and freed sums are not kept by realloc's programs. */
EXPECT_UNUSED void count_print_in_use(void)
{
    size_t blocks = 0, bytes = 0;
    for (size_t i = 0; i < COUNT(count_rows); i++) {
        size_t kept = count_rows[i].allocations - count_rows[i].frees;
        blocks += kept;
        bytes += kept * count_rows[i].size;
    }
    count_line("in_use_blocks", blocks);
    count_line("in_use_bytes", bytes);
    count_line("failed", count_failed);
}

EXPECT_UNUSED void count_print(void)
{
    size_t allocations = 0, frees = 0, allocated = 0, freed = 0;
    for (size_t i = 0; i < COUNT(count_rows) && count_rows[i].size; i++) {
        char text[96];
        struct count_row *row = &count_rows[i];
        int n = snprintf(text, sizeof text, "class %zu %zu %zu\n", row->size, row->allocations, row->frees);
        expect_write(1, text, (size_t)n);
        allocations += row->allocations;
        frees += row->frees;
        allocated += row->allocations * row->size;
        freed += row->frees * row->size;
    }
    count_line("allocations", allocations);
    count_line("frees", frees);
    count_line("allocated_bytes", allocated);
    count_line("freed_bytes", freed);
    count_print_in_use();
}

EXPECT_UNUSED size_t count_rounds(int argc, char **argv)
{
    EXPECT_SAY(argc == 2, "the number of rounds is missing");
    return strtoull(argv[1], NULL, 10);
}

#endif
