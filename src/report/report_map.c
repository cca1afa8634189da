/* report_map.c: the map of a heap as a ledger has it, for a report. */
#include "report.h"

const char *const mr_report_map_states[MR_MAP_STATE_COUNT] = {
    [MR_MAP_SLAB_USED] = "slab_used", [MR_MAP_SLAB_FREE] = "slab_free", [MR_MAP_SLAB_FRESH] = "slab_fresh",
    [MR_MAP_LARGE] = "large",         [MR_MAP_DIRTY] = "dirty",         [MR_MAP_CLEAN] = "clean",
    [MR_MAP_OWN] = "own",
};
_Static_assert(MR_MAP_STATE_COUNT == 7, "every state has its name, here, in map.ts and in schema.json");

size_t mr_report_map_classes(struct mr_report_class *to, const struct mr_ledger_stats *stats)
{
    size_t count = mr_min(stats->class_count, MR_LEDGER_CLASSES);
    for (size_t i = 0; i < count; i++) {
        const struct mr_ledger_class *class = &stats->classes[i];
        to[i] = (struct mr_report_class){
            .size = class->size,
            .below = class->below,
            .allocations = class->allocs,
            .frees = class->frees,
            .in_use_blocks = class->allocs - class->frees,
            .slabs = class->slabs,
            .slab_bytes = class->slab_bytes,
            .free_blocks = class->free_blocks,
            .large = class->large,
            .in_use_bytes = class->in_use_bytes,
        };
    }
    return count;
}

void mr_report_map_take(struct mr_report_map *to, const struct mr_ledger_map *from, struct mr_report_class *classes)
{
    *to = (struct mr_report_map){
        .ms = from->ms,
        .cell_bytes = from->cell_bytes,
        .cells = from->cells,
        .cell_count = from->cell_count,
        .gaps = from->gaps,
        .largest_gap = from->largest_gap,
        .classes = classes,
        .class_count = mr_report_map_classes(classes, &from->figures),
    };
}
