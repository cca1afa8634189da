#include "stacks.h"
#include "place.h"

Test(place, the_programs_own_source)
{
    cr_expect_eq(mr_place_of(stacks_1, 3), &stacks_1[0]);
    cr_expect_eq(mr_place_of(stacks_3, 4), &stacks_3[3]); /* what is between has no source */
    cr_expect_null(mr_place_of(stacks_4, 2));
    cr_expect_null(mr_place_of(NULL, 0));
}

Test(place, not_the_librarys_unless_there_is_no_other)
{
    static const struct mr_report_frame frames[] = {
        { .address = 1, .function = "strdup", .file = "./string/strdup.c", .line = 40, .module = "/lib/libc.so.6" },
        { .address = 2, .function = "std::f", .file = "/usr/include/c++/12/bits/f.h", .line = 9, .module = SERVER },
        { .address = 3, .function = "own", .file = "own.c", .line = 3, .module = SERVER },
    };
    cr_expect_eq(mr_place_of(frames, 3), &frames[2]);
    cr_expect_eq(mr_place_of(frames, 2), &frames[0]);
}

static void expect_described(const struct mr_report_site *site, const char *wanted)
{
    char buf[128];
    struct mr_fmt f = mr_fmt_to_buffer(buf, sizeof buf);
    mr_place_describe(&f, site);
    cr_expect_str_eq(mr_fmt_end_string(&f), wanted, "%s", buf);
}

Test(place, described)
{
    expect_described(&stacks_sites[0], "390.6 KiB in 1,000 blocks definitely lost, growing 95.6 KiB/s");
    expect_described(&stacks_sites[3], "100 B in 1 block possibly lost");
}
