#include <criterion/criterion.h>

#include "protobuf.h"

static void expect_bytes(struct mr_protobuf *m, const char *bytes, size_t len)
{
    cr_expect_eq(m->len, len, "%zu bytes", m->len);
    cr_expect_arr_eq(m->bytes, bytes, len);
    mr_protobuf_free(m);
}

/* The examples of the encoding's description: 150 is 96 01, the string "testing". */
Test(protobuf, as_described)
{
    struct mr_protobuf m = { 0 };
    mr_protobuf_number(&m, 1, 150);
    mr_protobuf_bytes(&m, 2, "testing", 7);
    expect_bytes(&m, "\x08\x96\x01\x12\x07testing", 12);
}

Test(protobuf, extremes)
{
    struct mr_protobuf m = { 0 };
    mr_protobuf_number(&m, 1, 0);
    cr_expect_eq(m.len, 0); /* the default is left out */
    mr_protobuf_number(&m, 16, UINT64_MAX);
    expect_bytes(&m, "\x80\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12);
}

Test(protobuf, packed_numbers_and_messages)
{
    struct mr_protobuf m = { 0 }, inner = { 0 };
    uint64_t numbers[] = { 3, 270, 86942, 0 };
    mr_protobuf_numbers(&inner, 4, numbers, 4);
    mr_protobuf_message(&m, 3, &inner);
    cr_expect_eq(inner.len, 0);
    expect_bytes(&m, "\x1a\x09\x22\x07\x03\x8e\x02\x9e\xa7\x05\x00", 11);
    mr_protobuf_free(&inner);
}
