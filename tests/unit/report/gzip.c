#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "gzip.h"

static void expect_round_trip(size_t len)
{
    unsigned char *bytes = malloc(len + 1), *back = malloc(len + 1);
    size_t room = len + len / 10 + 1000;
    char *packed = malloc(room);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (unsigned char)(i * i >> 7 ^ i);
    struct mr_fmt out = mr_fmt_to_buffer(packed, room);
    mr_gzip_write(&out, bytes, len);
    z_stream stream = { .next_in = (Bytef *)packed, .avail_in = (uInt)out.len, .next_out = back, .avail_out = (uInt)len + 1 };
    cr_assert_eq(inflateInit2(&stream, MAX_WBITS + 16), Z_OK);
    cr_expect_eq(inflate(&stream, Z_FINISH), Z_STREAM_END);
    cr_expect(stream.total_out == len && stream.avail_in == 0 && memcmp(bytes, back, len) == 0, "%zu bytes", len);
    inflateEnd(&stream);
    free(bytes);
    free(back);
    free(packed);
}

Test(gzip, round_trips)
{
    static const size_t lengths[] = { 0, 1, 16383, 16384, 16385, 1000003 };
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        expect_round_trip(lengths[i]);
}
