#include "sample.h"

static const struct mr_report_frame deep[] = {
    { .address = 1, .function = "strdup", .module = "/usr/lib/libc.so.6", .file = "strdup.c", .line = 4 },
    { .address = 1, .function = "std::vector<int>::reserve", .file = "/usr/include/c++/12/bits/vector.tcc", .line = 70,
      .module = "/opt/app", .inlined = true },
    { .address = 2, .module = "/opt/plugin.so", .offset = 0x40, .build_id = "ab" },
    { .address = 3, .function = "main", .file = "/src/main.c", .line = 9, .module = "/opt/app" },
    { .address = 4, .function = "__libc_start_call_main", .module = "/usr/lib/libc.so.6" },
    { .address = 5, .function = "_start", .module = "/opt/app", .offset = 0x10 },
};

static size_t stack_size;

/* Stack 1 is `deep`; stack 2 is so many calls of one function. */
static size_t give(const struct mr_report *report, uint32_t stack, struct mr_report_frame *out, size_t cap)
{
    size_t count = stack == 1 ? MR_COUNT(deep) : stack_size;
    (void)report;
    for (size_t i = 0; i < mr_min(count, cap); i++)
        out[i] = stack == 1 ? deep[i] : (struct mr_report_frame){ .address = i + 1, .function = "again", .file = "r.c", .line = 1 };
    return mr_min(count, cap);
}

static struct mr_report with_site(struct mr_report_site *site, uint32_t stack)
{
    struct mr_report report = sample_clean();
    *site = (struct mr_report_site){ .kind = MR_SITE_DEFINITELY_LOST, .bytes = 10, .blocks = 1, .allocations = 1, .stack = stack };
    report.show_stats = false;
    report.trace = MR_REPORT_TRACE_FULL;
    report.frames = give;
    report.sites = site;
    report.site_count = report.listed_count = 1;
    return report;
}

Test(frames, the_culprit_is_the_innermost_of_the_program)
{
    cr_expect_eq(mr_frames_culprit(deep, MR_COUNT(deep)), &deep[2]);
    cr_expect_eq(mr_frames_culprit(deep + 3, 1), &deep[3]);
    cr_expect_eq(mr_frames_culprit(deep, 2), &deep[0]);
    cr_expect_null(mr_frames_culprit(deep, 0));
}

Test(frames, what_follows_the_last_slash)
{
    cr_expect_str_eq(mr_frames_base("/a/b.c"), "b.c");
    cr_expect_str_eq(mr_frames_base("b.c"), "b.c");
    cr_expect_str_eq(mr_frames_base("/a/"), "/a/");
    cr_expect_str_eq(mr_frames_base(""), "");
}

Test(frames, stacks_in_text_are_aligned_and_end_at_main)
{
    struct mr_report_site site;
    struct mr_report report = with_site(&site, 1);
    char *text = sample_write(mr_text_write, &report);
    cr_expect_not_null(strstr(text, "\n       strdup                     strdup.c:4\n"
                                    "       std::vector<int>::reserve  vector.tcc:70 (inlined)\n"
                                    "       plugin.so+0x40             (build id ab)\n"
                                    "       main                       main.c:9\n\n"), "%s", text);
    free(text);
}

Test(frames, deep_stacks_are_shown_by_their_ends)
{
    struct mr_report_site site;
    struct mr_report report = with_site(&site, 2);
    for (stack_size = 30; stack_size <= 2000; stack_size = stack_size < 34 ? stack_size + 1 : stack_size * 7) {
        char *text = sample_write(mr_text_write, &report), wanted[64];
        size_t lines = 0, most = mr_min(stack_size, MR_REPORT_FRAMES_MOST);
        for (const char *p = text; (p = strstr(p, "       again  r.c:1\n")) != NULL; p++)
            lines++;
        cr_expect_eq(lines, mr_min(most, 32), "%zu lines of %zu", lines, stack_size);
        snprintf(wanted, sizeof wanted, "       ... %zu more ...\n", most - 32);
        cr_expect_eq(strstr(text, wanted) != NULL, most > 32, "%s", text);
        free(text);
    }
}
