#include <criterion/criterion.h>

#include "zone.h"

Test(fill, the_first_other_byte_is_found)
{
    unsigned char bytes[1000];
    mr_fill_set(bytes, sizeof bytes, MR_FILL_FREED);
    cr_expect_eq(mr_fill_difference(bytes, sizeof bytes, MR_FILL_FREED), sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i += 37) {
        bytes[i] = 1;
        bytes[999] = 2;
        cr_expect_eq(mr_fill_difference(bytes, sizeof bytes, MR_FILL_FREED), i);
        bytes[i] = bytes[999] = MR_FILL_FREED;
    }
}

Test(fill, nothing_and_one_byte)
{
    unsigned char byte = 5;
    cr_expect_eq(mr_fill_difference(&byte, 0, 5), 0);
    cr_expect_eq(mr_fill_difference(&byte, 1, 5), 1);
    cr_expect_eq(mr_fill_difference(&byte, 1, 6), 0);
}

Test(fill, of_a_large_block_the_start_is_filled_and_looked_at)
{
    static unsigned char bytes[2 * MR_FILL_MOST];
    mr_fill_set(bytes, sizeof bytes, MR_FILL_NEW);
    cr_expect_eq(bytes[MR_FILL_MOST - 1], MR_FILL_NEW);
    cr_expect_eq(bytes[MR_FILL_MOST], 0);
    cr_expect_eq(mr_fill_difference(bytes, sizeof bytes, MR_FILL_NEW), sizeof bytes);
}
