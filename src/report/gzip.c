#include "gzip.h"

#include <limits.h>
#include <zlib.h>

enum { GZIP_HEADER = 16 }; /* added to deflateInit2's window bits */

void mr_gzip_write(struct mr_fmt *out, const void *bytes, size_t len)
{
    unsigned char chunk[16384];
    z_stream stream = { .next_in = (Bytef *)bytes };
    int code = deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS + GZIP_HEADER, 8, Z_DEFAULT_STRATEGY);
    MR_REQUIRE(code == Z_OK, "out of memory while making a report");
    do {
        if (stream.avail_in == 0) {
            stream.avail_in = (uInt)mr_min(len, UINT_MAX);
            len -= stream.avail_in;
        }
        stream.next_out = chunk;
        stream.avail_out = sizeof chunk;
        code = deflate(&stream, len ? Z_NO_FLUSH : Z_FINISH);
        mr_fmt_bytes(out, chunk, sizeof chunk - stream.avail_out);
    } while (code != Z_STREAM_END);
    deflateEnd(&stream);
}
