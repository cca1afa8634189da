#include <criterion/criterion.h>
#include <stdlib.h>

#include "symbol.h"

Test(dladdr, exported_names_and_how_far_into_them)
{
    struct mr_symbol_answer answer;
    struct mr_symbol_place place = { .address = (uintptr_t)&getenv + 5 };
    mr_dladdr_source.find(&mr_dladdr_source, &place, &answer);
    cr_assert_eq(answer.state, MR_SYMBOL_FOUND);
    cr_assert_eq(answer.count, 1);
    cr_expect_str_eq(answer.frames[0].function, "getenv");
    cr_expect_eq(answer.frames[0].into, 5);
}

Test(dladdr, an_address_in_no_object)
{
    struct mr_symbol_answer answer;
    mr_dladdr_source.find(&mr_dladdr_source, &(struct mr_symbol_place){ .address = 16 }, &answer);
    cr_expect_eq(answer.state, MR_SYMBOL_GONE);
    cr_expect_eq(answer.count, 0);
}
