/* fit_tree.c: first, next, best and worst fit over a treap (Seidel and Aragon, 1996).
 *
 * Keys: the head for first, next and worst; (size, head) for best. The priority of a span is a
 * mix of its head, so no word is spent on it and no two are equal; node.max tells a search which
 * subtree can serve it. Depth is O(log n) expected whatever the order of requests: with 2^29 spans
 * it stays below 130 but for one seed in billions, so paths are kept in fixed arrays. */
#include "fit.h"

#define DEPTH_MAX 256

/* Nodes passed on the way down, to be corrected on the way up. Only `depth` is initialised: clearing the
 * array would cost more than the search. */
struct path {
    uint32_t at[DEPTH_MAX];
    unsigned depth;
};

static void push(struct path *path, uint32_t head)
{
    MR_REQUIRE(path->depth < DEPTH_MAX, "the tree of free spans is too deep");
    path->at[path->depth++] = head;
}

static uint32_t priority(const struct mr_pool *pool, uint32_t head)
{
    return mr_mix32(head ^ pool->seed);
}

static uint32_t size_of(const struct mr_span *span)
{
    return span->size & ~MR_SPAN_FREE;
}

static uint64_t key_of(const struct mr_pool *pool, const struct mr_span *span, uint32_t head)
{
    return pool->fit == MR_FIT_BEST ? (uint64_t)size_of(span) << 32 | head : head;
}

static uint32_t max_below(const struct mr_pool *pool, uint32_t head)
{
    return head == MR_POOL_NONE ? 0 : mr_pool_node(pool, head)->max;
}

static uint32_t max_of(const struct mr_pool *pool, const struct mr_span *span)
{
    size_t below = mr_max(max_below(pool, span->left), max_below(pool, span->right));
    return (uint32_t)mr_max(size_of(span), below);
}

static void renew(struct mr_pool *pool, const struct path *path, unsigned from)
{
    for (unsigned i = path->depth; i > from; i--) {
        struct mr_span *span = mr_pool_node(pool, path->at[i - 1]);
        span->max = max_of(pool, span);
    }
}

/* Splits the tree `below` into what comes before and behind `key`. */
static void split(struct mr_pool *pool, uint32_t below, uint64_t key, uint32_t *before, uint32_t *behind)
{
    struct path path;
    path.depth = 0;
    while (below != MR_POOL_NONE) {
        struct mr_span *span = mr_pool_node(pool, below);
        push(&path, below);
        if (key_of(pool, span, below) < key) {
            *before = below;
            before = &span->right;
        } else {
            *behind = below;
            behind = &span->left;
        }
        below = key_of(pool, span, below) < key ? span->right : span->left;
    }
    *before = *behind = MR_POOL_NONE;
    renew(pool, &path, 0);
}

void mr_fit_tree_insert(struct mr_pool *pool, struct mr_pool_index *index, uint32_t head)
{
    struct mr_span *span = mr_pool_node(pool, head);
    uint32_t size = size_of(span), mine = priority(pool, head);
    uint64_t key = key_of(pool, span, head);
    uint32_t *link = &index->root;
    while (*link != MR_POOL_NONE && priority(pool, *link) > mine) {
        struct mr_span *at = mr_pool_node(pool, *link);
        if (at->max < size)
            at->max = size;
        link = key_of(pool, at, *link) < key ? &at->right : &at->left;
    }
    uint32_t below = *link;
    *link = head;
    split(pool, below, key, &span->left, &span->right);
    span->max = max_of(pool, span);
}

/* Hangs the trees a and b, all keys of a before those of b, under `link`. */
static void join(struct mr_pool *pool, uint32_t a, uint32_t b, uint32_t *link, struct path *path)
{
    while (a != MR_POOL_NONE && b != MR_POOL_NONE) {
        bool left_wins = priority(pool, a) > priority(pool, b);
        uint32_t top = left_wins ? a : b;
        struct mr_span *span = mr_pool_node(pool, top);
        push(path, top);
        *link = top;
        if (left_wins) {
            link = &span->right;
            a = span->right;
        } else {
            link = &span->left;
            b = span->left;
        }
    }
    *link = a != MR_POOL_NONE ? a : b;
}

void mr_fit_tree_remove(struct mr_pool *pool, struct mr_pool_index *index, uint32_t head)
{
    const struct mr_span *span = mr_pool_node(pool, head);
    uint64_t key = key_of(pool, span, head);
    uint32_t size = size_of(span);
    uint32_t *link = &index->root;
    struct path path;
    path.depth = 0;
    while (*link != head) {
        MR_REQUIRE(*link != MR_POOL_NONE, "a free span is missing from its tree");
        struct mr_span *at = mr_pool_node(pool, *link);
        push(&path, *link);
        link = key_of(pool, at, *link) < key ? &at->right : &at->left;
    }
    unsigned above = path.depth;
    join(pool, span->left, span->right, link, &path);
    renew(pool, &path, above);
    path.depth = above;
    /* Above, a max larger than the size that went comes from elsewhere, there and further up. */
    while (above > 0 && mr_pool_node(pool, path.at[above - 1])->max <= size)
        above--;
    renew(pool, &path, above);
}

/* The key of a span is its head, but for best, so it may stay where it is. */
bool mr_fit_tree_enlarge(struct mr_pool *pool, struct mr_pool_index *index, uint32_t head, uint32_t size)
{
    if (pool->fit == MR_FIT_BEST)
        return false;
    struct mr_span *span;
    for (uint32_t at = index->root;; at = at < head ? span->right : span->left) {
        MR_REQUIRE(at != MR_POOL_NONE, "a free span is missing from its tree");
        span = mr_pool_node(pool, at);
        if (span->max < size)
            span->max = size;
        if (at == head)
            break;
    }
    span->size = size | MR_SPAN_FREE;
    return true;
}

/* The first span in key order of at least `units`, in a tree whose max says there is one. */
static uint32_t leftmost(const struct mr_pool *pool, uint32_t at, uint32_t units)
{
    for (;;) {
        const struct mr_span *span = mr_pool_node(pool, at);
        if (max_below(pool, span->left) >= units)
            at = span->left;
        else if (size_of(span) >= units)
            return at;
        else
            at = span->right;
    }
}

/* The first span in key order with key >= from and at least `units`. Going down to `from`, every node
 * left of which the way leads lies behind it with its right subtree; the last of these that can serve
 * is the nearest. */
static uint32_t first_from(const struct mr_pool *pool, const struct mr_pool_index *index, uint64_t from,
                           uint32_t units)
{
    uint32_t hit = MR_POOL_NONE, at = index->root;
    while (max_below(pool, at) >= units) {
        const struct mr_span *span = mr_pool_node(pool, at);
        if (key_of(pool, span, at) < from) {
            at = span->right;
        } else {
            if (size_of(span) >= units || max_below(pool, span->right) >= units)
                hit = at;
            at = span->left;
        }
    }
    if (hit == MR_POOL_NONE || mr_pool_size(pool, hit) >= units)
        return hit;
    return leftmost(pool, mr_pool_node(pool, hit)->right, units);
}

/* Where the fit's search begins. */
static uint64_t origin(const struct mr_pool *pool, uint32_t units)
{
    return pool->fit == MR_FIT_BEST ? (uint64_t)units << 32 : pool->fit == MR_FIT_NEXT ? pool->cursor : 0;
}

/* The span the fit picks for a request without alignment; units <= the largest. */
static uint32_t pick(const struct mr_pool *pool, const struct mr_pool_index *index, uint32_t units)
{
    if (pool->fit == MR_FIT_FIRST)
        return leftmost(pool, index->root, units);
    if (pool->fit == MR_FIT_WORST)
        return leftmost(pool, index->root, max_below(pool, index->root));
    uint32_t hit = first_from(pool, index, origin(pool, units), units);
    return hit == MR_POOL_NONE ? leftmost(pool, index->root, units) : hit;
}

static bool can_hold(const struct mr_pool *pool, uint32_t head, const struct mr_fit_want *want)
{
    return mr_fit_place(pool, head, mr_pool_size(pool, head), want) != MR_POOL_NONE;
}

/* Tries up to `limit` spans of at least want->units in the order of the fit, wrapping round for next. */
static uint32_t probe(const struct mr_pool *pool, const struct mr_pool_index *index,
                      const struct mr_fit_want *want, unsigned limit)
{
    uint64_t from = origin(pool, want->units);
    bool wrap = pool->fit == MR_FIT_NEXT;
    while (limit-- > 0) {
        uint32_t at = first_from(pool, index, from, want->units);
        if (at == MR_POOL_NONE && wrap) {
            wrap = false;
            at = first_from(pool, index, 0, want->units);
        }
        if (at == MR_POOL_NONE || can_hold(pool, at, want))
            return at;
        from = key_of(pool, mr_pool_node(pool, at), at) + 1;
    }
    return MR_POOL_NONE;
}

static uint32_t find_aligned(const struct mr_pool *pool, const struct mr_pool_index *index,
                             const struct mr_fit_want *want, enum mr_fit_effort effort)
{
    uint32_t largest = max_below(pool, index->root);
    if (pool->fit == MR_FIT_WORST) {
        uint32_t at = leftmost(pool, index->root, largest);
        if (can_hold(pool, at, want))
            return at;
    }
    uint32_t at = probe(pool, index, want, effort);
    if (at != MR_POOL_NONE || effort == MR_FIT_THOROUGH)
        return at;
    uint64_t sure = mr_fit_sure_size(pool, want);
    return sure <= largest ? pick(pool, index, (uint32_t)sure) : MR_POOL_NONE;
}

uint32_t mr_fit_tree_find(const struct mr_pool *pool, const struct mr_pool_index *index,
                          const struct mr_fit_want *want, enum mr_fit_effort effort)
{
    if (max_below(pool, index->root) < want->units)
        return MR_POOL_NONE;
    if (want->align > 1)
        return find_aligned(pool, index, want, effort);
    return pick(pool, index, want->units);
}

uint32_t mr_fit_tree_find_stamp(const struct mr_pool *pool, const struct mr_pool_index *index, uint32_t until)
{
    struct path todo;
    todo.depth = 0;
    uint32_t at = index->root;
    while (at != MR_POOL_NONE && mr_pool_stamp(pool, at) > until) {
        const struct mr_span *span = mr_pool_node(pool, at);
        if (span->left == MR_POOL_NONE) {
            at = span->right;
        } else {
            if (span->right != MR_POOL_NONE)
                push(&todo, span->right);
            at = span->left;
        }
        if (at == MR_POOL_NONE && todo.depth > 0)
            at = todo.at[--todo.depth];
    }
    return at;
}

uint32_t mr_fit_tree_largest(const struct mr_pool *pool, const struct mr_pool_index *index)
{
    return max_below(pool, index->root);
}

bool mr_fit_tree_holds(const struct mr_pool *pool, uint32_t head)
{
    const struct mr_span *span = mr_pool_node(pool, head);
    uint32_t at = pool->index[span->stamp != 0].root;
    uint64_t key = key_of(pool, span, head);
    while (at != MR_POOL_NONE && at != head) {
        const struct mr_span *node = mr_pool_node(pool, at);
        at = key_of(pool, node, at) < key ? node->right : node->left;
    }
    return at == head;
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
    if (key_of(pool, span, at) < census->next_key)
        return "the keys of the tree are out of order";
    census->next_key = key_of(pool, span, at) + 1;
    census->spans++;
    why = check_subtree(pool, census, span->right, depth + 1);
    if (why)
        return why;
    bool heap = (span->left == MR_POOL_NONE || priority(pool, span->left) < priority(pool, at)) &&
                (span->right == MR_POOL_NONE || priority(pool, span->right) < priority(pool, at));
    if (!heap)
        return "a child in the tree has priority over its parent";
    return span->max == max_of(pool, span) ? NULL : "a max in the tree is not the largest size below";
}

const char *mr_fit_tree_check(const struct mr_pool *pool, unsigned grade, uint32_t *spans)
{
    struct census census = { .grade = grade };
    const char *why = check_subtree(pool, &census, pool->index[grade].root, 0);
    *spans = census.spans;
    return why;
}
