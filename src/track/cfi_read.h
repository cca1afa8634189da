/* cfi_read.h: a cursor over bytes that cannot be trusted. What lies beyond the end reads as 0 and sets `bad`. */
#ifndef MR_TRACK_CFI_READ_H
#define MR_TRACK_CFI_READ_H

#include <string.h>

#include "cfi.h"

struct mr_cfi_cursor {
    const uint8_t *at, *end;
    bool bad;
};

MR_INLINE void mr_cfi_take(struct mr_cfi_cursor *c, void *into, size_t n)
{
    memset(into, 0, n);
    if ((size_t)(c->end - c->at) < n) {
        c->bad = true;
        c->at = c->end;
        return;
    }
    memcpy(into, c->at, n);
    c->at += n;
}

#define MR_CFI_FIXED(name, type)                                               \
    MR_INLINE type mr_cfi_##name(struct mr_cfi_cursor *c)                      \
    {                                                                          \
        type n;                                                                \
        mr_cfi_take(c, &n, sizeof n);                                          \
        return n;                                                              \
    }
MR_CFI_FIXED(u8, uint8_t)
MR_CFI_FIXED(u16, uint16_t)
MR_CFI_FIXED(u32, uint32_t)
MR_CFI_FIXED(u64, uint64_t)
#undef MR_CFI_FIXED

MR_INLINE uint64_t mr_cfi_uleb(struct mr_cfi_cursor *c)
{
    uint64_t n = 0;
    uint8_t byte;
    unsigned shift = 0;
    do {
        byte = mr_cfi_u8(c);
        if (shift < 64)
            n |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte & 0x80);
    return n;
}

MR_INLINE int64_t mr_cfi_sleb(struct mr_cfi_cursor *c)
{
    uint64_t n = 0;
    uint8_t byte;
    unsigned shift = 0;
    do {
        byte = mr_cfi_u8(c);
        if (shift < 64)
            n |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte & 0x80);
    if (shift < 64 && (byte & 0x40))
        n |= ~(uint64_t)0 << shift;
    return (int64_t)n;
}

/* The next n bytes as a cursor of their own; all there is, and bad, if there are fewer. */
MR_INLINE struct mr_cfi_cursor mr_cfi_part(struct mr_cfi_cursor *c, uint64_t n)
{
    if (n > (uint64_t)(c->end - c->at)) {
        c->bad = true;
        n = (uint64_t)(c->end - c->at);
    }
    struct mr_cfi_cursor part = { c->at, c->at + n, c->bad };
    c->at += n;
    return part;
}

/* A pointer in one of the encodings of the Linux Standard Base. */
uintptr_t mr_cfi_pointer(struct mr_cfi_cursor *c, unsigned encoding);

/* A DWARF expression, evaluated as far as a place goes (how = MR_CFI_IS). With `of_cfa` the stack begins with the
 * CFA on it. */
void mr_cfi_evaluate(struct mr_cfi_cursor expression, uintptr_t pc, bool of_cfa, struct mr_cfi_rule *place);

/* What entries have in common (a CIE). */
struct mr_cfi_common {
    uint64_t code_align;
    int64_t data_align;
    unsigned pointers; /* encoding of addresses */
    bool sized;        /* entries have augmentation data, its size first */
    bool signal;
    struct mr_cfi_cursor program;
};

/* Runs the common program and the function's, which begins at `from`, up to the rules for pc. */
bool mr_cfi_run(const struct mr_cfi_common *cie, struct mr_cfi_cursor program, uintptr_t from, uintptr_t pc,
                struct mr_cfi_rules *rules);

#endif
