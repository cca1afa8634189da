#include <criterion/criterion.h>

#include "ledger.h"

static uint64_t of_one(const char *path, uint64_t offset) { return mr_stackhash_frame(MR_STACKHASH_BEGIN, path, offset); }

Test(stackhash, the_directory_does_not_count)
{
    cr_expect_eq(of_one("/usr/lib/libfoo.so", 1), of_one("/opt/libfoo.so", 1));
    cr_expect_eq(of_one("libfoo.so", 1), of_one("/opt/libfoo.so", 1));
}

Test(stackhash, name_place_and_order_count)
{
    cr_expect_neq(of_one("a", 1), of_one("b", 1));
    cr_expect_neq(of_one("a", 1), of_one("a", 2));
    cr_expect_neq(mr_stackhash_frame(of_one("a", 1), "b", 2), mr_stackhash_frame(of_one("b", 2), "a", 1));
}

Test(stackhash, code_in_no_object_counts_without_its_place)
{
    cr_expect_eq(of_one("", 1), of_one("", 2));
    cr_expect_neq(of_one("", 1), MR_STACKHASH_BEGIN);
}
