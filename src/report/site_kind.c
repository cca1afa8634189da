#include "report.h"

const char *const mr_site_kind_names[MR_SITE_KIND_COUNT] = {
    [MR_SITE_DEFINITELY_LOST] = "definitely_lost",
    [MR_SITE_INDIRECTLY_LOST] = "indirectly_lost",
    [MR_SITE_POSSIBLY_LOST] = "possibly_lost",
    [MR_SITE_STILL_REACHABLE] = "still_reachable",
    [MR_SITE_IN_USE] = "in_use",
    [MR_SITE_GONE] = "gone",
};

const char *const mr_site_kind_words[MR_SITE_KIND_COUNT] = {
    [MR_SITE_DEFINITELY_LOST] = "definitely lost",
    [MR_SITE_INDIRECTLY_LOST] = "indirectly lost",
    [MR_SITE_POSSIBLY_LOST] = "possibly lost",
    [MR_SITE_STILL_REACHABLE] = "still reachable",
    [MR_SITE_IN_USE] = "in use",
    [MR_SITE_GONE] = "all freed",
};
