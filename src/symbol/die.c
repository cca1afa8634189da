/* die.c: from an address to the functions it is in, by the DWARF of one module.
 *
 * libdw's own way (dwarf_getscopes) walks a whole unit for each address. Here the functions of a unit are
 * listed once, when its first address comes, and then only the one function's subtree is walked. */
#include "dw.h"

#include <dwarf.h>
#include <search.h>
#include <stdlib.h>

enum { NESTING_MOST = 64 };

/* What one answer makes libdw touch of the file, and what it keeps of a decoded line. */
enum { ANSWER_BYTES = 16 << 10, LINE_BYTES = 64 };

/* [low, high) belongs to the entry at this offset of .debug_info. */
struct mr_die_range {
    Dwarf_Addr low, high;
    Dwarf_Off die;
};

struct ranges {
    struct mr_die_range *list;
    size_t count, cap;
};

struct unit {
    Dwarf_Off offset; /* the key */
    struct mr_die_range *functions;
    size_t count;
    unsigned lines_in; /* the opening in which its lines were decoded last */
};

static bool add(struct ranges *ranges, struct mr_die_range range)
{
    if (ranges->count == ranges->cap) {
        size_t cap = ranges->cap ? 2 * ranges->cap : 64;
        void *larger = realloc(ranges->list, cap * sizeof range);
        if (!larger)
            return false;
        ranges->list = larger;
        ranges->cap = cap;
    }
    ranges->list[ranges->count++] = range;
    return true;
}

static void add_ranges_of(struct ranges *ranges, Dwarf_Die *die)
{
    Dwarf_Addr base, low, high;
    for (ptrdiff_t at = 0; (at = dwarf_ranges(die, at, &base, &low, &high)) > 0;)
        if (low < high && !add(ranges, (struct mr_die_range){ low, high, dwarf_dieoffset(die) }))
            return;
}

static bool lower(const void *a, const void *b)
{
    const struct mr_die_range *x = a, *y = b;
    return x->low < y->low;
}

/* The last range that begins at or before pc, if pc is in it. Ranges of one table do not overlap. */
static const struct mr_die_range *range_of(const struct mr_die_range *list, size_t count, Dwarf_Addr pc)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (list[middle].low <= pc)
            low = middle + 1;
        else
            high = middle;
    }
    return low && pc < list[low - 1].high ? &list[low - 1] : NULL;
}

/* --- units ------------------------------------------------------------------------------------------ */

/* Functions stand in a unit, in namespaces (Rust, C++) or in types (methods of a class, clang). */
static void collect_functions(struct ranges *found, Dwarf_Die *parent, unsigned depth)
{
    Dwarf_Die child;
    if (depth > NESTING_MOST || dwarf_child(parent, &child) != 0)
        return;
    do {
        switch (dwarf_tag(&child)) {
        case DW_TAG_subprogram:
            add_ranges_of(found, &child);
            break;
        case DW_TAG_namespace:
        case DW_TAG_module:
        case DW_TAG_class_type:
        case DW_TAG_structure_type:
        case DW_TAG_union_type:
        case DW_TAG_enumeration_type: /* of Rust: has methods */
            collect_functions(found, &child, depth + 1);
        }
    } while (dwarf_siblingof(&child, &child) == 0);
}

static int by_offset(const void *a, const void *b)
{
    const struct unit *x = a, *y = b;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

static size_t bytes_of_unit(struct mr_die_reader *reader, Dwarf_Die *cu)
{
    Dwarf_Off start = dwarf_dieoffset(cu) - dwarf_cuoffset(cu), next;
    size_t header;
    return dwarf_nextcu(reader->dwarf, start, &next, &header, NULL, NULL, NULL) == 0 ? next - start : 0;
}

static struct unit *unit_at(struct mr_die_reader *reader, Dwarf_Die *cu)
{
    struct unit key = { .offset = dwarf_dieoffset(cu) }, **slot = tsearch(&key, &reader->units, by_offset);
    if (!slot || *slot != &key)
        return slot ? *slot : NULL;
    struct unit *unit = malloc(sizeof *unit);
    struct ranges found = { 0 };
    if (!unit) {
        tdelete(&key, &reader->units, by_offset);
        return NULL;
    }
    collect_functions(&found, cu, 0);
    reader->spent += bytes_of_unit(reader, cu);
    mr_sort(found.list, found.count, sizeof *found.list, lower);
    *unit = (struct unit){ key.offset, found.list, found.count, 0 };
    *slot = unit;
    return unit;
}

static void free_unit(void *node)
{
    struct unit *unit = node;
    free(unit->functions);
    free(unit);
}

/* clang writes no .debug_aranges: the ranges of the units themselves, read once. */
static void read_all_units(struct mr_die_reader *reader)
{
    struct ranges found = { 0 };
    Dwarf_CU *cu = NULL;
    Dwarf_Die die;
    uint8_t type;
    while (dwarf_get_units(reader->dwarf, cu, &cu, NULL, &type, &die, NULL) == 0)
        if (type == DW_UT_compile || type == DW_UT_skeleton)
            add_ranges_of(&found, &die);
    mr_sort(found.list, found.count, sizeof *found.list, lower);
    reader->cus = found.list;
    reader->cu_count = found.count;
    reader->cus_read = true;
}

static bool unit_die_of(struct mr_die_reader *reader, Dwarf_Addr pc, Dwarf_Die *cu)
{
    if (dwarf_addrdie(reader->dwarf, pc, cu))
        return true;
    if (!reader->cus_read)
        read_all_units(reader);
    const struct mr_die_range *range = range_of(reader->cus, reader->cu_count, pc);
    return range && dwarf_offdie(reader->dwarf, range->die, cu);
}

/* --- one function --------------------------------------------------------------------------------------- */

/* The entry below `parent` whose code has pc, through blocks that are no functions. */
static bool inlined_below(Dwarf_Die *parent, Dwarf_Addr pc, Dwarf_Die *found, unsigned depth)
{
    Dwarf_Die child;
    if (depth > NESTING_MOST || dwarf_child(parent, &child) != 0)
        return false;
    do {
        int tag = dwarf_tag(&child);
        if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_lexical_block && tag != DW_TAG_try_block &&
            tag != DW_TAG_catch_block)
            continue;
        if (dwarf_haspc(&child, pc) <= 0)
            continue;
        *found = child;
        return tag == DW_TAG_inlined_subroutine || inlined_below(&child, pc, found, depth + 1);
    } while (dwarf_siblingof(&child, &child) == 0);
    return false;
}

static void name_frame(Dwarf_Die *die, struct mr_symbol_frame *frame)
{
    Dwarf_Attribute attribute;
    const char *linkage = NULL;
    if (dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute) ||
        dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attribute))
        linkage = dwarf_formstring(&attribute);
    if (!linkage)
        frame->function = dwarf_diename(die);
    frame->linkage = linkage ? linkage : frame->function;
}

/* Where the inlined function was called from: a line of the function around it. */
static void locate_call(Dwarf_Die *cu, Dwarf_Die *inlined, struct mr_symbol_frame *outer)
{
    Dwarf_Attribute attribute;
    Dwarf_Word number;
    Dwarf_Files *files;
    size_t count;
    if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &attribute), &number) == 0)
        outer->line = (uint32_t)number;
    if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &attribute), &number) == 0 &&
        dwarf_getsrcfiles(cu, &files, &count) == 0 && number < count)
        outer->file = dwarf_filesrc(files, number, NULL, NULL);
}

static void locate_pc(Dwarf_Die *cu, Dwarf_Addr pc, struct mr_symbol_frame *frame)
{
    Dwarf_Line *line = dwarf_getsrc_die(cu, pc);
    int number;
    if (!line)
        return;
    frame->file = dwarf_linesrc(line, NULL, NULL);
    if (dwarf_lineno(line, &number) == 0)
        frame->line = (uint32_t)number;
}

/* libdw decodes all lines of a unit at once and keeps them. */
static void count_lines(struct mr_die_reader *reader, struct unit *unit, Dwarf_Die *cu)
{
    Dwarf_Lines *lines;
    size_t count;
    if (unit->lines_in == reader->opened || dwarf_getsrclines(cu, &lines, &count) != 0)
        return;
    unit->lines_in = reader->opened;
    reader->spent += count * LINE_BYTES;
}

static const char *directory_of(Dwarf_Die *cu)
{
    Dwarf_Attribute attribute;
    return dwarf_attr(cu, DW_AT_comp_dir, &attribute) ? dwarf_formstring(&attribute) : NULL;
}

size_t mr_die_find(struct mr_die_reader *reader, Dwarf_Addr pc, struct mr_symbol_frame *frames, size_t cap)
{
    Dwarf_Die cu, chain[MR_DW_FRAMES];
    if (!unit_die_of(reader, pc, &cu))
        return 0;
    struct unit *unit = unit_at(reader, &cu);
    reader->spent += ANSWER_BYTES;
    const struct mr_die_range *function = unit ? range_of(unit->functions, unit->count, pc) : NULL;
    if (!function || !dwarf_offdie(reader->dwarf, function->die, &chain[0]))
        return 0;
    count_lines(reader, unit, &cu);
    size_t depth = 1;
    while (depth < mr_min(cap, MR_DW_FRAMES) && inlined_below(&chain[depth - 1], pc, &chain[depth], 0))
        depth++;
    for (size_t i = 0; i < depth; i++) {
        Dwarf_Die *die = &chain[depth - 1 - i];
        frames[i] = (struct mr_symbol_frame){ .directory = directory_of(&cu), .inlined = i + 1 < depth };
        name_frame(die, &frames[i]);
        if (i == 0)
            locate_pc(&cu, pc, &frames[i]);
        else
            locate_call(&cu, &chain[depth - i], &frames[i]);
    }
    return depth;
}

void mr_die_close(struct mr_die_reader *reader)
{
    tdestroy(reader->units, free_unit);
    free(reader->cus);
}
