/* canary.c: what surrounds the program's part of a checked block, and whether it is still there.
 *
 *   info = size | log2(front) << 48 | family << 56
 *
 * A canary is eight bytes that depend on the block's address; none of them is 0 or a character. */
#include <string.h>

#include "zone.h"

enum { SHIFT_LEAST = 4, SHIFT_MOST = 46, SIZE_BITS = 48 };

/* A slack of more than that in a block is not looked through at each free; nor is what lies far in front. */
#define AROUND_MOST ((size_t)1 << 10)

static uint64_t canary_of(const char *block)
{
    uint64_t x = (uintptr_t)block * UINT64_C(0x9e3779b97f4a7c15);
    return (x ^ x >> 29) | UINT64_C(0x8080808080808080);
}

static unsigned shift_of(size_t align) { return (unsigned)mr_log2_ceil(mr_max(align, 1 << SHIFT_LEAST)); }

size_t mr_canary_total(size_t size, size_t align)
{
    size_t front = (size_t)1 << shift_of(align);
    return mr_heap_is_hopeless(size) || mr_heap_is_hopeless(size + front + MR_ZONE_BACK) ? SIZE_MAX
                                                                                          : size + front + MR_ZONE_BACK;
}

/* ---- writing ------------------------------------------------------------------------------------------------ */

/* Byte i of a canary that is repeated from the program's part on, in either direction. */
static unsigned char byte_of(uint64_t canary, size_t i) { return (unsigned char)(canary >> 8 * (i & 7)); }

static size_t front_of(const struct mr_zone *zone) { return (size_t)(zone->user - zone->block); }

/* What canaries there are: [*from, user) in front and [user + size, *to) behind. */
static char *front_from(const struct mr_zone *zone)
{
    return zone->user - mr_min(front_of(zone) - 8, AROUND_MOST);
}
static char *back_to(const struct mr_zone *zone)
{
    char *end = zone->user + zone->size;
    return end + mr_min((size_t)(zone->block + zone->usable - end), AROUND_MOST);
}

static void write_canary(char *from, const char *to, uint64_t canary)
{
    size_t i = 0;
    for (; from + 8 <= to; from += 8)
        memcpy(from, &canary, 8);
    for (; from < to; i++)
        *from++ = (char)byte_of(canary, i);
}

static void write_around(const struct mr_zone *zone)
{
    uint64_t canary = canary_of(zone->block);
    write_canary(front_from(zone), zone->user, canary);
    write_canary(zone->user + zone->size, back_to(zone), canary);
}

static uint64_t info_of(const struct mr_zone *zone)
{
    return zone->size | (uint64_t)mr_log2_floor(front_of(zone)) << SIZE_BITS | (uint64_t)zone->family << (SIZE_BITS + 8);
}

static uint64_t *info_at(char *block) { return (uint64_t *)(void *)block; }

char *mr_canary_seal(char *block, size_t usable, size_t size, size_t align, enum mr_family family)
{
    struct mr_zone zone = { .block = block, .user = block + ((size_t)1 << shift_of(align)), .size = size,
                            .usable = usable, .family = family };
    *info_at(block) = info_of(&zone);
    write_around(&zone);
    return zone.user;
}

void mr_canary_set_family(const struct mr_zone *zone, enum mr_family family)
{
    struct mr_zone other = *zone;
    other.family = family;
    *info_at(zone->block) = info_of(&other);
}

/* ---- finding ---------------------------------------------------------------------------------------------------- */

static bool is_sane(uint64_t info, const struct mr_tag *tag)
{
    size_t size = info & (((uint64_t)1 << SIZE_BITS) - 1), slack = tag->usable - tag->size;
    unsigned shift = info >> SIZE_BITS & 0xff;
    return shift >= SHIFT_LEAST && shift <= SHIFT_MOST && info >> (SIZE_BITS + 8) <= MR_FAMILY_COUNT &&
           (size == tag->size || (slack >= MR_TAG_SLACK_MAX && size < tag->size)) &&
           size + ((size_t)1 << shift) + MR_ZONE_BACK <= tag->usable;
}

void mr_canary_open(char *block, const struct mr_tag *tag, struct mr_zone *zone)
{
    uint64_t info = *info_at(block);
    bool sane = is_sane(info, tag);
    size_t front = (size_t)1 << (sane ? info >> SIZE_BITS & 0xff : SHIFT_LEAST);
    *zone = (struct mr_zone){
        .block = block,
        .user = block + front,
        .size = sane ? info & (((uint64_t)1 << SIZE_BITS) - 1) : mr_min(tag->size, tag->usable - front - MR_ZONE_BACK),
        .usable = tag->usable,
        .label = tag->label,
        .family = sane ? (enum mr_family)(info >> (SIZE_BITS + 8)) : MR_FAMILY_COUNT,
        .torn = !sane,
    };
}

/* Alignments are tried in turn: the heap knows where its blocks start, and nothing is read before it has said so. */
bool mr_canary_find(const void *p, struct mr_zone *zone)
{
    struct mr_tag tag;
    if ((uintptr_t)p % 16)
        return false;
    for (unsigned shift = SHIFT_LEAST; shift <= SHIFT_MOST; shift++) {
        uintptr_t block = (uintptr_t)p - ((uintptr_t)1 << shift);
        if (block > (uintptr_t)p)
            return false;
        if (!mr_tag_get((void *)block, &tag))
            continue;
        mr_canary_open((char *)block, &tag, zone);
        if ((const char *)p == zone->user)
            return true;
    }
    return false;
}

/* ---- verifying ---------------------------------------------------------------------------------------------------- */

/* The first byte of [from, to) that is not the canary's; NULL: all are. */
static char *find_bad(char *from, char *to, uint64_t canary)
{
    uint64_t word;
    for (; from + 8 <= to; from += 8)
        if (memcpy(&word, from, 8), word != canary)
            break;
    for (size_t i = 0; from < to; i++, from++)
        if ((unsigned char)*from != byte_of(canary, i))
            return from;
    return NULL;
}

static char *find_bad_in_front(const struct mr_zone *zone)
{
    return zone->torn ? zone->block : find_bad(front_from(zone), zone->user, canary_of(zone->block));
}

static char *find_bad_behind(const struct mr_zone *zone)
{
    return find_bad(zone->user + zone->size, back_to(zone), canary_of(zone->block));
}

bool mr_canary_is_whole(const struct mr_zone *zone) { return !find_bad_in_front(zone) && !find_bad_behind(zone); }

/* One damaged byte as it was met. */
struct damage {
    char *at;
    unsigned char byte;
};

static struct damage damage_at(char *at) { return (struct damage){ at, at ? (unsigned char)*at : 0 }; }

static void tell(enum mr_finding_kind kind, const struct mr_zone *zone, const struct damage *damage, const char *call,
                 const struct mr_unwind_start *from)
{
    struct mr_finding finding = mr_checked_finding(kind, zone, call, from);
    if (damage->at)
        mr_findings_tell(&finding, "byte %ld is 0x%02x now (%s)", (long)(damage->at - zone->user), damage->byte, call);
}

/* Repaired first: telling may end the process, and that looks at all blocks again. */
void mr_canary_verify(const struct mr_zone *zone, const char *call, const struct mr_unwind_start *from)
{
    struct damage front = damage_at(find_bad_in_front(zone)), back = damage_at(find_bad_behind(zone));
    if (MR_LIKELY(!front.at && !back.at))
        return;
    *info_at(zone->block) = info_of(zone);
    write_around(zone);
    tell(MR_FINDING_UNDERFLOW, zone, &front, call, from);
    tell(MR_FINDING_OVERFLOW, zone, &back, call, from);
}
