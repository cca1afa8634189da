#include "stacks.h"
#include "keys.h"

static void expect_key(const struct mr_report_frame *frames, size_t count, const char *wanted)
{
    char key[MR_KEYS_MOST];
    cr_expect_eq(mr_keys_make(key, frames, count), strlen(wanted));
    cr_expect_str_eq(key, wanted, "%s", key);
}

Test(keys, names_alone)
{
    expect_key(stacks_1, 3, "session_new;accept_one;main");
    expect_key(stacks_3, 4, "[libz.so.1];[libz.so.1];load\xff\n;main");
    expect_key(stacks_4, 2, "[?]"); /* the mark is passed over */
    expect_key(NULL, 0, "");
}

Test(keys, suffixes_of_builds_are_cut)
{
    static const char *const names[][2] = {
        { "f.isra.0", "f" }, { "f.part.3.constprop.12", "f" }, { "f.cold", "f" }, { "f.llvm.123456", "f" },
        { "f(int) [clone .isra.0] [clone .cold]", "f(int)" }, { "core::f::h0123456789abcdef", "core::f" },
        { "std::vector<int>::push_back(int&&)", "std::vector<int>::push_back(int&&)" }, { "f.other.0", "f.other.0" },
        { ".cold", ".cold" }, { "x::h0123456789abcdeg", "x::h0123456789abcdeg" }, { "f.1", "f.1" }, { "", "" },
        { "::h0123456789abcdef", "::h0123456789abcdef" }, { "123", "123" },
    };
    for (size_t i = 0; i < MR_COUNT(names); i++) {
        struct mr_report_frame frame = { .address = 1, .function = names[i][0] };
        expect_key(&frame, 1, names[i][1]);
    }
}

Test(keys, the_innermost_frames_count)
{
    struct mr_report_frame frames[MR_KEYS_FRAMES + 2];
    char key[MR_KEYS_MOST], other[MR_KEYS_MOST];
    for (size_t i = 0; i < MR_COUNT(frames); i++)
        frames[i] = (struct mr_report_frame){ .address = i + 1, .function = "f" };
    mr_keys_make(key, frames, MR_COUNT(frames));
    frames[MR_KEYS_FRAMES].function = "g";
    mr_keys_make(other, frames, MR_COUNT(frames));
    cr_expect_str_eq(key, other);
    frames[MR_KEYS_FRAMES - 1].function = "g";
    mr_keys_make(other, frames, MR_COUNT(frames));
    cr_expect_str_neq(key, other);
}

Test(keys, a_name_past_the_limit_is_cut_and_no_more)
{
    char *name = malloc(2 * MR_KEYS_MOST), key[MR_KEYS_MOST];
    memset(name, 'x', 2 * MR_KEYS_MOST - 1);
    name[2 * MR_KEYS_MOST - 1] = '\0';
    struct mr_report_frame frame = { .address = 1, .function = name };
    cr_expect_eq(mr_keys_make(key, &frame, 1), MR_KEYS_MOST - 1);
    free(name);
}

Test(keys, groups)
{
    cr_expect_eq(mr_keys_group(MR_SITE_INDIRECTLY_LOST), MR_KEYS_LOST);
    cr_expect_eq(mr_keys_group(MR_SITE_STILL_REACHABLE), MR_KEYS_REACHABLE);
    cr_expect_eq(mr_keys_group(MR_SITE_IN_USE), MR_KEYS_IN_USE);
}
