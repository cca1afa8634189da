/* text_map.c: the heap as an ASCII picture: a mark per piece of address space, what all of it is, the gaps, the slabs. */
#include "numbers.h"
#include "text.h"

enum { WIDTH_DEFAULT = 80, WIDTH_LEAST = 60, WIDTH_MOST = 500, ROWS_MOST = 24, MARGIN = 17, BAR_FROM = 45 };

struct picture {
    const struct mr_report *report;
    const struct mr_report_map *map;
    struct mr_fmt *out;
    unsigned width, columns;
    size_t per; /* cells per mark */
    uint64_t states[MR_MAP_STATE_COUNT], all;
};

/* ---- marks ------------------------------------------------------------------------------------------- */

struct shade {
    char mark;
    enum mr_text_colour colour;
};

static const struct {
    struct shade shade;
    const char *words;
} states[MR_MAP_STATE_COUNT] = {
    [MR_MAP_SLAB_USED] = { { '#', MR_TEXT_RED }, "slabs: blocks in use" },
    [MR_MAP_SLAB_FREE] = { { '-', MR_TEXT_YELLOW }, "slabs: blocks that are free" },
    [MR_MAP_SLAB_FRESH] = { { ',', MR_TEXT_PLAIN }, "slabs: never handed out" },
    [MR_MAP_LARGE] = { { '=', MR_TEXT_BOLD }, "blocks with a span of their own" },
    [MR_MAP_DIRTY] = { { 'o', MR_TEXT_GREEN }, "free spans, kept for a while" },
    [MR_MAP_CLEAN] = { { '.', MR_TEXT_PLAIN }, "free spans that cost nothing" },
    [MR_MAP_OWN] = { { 'm', MR_TEXT_PLAIN }, "memoir's own tables" },
};

static const char legend[] = "# slab in use  + half  - less  , fresh  = large  o free  . purged  m memoir's";

/* A slab by how full of what was handed out it is. */
static struct shade shade_of_slab(uint64_t used, uint64_t carved, uint64_t fresh)
{
    if (fresh > carved)
        return states[MR_MAP_SLAB_FRESH].shade;
    if (used == carved)
        return states[MR_MAP_SLAB_USED].shade;
    return used >= carved / 2 ? (struct shade){ '+', MR_TEXT_YELLOW } : states[MR_MAP_SLAB_FREE].shade;
}

/* The state that has most of it; those of slabs are one. */
static struct shade shade_of(const uint64_t bytes[MR_MAP_STATE_COUNT])
{
    uint64_t carved = bytes[MR_MAP_SLAB_USED] + bytes[MR_MAP_SLAB_FREE], fresh = bytes[MR_MAP_SLAB_FRESH];
    enum mr_map_state most = MR_MAP_LARGE;
    for (enum mr_map_state s = MR_MAP_LARGE; s < MR_MAP_STATE_COUNT; s++)
        if (bytes[s] > bytes[most])
            most = s;
    return carved + fresh > bytes[most] ? shade_of_slab(bytes[MR_MAP_SLAB_USED], carved, fresh) : states[most].shade;
}

static uint64_t length_of(const struct mr_ledger_cell *cell)
{
    uint64_t sum = 0;
    for (int s = 0; s < MR_MAP_STATE_COUNT; s++)
        sum += cell->bytes[s];
    return sum;
}

/* Cell i, which is not the first, begins a region. */
static bool begins_region(const struct mr_report_map *map, size_t i)
{
    return map->cells[i].address != map->cells[i - 1].address + length_of(&map->cells[i - 1]);
}

/* Where the row that begins at cell i ends: behind `most` cells or in front of the next region. */
static size_t end_of_row(const struct mr_report_map *map, size_t i, size_t most)
{
    size_t end = i + 1;
    while (end < map->cell_count && end - i < most && !begins_region(map, end))
        end++;
    return end;
}

static size_t rows_needed(const struct mr_report_map *map, size_t most)
{
    size_t rows = 0;
    for (size_t i = 0; i < map->cell_count; i = end_of_row(map, i, most))
        rows++;
    return rows;
}

/* Where regions are many rows stay many, whatever a mark is. */
static size_t choose_cells_per_mark(const struct picture *pic)
{
    size_t per = 1;
    while (per < pic->map->cell_count && rows_needed(pic->map, per * pic->columns) > ROWS_MOST)
        per *= 2;
    return per;
}

static void draw_row(const struct picture *pic, size_t i, size_t end)
{
    enum mr_text_colour colour = MR_TEXT_PLAIN;
    mr_fmt_print(pic->out, "   %12lx ", pic->map->cells[i].address & (((uint64_t)1 << 48) - 1));
    mr_fmt_char(pic->out, '|');
    while (i < end) {
        uint64_t bytes[MR_MAP_STATE_COUNT] = { 0 };
        for (size_t last = mr_min(i + pic->per, end); i < last; i++)
            for (int s = 0; s < MR_MAP_STATE_COUNT; s++)
                bytes[s] += pic->map->cells[i].bytes[s];
        struct shade shade = shade_of(bytes);
        if (shade.colour != colour)
            mr_text_paint(pic->report, pic->out, colour = shade.colour);
        mr_fmt_char(pic->out, shade.mark);
    }
    if (colour != MR_TEXT_PLAIN)
        mr_text_paint(pic->report, pic->out, MR_TEXT_PLAIN);
    mr_fmt_print(pic->out, "|\n");
}

static void draw_marks(const struct picture *pic)
{
    size_t most = pic->per * pic->columns, end;
    for (size_t i = 0; i < pic->map->cell_count; i = end) {
        end = end_of_row(pic->map, i, most);
        draw_row(pic, i, end);
    }
    if (pic->map->cell_count == 0)
        return;
    mr_fmt_print(pic->out, "   a mark is ");
    mr_fmt_size(pic->out, pic->map->cell_bytes * pic->per);
    mr_fmt_print(pic->out, "%s%s\n", pic->width > sizeof legend + 24 ? "   " : "\n   ", legend);
}

/* ---- sums -------------------------------------------------------------------------------------------- */

static void percent(struct mr_fmt *out, uint64_t part, uint64_t whole)
{
    mr_numbers_percent(out, 10, whole ? mr_min(part, whole) : 0, whole ? whole : 1);
}

static void draw_sums(const struct picture *pic)
{
    for (int s = 0; s < MR_MAP_STATE_COUNT; s++) {
        if (pic->states[s] == 0)
            continue;
        mr_fmt_print(pic->out, "   + %c %-32s", states[s].shade.mark, states[s].words);
        mr_numbers_size(pic->out, 12, pic->states[s]);
        percent(pic->out, pic->states[s], pic->all);
        mr_fmt_char(pic->out, '\n');
    }
    mr_fmt_print(pic->out, "   = %-34s", "address space up to the last of it");
    mr_numbers_size(pic->out, 12, pic->all);
    mr_fmt_char(pic->out, '\n');
}

/* ---- gaps -------------------------------------------------------------------------------------------- */

static void draw_bar(const struct picture *pic, uint64_t part, uint64_t whole)
{
    uint64_t room = pic->width - BAR_FROM, shift = whole >> 40 ? 20 : 0;
    uint64_t length = ((part >> shift) * room + (whole >> shift) - 1) / (whole >> shift);
    mr_text_paint(pic->report, pic->out, MR_TEXT_GREEN);
    for (uint64_t i = 0; i < length; i++)
        mr_fmt_char(pic->out, '*');
    mr_text_paint(pic->report, pic->out, MR_TEXT_PLAIN);
}

static void draw_gap(const struct picture *pic, int i, uint64_t most)
{
    const struct mr_ledger_gap *gap = &pic->map->gaps[i];
    mr_numbers_size(pic->out, 16, (uint64_t)1 << i);
    mr_numbers_count(pic->out, 13, gap->count);
    mr_numbers_size(pic->out, 13, gap->bytes);
    mr_fmt_print(pic->out, "  ");
    draw_bar(pic, gap->bytes, most);
    mr_fmt_char(pic->out, '\n');
}

static void draw_gaps(const struct picture *pic)
{
    uint64_t most = 0, bytes = 0;
    for (int i = 0; i < MR_LEDGER_GAPS; i++) {
        most = mr_max(most, pic->map->gaps[i].bytes);
        bytes += pic->map->gaps[i].bytes;
    }
    if (most == 0)
        return;
    mr_fmt_print(pic->out, "\n   %13s%13s%13s\n", "GAPS of", "count", "bytes");
    for (int i = 0; i < MR_LEDGER_GAPS; i++)
        if (pic->map->gaps[i].bytes)
            draw_gap(pic, i, most);
    mr_fmt_print(pic->out, "   largest ");
    mr_fmt_size(pic->out, pic->map->largest_gap);
    mr_fmt_print(pic->out, ", fragmentation ");
    mr_numbers_percent(pic->out, 4, bytes - mr_min(pic->map->largest_gap, bytes), bytes);
    mr_fmt_print(pic->out, " (what lies outside the largest)\n");
}

/* ---- slabs ------------------------------------------------------------------------------------------- */

/* held = in use + slack + fresh */
static void draw_class(const struct picture *pic, const struct mr_report_class *class)
{
    uint64_t held = class->slabs * class->slab_bytes, slack = mr_min(class->free_blocks * class->size, held);
    uint64_t in_use = mr_min(class->in_use_bytes, held - slack);
    mr_numbers_count(pic->out, 16, class->size);
    mr_numbers_count(pic->out, 13, class->in_use_blocks);
    mr_numbers_count(pic->out, 9, class->slabs);
    mr_numbers_size(pic->out, 13, slack);
    mr_numbers_size(pic->out, 13, held - in_use - slack);
    percent(pic->out, slack, in_use + slack);
    mr_fmt_char(pic->out, '\n');
}

static void draw_classes(const struct picture *pic)
{
    bool any = false;
    for (size_t i = 0; i < pic->map->class_count; i++) {
        const struct mr_report_class *class = &pic->map->classes[i];
        if (class->slabs == 0 || class->slab_bytes == 0)
            continue;
        if (!any)
            mr_fmt_print(pic->out, "\n   %13s%13s%9s%13s%13s%10s\n", "SLABS of", "in use", "slabs", "slack", "fresh", "waste");
        any = true;
        draw_class(pic, class);
    }
}

/* ---- all of it --------------------------------------------------------------------------------------- */

static void draw_head(const struct picture *pic)
{
    uint64_t ms = pic->map->ms, now = pic->report->elapsed_ms;
    mr_fmt_print(pic->out, "\n   MAP of the heap ");
    if (ms + 100 >= now) {
        mr_fmt_print(pic->out, "%s\n", mr_text_when(pic->report));
        return;
    }
    mr_fmt_print(pic->out, "after ");
    mr_numbers_duration(pic->out, ms);
    mr_fmt_print(pic->out, ", ");
    mr_numbers_duration(pic->out, now - ms);
    mr_fmt_print(pic->out, pic->report->exit_kind == MR_EXIT_RUNNING ? " ago\n" : " before the end\n");
}

void mr_text_map(const struct mr_report *report, struct mr_fmt *out)
{
    struct picture pic = { .report = report, .map = report->map, .out = out };
    if (!report->map) {
        mr_fmt_print(out, "\n   MAP of the heap: none was made\n");
        return;
    }
    pic.width = report->width ? report->width : WIDTH_DEFAULT;
    pic.width = (unsigned)mr_min(mr_max(pic.width, WIDTH_LEAST), WIDTH_MOST);
    pic.columns = pic.width - MARGIN - 1;
    pic.per = choose_cells_per_mark(&pic);
    for (size_t i = 0; i < pic.map->cell_count; i++)
        for (int s = 0; s < MR_MAP_STATE_COUNT; s++)
            pic.states[s] += pic.map->cells[i].bytes[s];
    for (int s = 0; s < MR_MAP_STATE_COUNT; s++)
        pic.all += pic.states[s];
    draw_head(&pic);
    draw_marks(&pic);
    draw_sums(&pic);
    draw_gaps(&pic);
    draw_classes(&pic);
}
