#include "stacks.h"
#include "saved.h"

static struct mr_saved *read_text(const char *text, const char **why)
{
    return mr_saved_read(text, strlen(text), why);
}

Test(saved, what_is_needed_comes_back)
{
    const char *why;
    struct mr_saved *saved = read_text(
        "{\"memoir\":\"1.2.3\",\"more\":[{\"x\":null}],\"command\":\"a b\",\"elapsed_ms\":12,\"totals\":{\"in_use_bytes\":99,\"new\":1},"
        "\"leaks\":{\"checked\":true,\"suppressed\":{}},"
        "\"sites\":[{\"kind\":\"possibly_lost\",\"bytes\":10,\"blocks\":2,\"allocations\":5,\"stack\":["
        "{\"address\":\"0x401000\",\"function\":\"f\\u00ff\",\"file\":\"/a/f.c\",\"line\":7,\"module\":\"/bin/a\",\"offset\":\"0x1000\","
        "\"inlined\":true},{\"address\":\"0xfff\",\"module\":\"/lib/b.so\"},{\"address\":\"0x0\",\"function\":\"the stack ends\"}]},{\"stack\":[],\"kind\":\"gone\"}]}", &why);
    cr_assert_not_null(saved, "%s", why);
    const struct mr_report *report = mr_saved_report(saved);
    cr_expect_str_eq(report->version, "1.2.3");
    cr_expect_str_eq(report->command, "a b");
    cr_expect_eq(report->totals.in_use_bytes, 99);
    cr_expect(report->leaks_checked);
    cr_assert_eq(report->site_count, 2);
    cr_expect(report->sites[0].kind == MR_SITE_POSSIBLY_LOST && report->sites[0].bytes == 10 && report->sites[0].blocks == 2);
    size_t count;
    const struct mr_report_frame *frames = mr_frames_of(report, report->sites[0].stack, &count);
    cr_assert_eq(count, 3);
    cr_expect_str_eq(frames[0].function, "f\xff");
    cr_expect(frames[0].address && frames[0].line == 7 && frames[0].inlined && frames[0].offset == 4096);
    cr_expect(frames[1].address && !frames[1].function && !frames[1].file);
    cr_expect_str_eq(frames[1].module, "/lib/b.so");
    cr_expect_eq(frames[2].address, 0); /* a mark */
    mr_frames_of(report, report->sites[1].stack, &count);
    cr_expect_eq(count, 0);
    mr_saved_free(saved);
}

Test(saved, blocks_that_were_not_checked)
{
    const char *why;
    struct mr_saved *saved = read_text("{\"memoir\":\"1\",\"leaks\":{\"checked\":false}}", &why);
    cr_assert_not_null(saved, "%s", why);
    cr_expect(!mr_saved_report(saved)->leaks_checked);
    mr_saved_free(saved);
}

Test(saved, our_own_report)
{
    const char *why;
    struct mr_report report = stacks_report();
    char *text = sample_write(mr_json_write, &report);
    struct mr_saved *saved = read_text(text, &why);
    cr_assert_not_null(saved, "%s", why);
    cr_expect_str_eq(mr_saved_report(saved)->command, report.command);
    cr_expect_eq(mr_saved_report(saved)->totals.peak_bytes, report.totals.peak_bytes);
    cr_expect(mr_saved_report(saved)->leaks_checked);
    cr_expect_eq(mr_saved_report(saved)->sites[0].bytes, report.sites[0].bytes);
    mr_saved_free(saved);
    free(text);
}

Test(saved, refuses)
{
    static const char *const texts[][2] = {
        { "", "an object is missing" }, { "[]", "an object is missing" }, { "{}", "it is JSON of something else" },
        { "{\"memoir\":7}", "a string is missing" }, { "{\"memoir\":\"1\"}x", "something follows the report" },
        { "{\"memoir\":\"1\",\"sites\":{}}", "an array is missing" },
        { "{\"memoir\":\"1\",\"sites\":[{\"kind\":\"lost\"}]}", "a site of an unknown kind" },
        { "{\"memoir\":\"1\",\"sites\":[{}]}", "a site without a kind" },
        { "{\"memoir\":\"1\",\"sites\":[{\"kind\":\"gone\",\"bytes\":-1}]}", "a whole number is missing" },
        { "{\"memoir\":\"1\",\"sites\":[{\"kind\":\"gone\",\"stack\":[{\"line\":\"x\"}]}]}", "a whole number is missing" },
        { "{\"memoir\":\"1\",\"sites\":[{\"kind\":\"gone\",\"stack\":[{\"offset\":\"0xz\"}]}]}",
          "an address that is no hexadecimal number" },
    };
    for (size_t i = 0; i < MR_COUNT(texts); i++) {
        const char *why = NULL;
        cr_expect_null(read_text(texts[i][0], &why), "%s was read", texts[i][0]);
        cr_expect_str_eq(why, texts[i][1], "%s: %s", texts[i][0], why);
    }
}

/* A report cut off at any byte is refused, and nothing worse. */
Test(saved, torn)
{
    const char *why;
    struct mr_report report = stacks_report();
    char *text = sample_write(mr_json_write, &report);
    for (size_t len = 0; len + 2 < strlen(text); len++)
        cr_expect_null(mr_saved_read(text, len, &why), "%zu bytes were read", len);
    free(text);
}
