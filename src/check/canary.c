/* canary.c: what surrounds the program's part of a checked block, and whether it is still there.
 *
 * A canary is eight bytes that depend on the block's address; none of them is 0 or a character. */
#include <string.h>

#include "zone.h"

enum { SHIFT_LEAST = MR_ZONE_SHIFT_LEAST, SHIFT_MOST = 46, SIZE_BITS = MR_ZONE_SIZE_BITS };

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

/* The eight bytes that end where n bytes of a repeated canary do. */
static uint64_t turned(uint64_t canary, size_t n)
{
    unsigned by = 8 * (n & 7);
    return canary >> by | canary << (-by & 63);
}

static size_t front_of(const struct mr_zone *zone) { return (size_t)(zone->user - zone->block); }

/* What canaries there are: [*from, user) in front and [user + size, *to) behind, at least eight bytes each. */
static char *front_from(const struct mr_zone *zone)
{
    return zone->user - mr_min(front_of(zone) - 8, AROUND_MOST);
}
static char *back_to(const struct mr_zone *zone)
{
    char *end = zone->user + zone->size;
    return end + mr_min((size_t)(zone->block + zone->usable - end), AROUND_MOST);
}

/* Repeated from `from` on; the last eight bytes at once, over the ones before. */
MR_INLINE void write_canary(char *from, char *to, uint64_t canary)
{
    uint64_t last = turned(canary, (size_t)(to - from));
    for (; from + 8 < to; from += 8)
        memcpy(from, &canary, 8);
    memcpy(to - 8, &last, 8);
}

MR_INLINE void write_around(const struct mr_zone *zone)
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

static MR_NOINLINE void open_other(char *block, const struct mr_tag *tag, struct mr_zone *zone)
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

MR_INLINE void open_block(char *block, const struct mr_tag *tag, struct mr_zone *zone)
{
    uint64_t info = *info_at(block);
    if (MR_LIKELY(mr_zone_is_usual(block, tag->size)))
        *zone = (struct mr_zone){ .block = block, .user = block + (1 << SHIFT_LEAST), .size = tag->size, .usable = tag->usable,
                                  .label = tag->label, .family = (enum mr_family)(info >> (SIZE_BITS + 8)) };
    else
        open_other(block, tag, zone);
}

void mr_canary_open(char *block, const struct mr_tag *tag, struct mr_zone *zone) { open_block(block, tag, zone); }

MR_INLINE bool open_spot(const struct mr_tag_spot *spot, struct mr_zone *zone)
{
    uint32_t word = *spot->tag;
    struct mr_tag tag = mr_tag_read(word, spot->usable);
    if (MR_UNLIKELY(word == 0))
        return false;
    open_block(spot->block, &tag, zone);
    zone->tag = spot->tag;
    return true;
}

/* Alignments are tried in turn: the heap knows where its blocks start, and nothing is read before it has said so. */
static MR_NOINLINE bool find_other(const void *p, struct mr_zone *zone)
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

bool mr_canary_find(const void *p, struct mr_zone *zone)
{
    struct mr_tag_spot spot;
    const char *block = (const char *)((uintptr_t)p - (1 << SHIFT_LEAST)); /* p is anything, NULL too */
    if (MR_LIKELY(mr_tag_around(block, &spot) && spot.block == block && open_spot(&spot, zone) && zone->user == p))
        return true;
    return find_other(p, zone);
}

static bool find_around(const void *p, struct mr_zone *zone)
{
    struct mr_tag tag;
    uintptr_t start = mr_findings_block_around(p);
    if (!start || !mr_tag_get((void *)start, &tag))
        return false;
    mr_canary_open((char *)start, &tag, zone);
    return true;
}

bool mr_canary_around(const void *p, struct mr_zone *zone)
{
    struct mr_tag_spot spot;
    return MR_LIKELY(mr_tag_around(p, &spot)) ? open_spot(&spot, zone) : find_around(p, zone);
}

/* ---- verifying ---------------------------------------------------------------------------------------------------- */

MR_INLINE uint64_t word_at(const char *at)
{
    uint64_t word;
    memcpy(&word, at, 8);
    return word;
}

MR_INLINE bool is_canary(const char *from, const char *to, uint64_t canary)
{
    uint64_t last = turned(canary, (size_t)(to - from));
    for (; from + 8 < to; from += 8)
        if (MR_UNLIKELY(word_at(from) != canary))
            return false;
    return MR_LIKELY(word_at(to - 8) == last);
}

/* The first byte of [from, to) that is not the canary's; NULL: all are. */
static char *find_bad(char *from, char *to, uint64_t canary)
{
    for (size_t i = 0; from < to; i++, from++)
        if ((unsigned char)*from != (unsigned char)(canary >> 8 * (i & 7)))
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

bool mr_canary_is_whole(const struct mr_zone *zone)
{
    uint64_t canary = canary_of(zone->block);
    return !zone->torn && is_canary(front_from(zone), zone->user, canary) &&
           is_canary(zone->user + zone->size, back_to(zone), canary);
}

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
    if (MR_LIKELY(mr_canary_is_whole(zone)))
        return;
    struct damage front = damage_at(find_bad_in_front(zone)), back = damage_at(find_bad_behind(zone));
    *info_at(zone->block) = info_of(zone);
    write_around(zone);
    tell(MR_FINDING_UNDERFLOW, zone, &front, call, from);
    tell(MR_FINDING_OVERFLOW, zone, &back, call, from);
}
