/* fit.c: the names of the fits, and the check that those with lists share. */
#include "fit.h"

static const char *const names[MR_FIT_COUNT] = {
    [MR_FIT_FIRST] = "first-fit",
    [MR_FIT_NEXT] = "next-fit",
    [MR_FIT_BEST] = "best-fit",
    [MR_FIT_WORST] = "worst-fit",
    [MR_FIT_SEGREGATED] = "segregated-fit",
    [MR_FIT_BUDDY] = "buddy",
};

const char *mr_fit_name(enum mr_fit fit)
{
    return (unsigned)fit < MR_FIT_COUNT ? names[fit] : "unknown";
}

const char *mr_fit_list_check(const struct mr_pool *pool, unsigned grade, uint32_t first, uint32_t *spans)
{
    uint32_t before = MR_POOL_NONE;
    for (uint32_t at = first; at != MR_POOL_NONE; at = mr_pool_node(pool, at)->left) {
        if (!mr_fit_is_free_span(pool, grade, at))
            return "a list holds what is no free span of its grade";
        if (mr_pool_node(pool, at)->right != before)
            return "a list leads back another way than forth";
        if (*spans == pool->units)
            return "a list has no end";
        ++*spans;
        before = at;
    }
    return NULL;
}
