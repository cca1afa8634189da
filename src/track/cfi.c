#include "cfi.h"
#include "cfi_read.h"

/* ---- finding the entry of a function --------------------------------------------------------------- */

enum { ENCODING_OMIT = 0xff, ENCODING_PCREL = 0x10, ENCODING_SORTED_TABLE = 0x3b, INITIAL_LENGTH_LONG = -1 };

/* Indirect pointers never stand where we look. */
uintptr_t mr_cfi_pointer(struct mr_cfi_cursor *c, unsigned encoding)
{
    uintptr_t here = (uintptr_t)c->at, n;
    switch (encoding & 0x0f) {
    case 0x00:
    case 0x04:
    case 0x0c: n = mr_cfi_u64(c); break;
    case 0x01: n = mr_cfi_uleb(c); break;
    case 0x02: n = mr_cfi_u16(c); break;
    case 0x03: n = mr_cfi_u32(c); break;
    case 0x09: n = (uintptr_t)mr_cfi_sleb(c); break;
    case 0x0a: n = (uintptr_t)(int16_t)mr_cfi_u16(c); break;
    case 0x0b: n = (uintptr_t)(int32_t)mr_cfi_u32(c); break;
    default: c->bad = true; return 0;
    }
    if ((encoding & 0xf0) == ENCODING_PCREL)
        n += here;
    else if (encoding & 0xf0)
        c->bad = true;
    return n;
}

static struct mr_cfi_cursor cursor_at(const struct mr_cfi_data *data, uintptr_t at)
{
    if (at < (uintptr_t)data->start || at > (uintptr_t)data->end)
        return (struct mr_cfi_cursor){ data->end, data->end, true };
    return (struct mr_cfi_cursor){ (const uint8_t *)at, data->end, false };
}

/* The header's table of (function, entry), both relative to the header, sorted by function. */
static uintptr_t look_up(const struct mr_cfi_data *data, uintptr_t pc)
{
    uintptr_t hdr = (uintptr_t)data->hdr;
    struct mr_cfi_cursor c = cursor_at(data, hdr);
    uint8_t version = mr_cfi_u8(&c), frames = mr_cfi_u8(&c), counts = mr_cfi_u8(&c), table = mr_cfi_u8(&c);
    if (version != 1 || table != ENCODING_SORTED_TABLE || counts == ENCODING_OMIT)
        return 0;
    if (frames != ENCODING_OMIT)
        mr_cfi_pointer(&c, frames);
    uint64_t n = mr_cfi_pointer(&c, counts);
    if (c.bad || n > (uint64_t)(c.end - c.at) / 8)
        return 0;
    const uint8_t *entries = c.at;
    uint64_t low = 0, high = n; /* functions [0, low) begin at or before pc, [high, n) after it */
    int32_t pair[2];
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        memcpy(pair, entries + middle * 8, sizeof pair);
        if (hdr + (uintptr_t)(intptr_t)pair[0] <= pc)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return 0;
    memcpy(pair, entries + (low - 1) * 8, sizeof pair);
    return hdr + (uintptr_t)(intptr_t)pair[1];
}

/* The body of the entry (CIE or FDE) at `at`; `id` is the word after its length, at *id_at. */
static struct mr_cfi_cursor read_entry(const struct mr_cfi_data *data, uintptr_t at, uintptr_t *id_at, uint32_t *id)
{
    struct mr_cfi_cursor c = cursor_at(data, at);
    uint64_t length = mr_cfi_u32(&c);
    if (length == (uint32_t)INITIAL_LENGTH_LONG)
        length = mr_cfi_u64(&c);
    struct mr_cfi_cursor body = mr_cfi_part(&c, length);
    *id_at = (uintptr_t)body.at;
    *id = mr_cfi_u32(&body);
    return body;
}

/* ---- what entries have in common (CIE) --------------------------------------------------------------- */

static void read_augmentation(struct mr_cfi_cursor *c, const char *letters, struct mr_cfi_common *cie)
{
    uint64_t size = mr_cfi_uleb(c);
    struct mr_cfi_cursor values = mr_cfi_part(c, size);
    for (; *letters && !values.bad; letters++) {
        if (*letters == 'R')
            cie->pointers = mr_cfi_u8(&values);
        else if (*letters == 'L')
            mr_cfi_u8(&values);
        else if (*letters == 'P')
            mr_cfi_pointer(&values, mr_cfi_u8(&values) & 0x0f);
        else if (*letters == 'S')
            cie->signal = true;
        else
            break; /* the size says where the rest ends */
    }
    c->bad |= values.bad;
}

static bool read_common(const struct mr_cfi_data *data, uintptr_t at, struct mr_cfi_common *cie)
{
    uintptr_t id_at;
    uint32_t id;
    struct mr_cfi_cursor c = read_entry(data, at, &id_at, &id);
    uint8_t version = mr_cfi_u8(&c);
    const char *letters = (const char *)c.at;
    while (mr_cfi_u8(&c) != 0 && !c.bad) {}
    if (c.bad || id != 0 || (version != 1 && version != 3) || (*letters && *letters != 'z'))
        return false;
    *cie = (struct mr_cfi_common){ .code_align = mr_cfi_uleb(&c), .sized = *letters == 'z' };
    cie->data_align = mr_cfi_sleb(&c);
    if ((version == 1 ? mr_cfi_u8(&c) : mr_cfi_uleb(&c)) != MR_CFI_RIP)
        return false;
    if (cie->sized)
        read_augmentation(&c, letters + 1, cie);
    cie->program = c;
    return !c.bad;
}


/* ---- the function's own part (FDE) ------------------------------------------------------------------ */

bool mr_cfi_find(const struct mr_cfi_data *data, uintptr_t pc, struct mr_cfi_rules *rules)
{
    struct mr_cfi_common cie;
    uintptr_t id_at, at = look_up(data, pc);
    uint32_t id;
    struct mr_cfi_cursor c = read_entry(data, at, &id_at, &id);
    if (c.bad || id == 0 || !read_common(data, id_at - id, &cie))
        return false;
    uintptr_t begin = mr_cfi_pointer(&c, cie.pointers);
    uintptr_t size = mr_cfi_pointer(&c, cie.pointers & 0x0f);
    if (c.bad || pc - begin >= size)
        return false;
    if (cie.sized) {
        uint64_t augmentation = mr_cfi_uleb(&c);
        mr_cfi_part(&c, augmentation);
    }
    return !c.bad && mr_cfi_run(&cie, c, begin, pc, rules);
}
