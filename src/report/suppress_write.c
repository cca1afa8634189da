#include "suppress.h"

/* Valgrind reads no more frames of a block than this. */
enum { FRAMES_MOST = 24 };

static const char *const kinds[MR_SITE_KIND_COUNT] = {
    [MR_SITE_DEFINITELY_LOST] = "definite", [MR_SITE_INDIRECTLY_LOST] = "indirect",
    [MR_SITE_POSSIBLY_LOST] = "possible",   [MR_SITE_STILL_REACHABLE] = "reachable",
    [MR_SITE_IN_USE] = "all",               [MR_SITE_GONE] = "all",
};

/* The block begins with "..." because Valgrind's stacks have malloc in front of ours. */
void mr_suppress_write(struct mr_fmt *out, unsigned number, enum mr_site_kind kind,
                       const struct mr_report_frame *frames, size_t count)
{
    mr_fmt_print(out, "{\n   memoir-%u\n   Memcheck:Leak\n   match-leak-kinds: %s\n   ...\n", number, kinds[kind]);
    for (size_t i = 0; i < mr_min(count, FRAMES_MOST - 1) && frames[i].address; i++)
        if (frames[i].linkage)
            mr_fmt_print(out, "   fun:%s\n", frames[i].linkage);
        else
            mr_fmt_print(out, "   obj:%s\n", frames[i].module ? frames[i].module : "*");
    mr_fmt_print(out, "}\n");
}
