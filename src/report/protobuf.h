/* protobuf.h: writing Protocol Buffers messages (developers.google.com/protocol-buffers/docs/encoding):
 * varints and length-delimited fields are all that profiles need. CLI only. */
#ifndef MR_REPORT_PROTOBUF_H
#define MR_REPORT_PROTOBUF_H

#include "base.h"

/* A message under way. All zero is an empty one. */
struct mr_protobuf {
    unsigned char *bytes;
    size_t len, cap;
};

/* A field of one number; 0 is what a reader takes a missing field for, and left out. */
void mr_protobuf_number(struct mr_protobuf *message, unsigned field, uint64_t n);

/* A repeated field of numbers, packed. */
void mr_protobuf_numbers(struct mr_protobuf *message, unsigned field, const uint64_t *n, size_t count);

/* A string, or a message within the message, which is empty again afterwards. */
void mr_protobuf_bytes(struct mr_protobuf *message, unsigned field, const void *bytes, size_t len);
void mr_protobuf_message(struct mr_protobuf *message, unsigned field, struct mr_protobuf *inner);

void mr_protobuf_free(struct mr_protobuf *message);

#endif
