/* fit_best.c: best fit.
 *
 * Spans of 1 to 231 units are in a list per size, found by two levels of bits, so small requests, nearly all, cost
 * O(1) and one look at the span that is taken. Longer ones are in a treap (Seidel and Aragon, 1996) by size and then
 * head, without links to parents. The priority of a span is a mix of its head, so no word is spent on it and no two
 * are equal. Depth is O(log n) expected whatever the order of requests: with 2^22 spans so long it stays below 130
 * but for one seed in billions. */
#include "fit.h"

enum { SMALL = MR_BIN_ROWS * MR_BIN_COLS, DEPTH_MAX = 256 };

static uint32_t priority(const struct mr_pool *pool, uint32_t head) { return mr_mix32(head ^ pool->seed); }

static uint64_t key_of(const struct mr_pool *pool, uint32_t head)
{
    return (uint64_t)mr_pool_size(pool, head) << 32 | head;
}

/* ---- the treap -------------------------------------------------------------------------------------------- */

/* Splits the tree `below` into what comes before and behind `key`. */
static void split(struct mr_pool *pool, uint32_t below, uint64_t key, uint32_t *before, uint32_t *behind)
{
    while (below != MR_POOL_NONE) {
        struct mr_span *span = mr_pool_node(pool, below);
        if (key_of(pool, below) < key) {
            *before = below;
            before = &span->right;
            below = span->right;
        } else {
            *behind = below;
            behind = &span->left;
            below = span->left;
        }
    }
    *before = *behind = MR_POOL_NONE;
}

static void tree_insert(struct mr_pool *pool, struct mr_pool_index *index, uint32_t head)
{
    struct mr_span *span = mr_pool_node(pool, head);
    uint64_t key = key_of(pool, head);
    uint32_t mine = priority(pool, head), *link = &index->root;
    while (*link != MR_POOL_NONE && priority(pool, *link) > mine) {
        struct mr_span *at = mr_pool_node(pool, *link);
        link = key_of(pool, *link) < key ? &at->right : &at->left;
    }
    uint32_t below = *link;
    *link = head;
    split(pool, below, key, &span->left, &span->right);
}

/* Hangs the trees a and b, all keys of a before those of b, under `link`. */
static void join(struct mr_pool *pool, uint32_t a, uint32_t b, uint32_t *link)
{
    while (a != MR_POOL_NONE && b != MR_POOL_NONE) {
        bool left_wins = priority(pool, a) > priority(pool, b);
        struct mr_span *span = mr_pool_node(pool, left_wins ? a : b);
        *link = left_wins ? a : b;
        link = left_wins ? &span->right : &span->left;
        *(left_wins ? &a : &b) = *link;
    }
    *link = a != MR_POOL_NONE ? a : b;
}

static void tree_remove(struct mr_pool *pool, struct mr_pool_index *index, uint32_t head)
{
    const struct mr_span *span = mr_pool_node(pool, head);
    uint64_t key = key_of(pool, head);
    uint32_t *link = &index->root;
    while (*link != head) {
        MR_REQUIRE(*link != MR_POOL_NONE, "a free span is missing from its tree");
        struct mr_span *at = mr_pool_node(pool, *link);
        link = key_of(pool, *link) < key ? &at->right : &at->left;
    }
    join(pool, span->left, span->right, link);
}

/* The span with the lowest key >= `key`. */
static uint32_t tree_find(const struct mr_pool *pool, const struct mr_pool_index *index, uint64_t key)
{
    uint32_t hit = MR_POOL_NONE, at = index->root;
    while (at != MR_POOL_NONE) {
        const struct mr_span *span = mr_pool_node(pool, at);
        if (key_of(pool, at) >= key)
            hit = at;
        at = key_of(pool, at) >= key ? span->left : span->right;
    }
    return hit;
}

/* ---- both ---------------------------------------------------------------------------------------------------- */

void mr_fit_best_insert(struct mr_pool *pool, struct mr_pool_index *index, uint32_t head)
{
    uint32_t size = mr_pool_size(pool, head);
    if (size < SMALL)
        mr_fit_bins_insert(pool, index, size, head);
    else
        tree_insert(pool, index, head);
}

void mr_fit_best_remove(struct mr_pool *pool, struct mr_pool_index *index, uint32_t head)
{
    uint32_t size = mr_pool_size(pool, head);
    if (size < SMALL)
        mr_fit_bins_remove(pool, index, size, head);
    else
        tree_remove(pool, index, head);
}

/* The smallest span of at least `units`. */
static uint32_t smallest(const struct mr_pool *pool, const struct mr_pool_index *index, uint64_t units)
{
    unsigned bin = units < SMALL ? mr_fit_bins_first(index, (unsigned)units) : SMALL;
    return bin < SMALL ? index->heads[bin] : tree_find(pool, index, units << 32);
}

static bool can_hold(const struct mr_pool *pool, uint32_t head, const struct mr_fit_want *want)
{
    return mr_fit_place(pool, head, mr_pool_size(pool, head), want) != MR_POOL_NONE;
}

/* Tries up to `limit` spans, the smallest first. */
static uint32_t probe(const struct mr_pool *pool, const struct mr_pool_index *index, const struct mr_fit_want *want,
                      unsigned limit)
{
    unsigned bin = want->units < SMALL ? mr_fit_bins_first(index, want->units) : SMALL;
    for (; bin < SMALL; bin = mr_fit_bins_first(index, bin + 1))
        for (uint32_t at = index->heads[bin]; at != MR_POOL_NONE; at = mr_pool_node(pool, at)->left) {
            if (limit-- == 0)
                return MR_POOL_NONE;
            if (can_hold(pool, at, want))
                return at;
        }
    uint64_t from = (uint64_t)want->units << 32;
    for (uint32_t at; limit-- > 0 && (at = tree_find(pool, index, from)) != MR_POOL_NONE; from = key_of(pool, at) + 1)
        if (can_hold(pool, at, want))
            return at;
    return MR_POOL_NONE;
}

uint32_t mr_fit_best_find(const struct mr_pool *pool, const struct mr_pool_index *index,
                          const struct mr_fit_want *want, enum mr_fit_effort effort)
{
    if (want->align == 1)
        return smallest(pool, index, want->units);
    uint32_t at = probe(pool, index, want, effort);
    if (at != MR_POOL_NONE || effort == MR_FIT_THOROUGH)
        return at;
    return smallest(pool, index, mr_fit_sure_size(pool, want));
}

uint32_t mr_fit_best_largest(const struct mr_pool *pool, const struct mr_pool_index *index)
{
    uint32_t at = index->root;
    if (at == MR_POOL_NONE) {
        unsigned row = index->rows ? (unsigned)mr_log2_floor(index->rows) : 0;
        return index->rows ? (row << MR_BIN_SUB) + (uint32_t)mr_log2_floor(index->cols[row]) : 0;
    }
    while (mr_pool_node(pool, at)->right != MR_POOL_NONE)
        at = mr_pool_node(pool, at)->right;
    return mr_pool_size(pool, at);
}

static uint32_t tree_find_stamp(const struct mr_pool *pool, const struct mr_pool_index *index, uint32_t until)
{
    uint32_t at = tree_find(pool, index, 0);
    while (at != MR_POOL_NONE && mr_pool_stamp(pool, at) > until)
        at = tree_find(pool, index, key_of(pool, at) + 1);
    return at;
}

uint32_t mr_fit_best_find_stamp(const struct mr_pool *pool, const struct mr_pool_index *index, uint32_t until)
{
    uint32_t at = mr_fit_bins_find_stamp(pool, index, until);
    return at != MR_POOL_NONE ? at : tree_find_stamp(pool, index, until);
}

/* ---- the check -------------------------------------------------------------------------------------------------- */

bool mr_fit_best_holds(const struct mr_pool *pool, uint32_t head)
{
    const struct mr_pool_index *index = &pool->index[mr_pool_stamp(pool, head) != 0];
    uint32_t size = mr_pool_size(pool, head);
    if (size < SMALL)
        return mr_fit_list_holds(pool, index->heads[size], head);
    return tree_find(pool, index, key_of(pool, head)) == head;
}

/* The state of an in-order walk. */
struct census {
    unsigned grade;
    uint32_t spans;
    uint64_t next_key; /* no key may be below it */
};

static const char *check_subtree(const struct mr_pool *pool, struct census *census, uint32_t at, unsigned depth)
{
    if (at == MR_POOL_NONE)
        return NULL;
    if (depth == DEPTH_MAX)
        return "the tree is too deep";
    if (!mr_fit_is_free_span(pool, census->grade, at))
        return "the tree holds what is no free span of its grade";
    const struct mr_span *span = mr_pool_node(pool, at);
    const char *why = check_subtree(pool, census, span->left, depth + 1);
    if (why)
        return why;
    if (key_of(pool, at) < census->next_key)
        return "the keys of the tree are out of order";
    census->next_key = key_of(pool, at) + 1;
    census->spans++;
    why = check_subtree(pool, census, span->right, depth + 1);
    if (why)
        return why;
    bool heap = (span->left == MR_POOL_NONE || priority(pool, span->left) < priority(pool, at)) &&
                (span->right == MR_POOL_NONE || priority(pool, span->right) < priority(pool, at));
    return heap ? NULL : "a child in the tree has priority over its parent";
}

static const char *check_sizes(const struct mr_pool *pool, unsigned grade)
{
    const struct mr_pool_index *index = &pool->index[grade];
    for (unsigned bin = 0; bin < SMALL; bin++)
        for (uint32_t at = index->heads[bin]; at != MR_POOL_NONE; at = mr_pool_node(pool, at)->left)
            if (mr_pool_size(pool, at) != bin)
                return "a span is in the bin of another size";
    return NULL;
}

const char *mr_fit_best_check(const struct mr_pool *pool, unsigned grade, uint32_t *spans)
{
    struct census census = { .grade = grade };
    const char *why = mr_fit_bins_check(pool, grade, spans);
    if (!why)
        why = check_sizes(pool, grade);
    if (!why)
        why = check_subtree(pool, &census, pool->index[grade].root, 0);
    *spans += census.spans;
    return why;
}
