#include "symbol.h"

#include <dlfcn.h>

static void find(struct mr_symbol_source *source, const struct mr_symbol_place *place, struct mr_symbol_answer *answer)
{
    static struct mr_symbol_frame frame;
    Dl_info info;
    (void)source;
    *answer = (struct mr_symbol_answer){ &frame, 0, MR_SYMBOL_GONE };
    if (dladdr((const void *)place->address, &info) == 0)
        return;
    answer->state = MR_SYMBOL_FOUND;
    if (!info.dli_sname)
        return;
    frame = (struct mr_symbol_frame){
        .function = info.dli_sname,
        .linkage = info.dli_sname,
        .into = place->address - (uintptr_t)info.dli_saddr,
    };
    answer->count = 1;
}

struct mr_symbol_source mr_dladdr_source = { .find = find };
