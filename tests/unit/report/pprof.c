#include "stacks.h"

#include <zlib.h>

/* What the writer makes, unpacked, in memory of the caller's to free. */
static unsigned char *write_profile(const struct mr_report *report, size_t *len)
{
    static unsigned char packed[65536];
    unsigned char *bytes = malloc(65536);
    struct mr_fmt out = mr_fmt_to_buffer((char *)packed, sizeof packed);
    mr_pprof_write(report, &out);
    cr_assert_eq(out.lost, 0);
    z_stream stream = { .next_in = packed, .avail_in = (uInt)out.len, .next_out = bytes, .avail_out = 65536 };
    cr_assert_eq(inflateInit2(&stream, MAX_WBITS + 16), Z_OK);
    cr_assert_eq(inflate(&stream, Z_FINISH), Z_STREAM_END);
    cr_expect_eq(stream.avail_in, 0);
    *len = stream.total_out;
    inflateEnd(&stream);
    return bytes;
}

/* The golden file is the message without gzip, whose bytes depend on zlib's version. tests/cli/formats.c reads it
 * with a reader of its own, and with the pprof tool. */
static void compare(const struct mr_report *report, const char *file)
{
    static unsigned char wanted[65536];
    size_t len;
    unsigned char *bytes = write_profile(report, &len);
    FILE *f = fopen(file, getenv("MEMOIR_TEST_UPDATE") ? "w+" : "r");
    cr_assert(f, "no golden file %s", file);
    if (getenv("MEMOIR_TEST_UPDATE")) {
        fwrite(bytes, 1, len, f);
        rewind(f);
    }
    size_t wanted_len = fread(wanted, 1, sizeof wanted, f);
    fclose(f);
    cr_expect(len == wanted_len && memcmp(bytes, wanted, len) == 0, "%s differs from what is written now", file);
    free(bytes);
}

Test(pprof, golden)
{
    struct mr_report report = stacks_report();
    compare(&report, GOLDEN "stacks.pb");
}

Test(pprof, nothing)
{
    struct mr_report report = stacks_none();
    compare(&report, GOLDEN "clean.pb");
}

Test(pprof, many_sites_in_a_small_buffer)
{
    enum { MANY = 20000 };
    struct mr_report report = stacks_report();
    struct mr_report_site *sites = calloc(MANY, sizeof *sites);
    for (size_t i = 0; i < MANY; i++)
        sites[i] = (struct mr_report_site){ .bytes = i + 1, .blocks = 1, .stack = 1 + i % 5 };
    report.sites = sites;
    report.site_count = MANY;
    size_t total = 0;
    void count(void *ctx, const char *text, size_t len)
    {
        (void)text;
        *(size_t *)ctx += len;
    }
    char buf[512];
    struct mr_fmt out = mr_fmt_to_sink(buf, sizeof buf, count, &total);
    mr_pprof_write(&report, &out);
    cr_expect(total > 10000 && total < MANY * 30, "%zu bytes", total);
    free(sites);
}
