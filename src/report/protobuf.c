#include "protobuf.h"
#include "intern.h"

#include <stdlib.h>
#include <string.h>

enum { WIRE_VARINT = 0, WIRE_BYTES = 2 };

static size_t varint_length(uint64_t n)
{
    size_t len = 1;
    while (n >>= 7)
        len++;
    return len;
}

static void append(struct mr_protobuf *message, const void *bytes, size_t len)
{
    message->bytes = mr_intern_grow(message->bytes, &message->cap, message->len + len, 1);
    if (len)
        memcpy(message->bytes + message->len, bytes, len);
    message->len += len;
}

static void put_varint(struct mr_protobuf *message, uint64_t n)
{
    unsigned char bytes[10];
    size_t len = 0;
    for (; n >= 0x80; n >>= 7)
        bytes[len++] = (unsigned char)(n | 0x80);
    bytes[len++] = (unsigned char)n;
    append(message, bytes, len);
}

static void put_key(struct mr_protobuf *message, unsigned field, unsigned wire)
{
    put_varint(message, (uint64_t)field << 3 | wire);
}

void mr_protobuf_number(struct mr_protobuf *message, unsigned field, uint64_t n)
{
    if (n == 0)
        return;
    put_key(message, field, WIRE_VARINT);
    put_varint(message, n);
}

void mr_protobuf_numbers(struct mr_protobuf *message, unsigned field, const uint64_t *n, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        len += varint_length(n[i]);
    put_key(message, field, WIRE_BYTES);
    put_varint(message, len);
    for (size_t i = 0; i < count; i++)
        put_varint(message, n[i]);
}

void mr_protobuf_bytes(struct mr_protobuf *message, unsigned field, const void *bytes, size_t len)
{
    put_key(message, field, WIRE_BYTES);
    put_varint(message, len);
    append(message, bytes, len);
}

void mr_protobuf_message(struct mr_protobuf *message, unsigned field, struct mr_protobuf *inner)
{
    mr_protobuf_bytes(message, field, inner->bytes, inner->len);
    inner->len = 0;
}

void mr_protobuf_free(struct mr_protobuf *message)
{
    free(message->bytes);
    *message = (struct mr_protobuf){ 0 };
}
