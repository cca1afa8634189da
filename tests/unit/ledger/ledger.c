#include <criterion/criterion.h>
#include <string.h>

#include "ledger.h"

Test(ledger, the_table_covers_the_struct)
{
    cr_expect_eq(mr_stat_count * sizeof(uint64_t), sizeof(struct mr_totals));
    for (size_t i = 0; i < mr_stat_count; i++) {
        cr_expect_eq(mr_stats[i].offset, i * sizeof(uint64_t));
        cr_expect_gt(strlen(mr_stats[i].sentence), 0);
    }
}

Test(ledger, a_row_reads_its_member)
{
    struct mr_totals totals = { .failed = 3, .peak_ms = 17 };
    for (size_t i = 0; i < mr_stat_count; i++) {
        uint64_t wanted = strcmp(mr_stats[i].name, "failed") == 0 ? 3 : strcmp(mr_stats[i].name, "peak_ms") == 0 ? 17 : 0;
        cr_expect_eq(mr_stat_value(&totals, &mr_stats[i]), wanted, "%s", mr_stats[i].name);
    }
}

/* Readers depend on these names: a change here is a change of the format. */
Test(ledger, stable_names)
{
    static const char *const names[] = { "allocations", "frees", "failed", "allocated_bytes", "freed_bytes", "in_use_bytes",
                                         "in_use_blocks", "peak_bytes", "resident_bytes", "committed_bytes", "metadata_bytes" };
    for (size_t n = 0; n < MR_COUNT(names); n++) {
        size_t i = 0;
        while (i < mr_stat_count && strcmp(mr_stats[i].name, names[n]) != 0)
            i++;
        cr_expect_lt(i, mr_stat_count, "no row %s", names[n]);
    }
}
