/* sample.h: synthetic reports, and the comparison of what a writer makes of them with a golden file. */
#ifndef SAMPLE_H
#define SAMPLE_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

#define GOLDEN "tests/cli/expected/"

static const char sample_memory[64] = "user=alice\0\1\2\xff....the second block of this sample";
static const struct mr_report_block sample_blocks[] = {
    { (uintptr_t)sample_memory, 4096 },
    { (uintptr_t)sample_memory + 16, 48 },
    { (uintptr_t)sample_memory + 32, 7 },
};

/* in_use_blocks = allocations - frees in each row, in the totals the sums of the rows. */
static const struct mr_report_class sample_classes[] = {
    { .size = 16, .below = 0, .allocations = 1000, .frees = 999, .in_use_blocks = 1, .slabs = 1, .free_blocks = 4095,
      .in_use_bytes = 16 },
    { .size = 48, .below = 32, .allocations = 88000000, .frees = 86900000, .in_use_blocks = 1100000, .slabs = 806,
      .free_blocks = 390, .in_use_bytes = 52800000 },
    { .size = 4096, .below = 3584, .allocations = 1, .frees = 0, .in_use_blocks = 1, .slabs = 1, .free_blocks = 15,
      .in_use_bytes = 4096 },
    { .size = 1048576, .large = true, .allocations = 30, .frees = 30 },
    { .size = 268435456, .large = true, .allocations = 3, .frees = 1, .in_use_blocks = 2, .in_use_bytes = 400000000 },
};

static inline struct mr_report sample_report(void)
{
    return (struct mr_report){
        .version = "9.8.7",
        .pid = 4242,
        .command = "/opt/app/server --port 8080",
        .exit_kind = MR_EXIT_EXITED,
        .elapsed_ms = 4325678,
        .strategy = "slab",
        .show_stats = true,
        .show_leaks = true,
        .totals = {
            .allocations = 88001034, .frees = 86901030, .failed = 2,
            .allocated_bytes = 5000000000, .freed_bytes = 4547195888,
            .in_use_bytes = 452804112, .in_use_blocks = 1100004,
            .peak_bytes = 470000000, .peak_ms = 4260000,
            .reserved_bytes = 1099511627776, .committed_bytes = 480247808, .resident_bytes = 454000000,
            .slack_bytes = 145680, .dirty_bytes = 3145728, .clean_bytes = 20971520,
            .metadata_bytes = 524288, .purged_bytes = 1000000000,
            .threads = 3, .threads_peak = 8, .foreign_frees = 12345,
        },
        .process_resident_bytes = 460000000,
        .classes = sample_classes,
        .class_count = MR_COUNT(sample_classes),
    };
}

/* A program that took one block and gave it back. */
static inline struct mr_report sample_clean(void)
{
    static const struct mr_report_class one = { .size = 16, .allocations = 1, .frees = 1 };
    return (struct mr_report){
        .version = "9.8.7",
        .pid = 7,
        .command = "true",
        .exit_kind = MR_EXIT_EXITED,
        .elapsed_ms = 3,
        .strategy = "best-fit",
        .show_stats = true,
        .show_leaks = true,
        .totals = { .allocations = 1, .frees = 1, .allocated_bytes = 16, .freed_bytes = 16, .peak_bytes = 16,
                    .resident_bytes = 40960, .metadata_bytes = 32768, .threads = 1, .threads_peak = 1 },
        .classes = &one,
        .class_count = 1,
    };
}

/* Block addresses differ from run to run: the n-th of sample_blocks becomes 0x55000000000n. */
static inline void sample_hide_addresses(char *text)
{
    for (size_t i = 0; i < MR_COUNT(sample_blocks); i++) {
        char real[32], shown[32];
        snprintf(real, sizeof real, "0x%012lx", sample_blocks[i].address);
        snprintf(shown, sizeof shown, "0x55000000%04zx", i);
        for (char *at = text; (at = strstr(at, real)) != NULL;)
            memcpy(at, shown, strlen(shown));
    }
}

#define SAMPLE_MOST (1 << 20) /* bytes of a report: one with its page is a tenth of that */

/* What `write` makes of the report, in memory of the caller's to free. */
static inline char *sample_write(mr_report_writer *write, const struct mr_report *report)
{
    char *text = malloc(SAMPLE_MOST);
    struct mr_fmt out = mr_fmt_to_buffer(text, SAMPLE_MOST);
    write(report, &out);
    mr_fmt_end_string(&out);
    cr_assert_eq(out.lost, 0, "the report is larger than the test's buffer");
    sample_hide_addresses(text);
    return text;
}

/* MEMOIR_TEST_UPDATE=1 writes the golden file instead of comparing with it: read the change before
 * you commit it. */
static inline void sample_compare(mr_report_writer *write, const struct mr_report *report, const char *file)
{
    char *text = sample_write(write, report), *wanted = calloc(1, 65536);
    FILE *f = fopen(file, getenv("MEMOIR_TEST_UPDATE") ? "w+" : "r");
    cr_assert(f, "no golden file %s (the tests run in the project's root directory)", file);
    if (getenv("MEMOIR_TEST_UPDATE")) {
        fputs(text, f);
        rewind(f);
    }
    cr_assert(fread(wanted, 1, 65535, f) > 0, "%s is empty", file);
    fclose(f);
    cr_expect_str_eq(text, wanted, "%s differs from what is written now:\n%s", file, text);
    free(wanted);
    free(text);
}

#endif
