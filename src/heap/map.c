/* map.c: where in the heap's address space what lies: cells of equal size, and the gaps between what is taken.
 *
 *   sum of a cell's bytes = its length;  cells of a region: from its first span to the last that is not clean */
#include "classic.h"
#include "heap.h"
#include "space.h"

/* A span, or a part of a slab: what was handed out lies in front of what never was. `used` bytes of it are blocks in
 * use, taken to be spread evenly. */
struct piece {
    uint64_t address, bytes, used;
    enum mr_map_state state; /* of what is not `used` */
};

struct extent {
    uint64_t from, to;
};

struct drawing {
    struct mr_ledger_map *map;
    struct extent extents[MR_REGION_MAX];
    uint32_t region;
};

typedef void each_piece(struct drawing *d, const struct piece *p);

/* ---- spans ------------------------------------------------------------------------------------------- */

static enum mr_map_state state_of(const struct mr_slab *head, bool is_free)
{
    if (is_free)
        return ((const struct mr_span *)head)->stamp ? MR_MAP_DIRTY : MR_MAP_CLEAN;
    switch (mr_slab_kind(head)) {
    case MR_KIND_CACHED:
        return MR_MAP_DIRTY;
    case MR_KIND_LARGE:
        return MR_MAP_LARGE;
    case MR_KIND_SLAB:
        return MR_MAP_SLAB_FRESH;
    default:
        return MR_MAP_OWN;
    }
}

static void tell_slab(struct drawing *d, const struct mr_slab *slab, struct piece *p, each_piece *each)
{
    uint64_t size = mr_sizeclass_bytes[MR_PEEK(slab->cls)], carved = mr_min(MR_PEEK(slab->ext) * size, p->bytes);
    struct piece front = { p->address, carved, mr_min(mr_slab_in_use(slab) * size, carved), MR_MAP_SLAB_FREE };
    if (carved)
        each(d, &front);
    p->address += carved;
    p->bytes -= carved;
    if (p->bytes)
        each(d, p);
}

static void walk_slabs(struct drawing *d, each_piece *each)
{
    const struct mr_region *region = &mr_regions[d->region];
    const struct mr_pool *pool = &region->pool;
    for (uint32_t i = mr_pool_first(pool); i != MR_POOL_NONE; i = mr_pool_next(pool, i)) {
        const struct mr_slab *head = (const struct mr_slab *)mr_pool_node(pool, i);
        struct piece p = { (uintptr_t)mr_lookup_start(head), (uint64_t)mr_slab_slices(head) << MR_SLICE_SHIFT, 0,
                           state_of(head, mr_pool_is_free(pool, i)) };
        if (p.address < region->base + region->table_bytes)
            continue; /* the table of the region */
        if (p.state == MR_MAP_SLAB_FRESH)
            tell_slab(d, head, &p, each);
        else
            each(d, &p);
    }
}

struct classic_visit {
    struct drawing *d;
    each_piece *each;
};

static void visit_classic(void *ctx, uintptr_t address, size_t bytes, bool is_free)
{
    const struct classic_visit *v = ctx;
    struct piece p = { address, bytes, 0, is_free ? MR_MAP_DIRTY : MR_MAP_LARGE };
    v->each(v->d, &p);
}

static void walk(struct drawing *d, each_piece *each)
{
    struct classic_visit visit = { d, each };
    uintptr_t from, to;
    bool classic = mr_heap_where() == MR_ROUTE_CLASSIC;
    for (d->region = 0; d->region < MR_REGION_MAX; d->region++)
        if (classic && mr_classic_region(d->region, &from, &to))
            mr_classic_spans(d->region, visit_classic, &visit);
        else if (!classic && d->region < mr_region_count)
            walk_slabs(d, each);
}

/* ---- cells --------------------------------------------------------------------------------------------- */

static void extend(struct drawing *d, const struct piece *p)
{
    struct extent *extent = &d->extents[d->region];
    if (extent->from == 0)
        extent->from = extent->to = p->address;
    if (p->state != MR_MAP_CLEAN)
        extent->to = p->address + p->bytes;
}

static uint64_t cells_needed(const struct drawing *d, uint64_t cell_bytes)
{
    uint64_t cells = 0;
    for (int r = 0; r < MR_REGION_MAX; r++)
        cells += (d->extents[r].to - d->extents[r].from + cell_bytes - 1) / cell_bytes;
    return cells;
}

static uint64_t choose_cell_bytes(const struct drawing *d)
{
    uint64_t bytes = mr_heap_where() == MR_ROUTE_CLASSIC ? 4 * MR_KIB : MR_SLICE;
    while (cells_needed(d, bytes) > MR_LEDGER_CELLS && bytes < (uint64_t)1 << 31)
        bytes *= 2;
    return bytes;
}

/* The cell that holds `address`: the last one, or a new one. NULL: there are no more. */
static struct mr_ledger_cell *cell_at(struct mr_ledger_map *map, uint64_t address)
{
    struct mr_ledger_cell *last = &map->cells[map->cell_count ? map->cell_count - 1 : 0];
    if (map->cell_count && address - last->address < map->cell_bytes)
        return last;
    if (map->cell_count == MR_LEDGER_CELLS)
        return NULL;
    last = &map->cells[map->cell_count++];
    last->address = address;
    return last;
}

static void book_gap(struct mr_ledger_map *map, uint64_t bytes)
{
    struct mr_ledger_gap *gap = &map->gaps[mr_min(mr_log2_floor(bytes), (unsigned)MR_LEDGER_GAPS - 1)];
    gap->count++;
    gap->bytes += bytes;
    map->largest_gap = mr_max(map->largest_gap, bytes);
}

/* Bytes of the piece that are used in front of `offset`. */
static uint64_t used_before(const struct piece *p, uint64_t offset)
{
    return (uint64_t)((unsigned __int128)p->used * offset / p->bytes);
}

static void draw(struct drawing *d, const struct piece *p)
{
    uint64_t done = 0, next;
    if (p->address >= d->extents[d->region].to)
        return;
    if (p->state == MR_MAP_DIRTY || p->state == MR_MAP_CLEAN) /* what a heap keeps at hand is a gap, too */
        book_gap(d->map, p->bytes);
    for (; done < p->bytes; done = next) {
        struct mr_ledger_cell *cell = cell_at(d->map, p->address + done);
        if (!cell)
            return;
        next = mr_min(cell->address + d->map->cell_bytes - p->address, p->bytes);
        uint64_t used = used_before(p, next) - used_before(p, done);
        cell->bytes[MR_MAP_SLAB_USED] += (uint32_t)used;
        cell->bytes[p->state] += (uint32_t)(next - done - used);
    }
}

void mr_map_fill(struct mr_ledger_map *map)
{
    struct drawing d = { .map = map };
    walk(&d, extend);
    map->cell_bytes = choose_cell_bytes(&d);
    walk(&d, draw);
}
