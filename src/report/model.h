/* model.h: from a ledger to a report: sums, rows, names, order. CLI only.
 *
 * A site of the ledger becomes one row per class of blocks it has left. Rows whose frames have the same
 * names are one: a plugin that was loaded twice has its sites twice in the ledger. */
#ifndef MR_REPORT_MODEL_H
#define MR_REPORT_MODEL_H

#include "report.h"
#include "suppress.h"
#include "symbol.h"

enum mr_model_sort {
    MR_MODEL_BYTES, MR_MODEL_BLOCKS, MR_MODEL_ALLOCATIONS, MR_MODEL_PEAK, MR_MODEL_TEMPORARY, MR_MODEL_GROWTH,
    MR_MODEL_SORT_COUNT
};
extern const char *const mr_model_sort_names[MR_MODEL_SORT_COUNT];

#define MR_MODEL_KIND(kind) (1u << (kind))
/* What is listed unless told otherwise: all but what can still be freed, and that too when it grows. */
#define MR_MODEL_KINDS_DEFAULT 0u

struct mr_model_wishes {
    enum mr_model_sort sort;
    size_t top;                  /* rows listed at most; 0: all */
    unsigned kinds;              /* MR_MODEL_KIND bits, or MR_MODEL_KINDS_DEFAULT */
    const char *function, *module, *file; /* only sites with such a frame (pattern with * and ?); NULL: any */
    struct mr_suppress *suppressions;     /* NULL: none */
    /* Outlives the model, and so must its answers (mr_symbol_remember). NULL: module and offset instead of names. */
    struct mr_symbol_source *symbols;
    void (*progress)(void *ctx, size_t done, size_t all); /* while names are looked up; NULL: silent */
    void *ctx;
};

struct mr_model;

/* Builds the report of what `ledger` says. NULL without memory. The ledger outlives the model. */
struct mr_model *mr_model_build(const struct mr_reader *ledger, const struct mr_model_wishes *wishes);
/* Its show_* and colour are the caller's to change. */
struct mr_report *mr_model_report(struct mr_model *model);
void mr_model_free(struct mr_model *model);

#endif
