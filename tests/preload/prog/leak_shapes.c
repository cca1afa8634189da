/* leak_shapes: how blocks are lost, and how they are held. Each case makes one shape and asks for its class. */
#include "leaks.h"
#include "plugin.h"

#include <sys/mman.h>
#include <sys/wait.h>

void __lsan_ignore_object(const void *p) __attribute__((weak));
void __lsan_register_root_region(const void *at, size_t bytes) __attribute__((weak));
void __lsan_unregister_root_region(const void *at, size_t bytes) __attribute__((weak));
int __lsan_do_recoverable_leak_check(void) __attribute__((weak));
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

struct node {
    struct node *left, *right;
    char payload[48];
};

static struct node *node(struct node *left, struct node *right)
{
    struct node *n = blank_block(calloc(1, sizeof *n));
    n->left = left;
    n->right = right;
    return n;
}

/* ---- lost ------------------------------------------------------------------------------------------------- */

APART hidden lose(size_t size) { return hide(blank(size)); }

static void direct(void)
{
    hidden small = lose(40), medium = lose(3000), wide = lose(20000), large = lose(300000);
    leaks_ask();
    EXPECT_KIND(small, DEFINITE);
    EXPECT_KIND(medium, DEFINITE);
    EXPECT_KIND(wide, DEFINITE);
    EXPECT_KIND(large, DEFINITE);
}

static void zero_size(void)
{
    hidden none = lose(0);
    leaks_ask();
    EXPECT_KIND(none, DEFINITE);
}

APART void make_list(hidden *nodes, size_t count)
{
    struct node *next = NULL;
    for (size_t i = count; i-- > 0;)
        nodes[i] = hide(next = node(next, NULL));
}

static void list(void)
{
    hidden nodes[100];
    make_list(nodes, 100);
    leaks_ask();
    EXPECT_KIND(nodes[0], DEFINITE);
    for (size_t i = 1; i < 100; i++)
        EXPECT_HELD(nodes[i], nodes[0]);
}

APART void make_tree(hidden *nodes)
{
    struct node *inner[2] = { node(node(NULL, NULL), node(NULL, NULL)), node(NULL, node(NULL, NULL)) };
    struct node *root = node(inner[0], inner[1]);
    nodes[0] = hide(root);
    nodes[1] = hide(inner[0]);
    nodes[2] = hide(inner[1]);
    nodes[3] = hide(inner[0]->left);
    nodes[4] = hide(inner[1]->right);
}

static void tree(void)
{
    hidden nodes[5];
    make_tree(nodes);
    leaks_ask();
    EXPECT_KIND(nodes[0], DEFINITE);
    for (size_t i = 1; i < 5; i++)
        EXPECT_HELD(nodes[i], nodes[0]);
}

APART void make_cycle(hidden *nodes, struct node *tail)
{
    struct node *a = node(NULL, NULL), *b = node(a, NULL), *c = node(b, NULL);
    a->left = c;
    a->right = tail;
    nodes[0] = hide(a);
    nodes[1] = hide(b);
    nodes[2] = hide(c);
}

static size_t count_kind(const hidden *nodes, size_t n, enum memoir_leak_kind kind)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += leaks_find(nodes[i])->kind == kind;
    return count;
}

static void cycle(void)
{
    hidden nodes[3];
    make_cycle(nodes, NULL);
    leaks_ask();
    EXPECT(count_kind(nodes, 3, DEFINITE) == 1);
    EXPECT(count_kind(nodes, 3, INDIRECT) == 2);
}

/* A cycle that a lost block leads to, and a block both lead to: one head. */
APART hidden make_rho(hidden *nodes, hidden *tail)
{
    struct node *last = node(NULL, NULL);
    *tail = hide(last);
    make_cycle(nodes, last);
    return hide(node(show(nodes[1]), NULL));
}

static void cycle_behind_a_head(void)
{
    hidden nodes[3], tail, head = make_rho(nodes, &tail);
    leaks_ask();
    EXPECT_KIND(head, DEFINITE);
    for (size_t i = 0; i < 3; i++)
        EXPECT_HELD(nodes[i], head);
    EXPECT_HELD(tail, head);
}

APART hidden make_itself(void)
{
    struct node *n = node(NULL, NULL);
    n->left = n;
    return hide(n);
}

static void pointing_to_itself(void)
{
    hidden alone = make_itself();
    leaks_ask();
    EXPECT_KIND(alone, DEFINITE);
}

APART hidden make_grown(hidden *before)
{
    void *p = blank(100);
    *before = hide(p);
    return hide(realloc(p, 50000));
}

static void after_realloc(void)
{
    hidden before, grown = make_grown(&before);
    leaks_ask();
    EXPECT_KIND(grown, DEFINITE);
    EXPECT(!leaks_find(before) || leaks_find(before)->kind != INDIRECT);
}

APART void make_strings(hidden *text)
{
    char *formatted, *line = NULL;
    size_t size = 0;
    FILE *file = fopen("/proc/self/status", "r");
    EXPECT(asprintf(&formatted, "%0100d", 7) == 100);
    EXPECT(getline(&line, &size, file) > 0);
    fclose(file);
    text[0] = hide(strdup("a text that is lost"));
    text[1] = hide(formatted);
    text[2] = hide(line);
    formatted = line = NULL;
}

static void by_the_library(void)
{
    hidden text[3];
    make_strings(text);
    leaks_ask();
    EXPECT_KIND(text[0], DEFINITE);
    EXPECT_KIND(text[1], DEFINITE);
    EXPECT_KIND(text[2], DEFINITE);
}

APART void make_aligned(hidden *blocks)
{
    void *p = NULL;
    EXPECT(posix_memalign(&p, 256, 700) == 0);
    blocks[0] = hide(memset(aligned_alloc(64, 128), 0, 128));
    blocks[1] = hide(memset(p, 0, 700));
    blocks[2] = hide(memset(aligned_alloc(1 << 20, 100), 0, 100));
}

static void aligned(void)
{
    hidden blocks[3];
    make_aligned(blocks);
    leaks_ask();
    for (size_t i = 0; i < 3; i++)
        EXPECT_KIND(blocks[i], DEFINITE);
}

static hidden from_constructor;
__attribute__((constructor)) static void before_main(void)
{
    from_constructor = lose(72);
    wipe();
}

static void by_a_constructor(void)
{
    leaks_ask();
    EXPECT_KIND(from_constructor, DEFINITE);
}

static void in_a_closed_library(void)
{
    void *plugin = plugin_open("leak_plugin", RTLD_NOW);
    uintptr_t (*hold)(size_t) = (uintptr_t (*)(size_t))plugin_find(plugin, "plugin_hold");
    hidden held = hold(88);
    leaks_ask();
    EXPECT_KIND(held, REACHABLE);
    EXPECT(dlclose(plugin) == 0);
    leaks_ask();
    EXPECT_KIND(held, DEFINITE);
}

APART hidden make_xored(void)
{
    static volatile uintptr_t kept __attribute__((unused));
    void *p = blank(56);
    kept = (uintptr_t)p ^ 0x5555555555555555u;
    return hide(p);
}

static void hidden_by_the_program(void)
{
    hidden xored = make_xored();
    leaks_ask();
    EXPECT_KIND(xored, DEFINITE);
}

static void *volatile kept_dangling;

APART hidden make_behind_freed(void)
{
    struct node *holder = node(NULL, NULL);
    holder->right = node(NULL, NULL);
    hidden held = hide(holder->right);
    kept_dangling = holder;
    free(holder);
    return held;
}

/* Of no class, wherever it waits to be used again. */
static void what_was_freed(void)
{
    leaks_ask();
    size_t before = leaks_count;
    hidden blocks[] = { lose(40), lose(3000), lose(300000) };
    leaks_ask();
    EXPECT(leaks_count == before + COUNT(blocks));
    for (size_t i = 0; i < COUNT(blocks); i++)
        free(show(blocks[i]));
    leaks_ask();
    EXPECT_SAY(leaks_count == before, "%zu blocks more are in use", leaks_count - before);
}

static void held_by_a_freed_block(void)
{
    hidden held = make_behind_freed();
    leaks_ask();
    EXPECT_KIND(held, DEFINITE);
    kept_dangling = NULL;
}

static char *volatile kept_end;

/* 80 KiB: usable to the last byte, and nothing begins behind it. */
static void one_past_the_end(void)
{
    enum { BYTES = 20 * 4096 };
    hidden block = lose(BYTES);
    kept_end = (char *)show(block) + BYTES;
    leaks_ask();
    if (leaks_find(block)->size == BYTES)
        EXPECT_KIND(block, DEFINITE);
    kept_end = (char *)show(block) + BYTES - 1;
    leaks_ask();
    EXPECT_KIND(block, POSSIBLE);
    kept_end = NULL;
}

/* ---- held -------------------------------------------------------------------------------------------------------- */

static char *volatile kept_inside;

APART hidden make_inside(hidden *child)
{
    struct node *n = node(NULL, NULL);
    n->right = node(NULL, NULL);
    *child = hide(n->right);
    kept_inside = n->payload + 11;
    return hide(n);
}

static void by_its_middle(void)
{
    hidden child, block = make_inside(&child);
    leaks_ask();
    EXPECT_KIND(block, POSSIBLE);
    EXPECT_KIND(child, POSSIBLE);
    kept_inside = NULL;
}

void *kept_global;
static void *volatile kept_static;
static __thread void *volatile kept_local;

APART hidden make_held(void *volatile *holder, size_t size)
{
    *holder = blank(size);
    return hide(*holder);
}

static void by_globals(void)
{
    hidden global = make_held(&kept_global, 24), own = make_held(&kept_static, 25), local = make_held(&kept_local, 26);
    leaks_ask();
    EXPECT_KIND(global, REACHABLE);
    EXPECT_KIND(own, REACHABLE);
    EXPECT_KIND(local, REACHABLE);
    kept_global = kept_static = kept_local = NULL;
    leaks_ask();
    EXPECT_KIND(global, DEFINITE);
    EXPECT_KIND(own, DEFINITE);
    EXPECT_KIND(local, DEFINITE);
}

static void in_a_fork_child(void)
{
    static void *volatile kept;
    hidden before = make_held(&kept, 77);
    EXPECT(kept);
    pid_t child = fork();
    if (child == 0) {
        hidden own = lose(66);
        kept = NULL;
        leaks_ask();
        EXPECT_KIND(own, DEFINITE);
        EXPECT_KIND(before, DEFINITE);
        _exit(0);
    }
    int status;
    EXPECT(waitpid(child, &status, 0) == child && status == 0);
    leaks_ask();
    EXPECT_KIND(before, REACHABLE);
}

static void by_the_stack(void)
{
    void *volatile here;
    hidden block = make_held(&here, 33);
    leaks_ask();
    EXPECT_KIND(block, REACHABLE);
    here = NULL;
    leaks_ask();
    EXPECT_KIND(block, DEFINITE);
}

static void by_a_chain(void)
{
    hidden nodes[10];
    make_list(nodes, 10);
    kept_static = show(nodes[0]);
    leaks_ask();
    for (size_t i = 0; i < 10; i++)
        EXPECT_KIND(nodes[i], REACHABLE);
    kept_static = NULL;
}

static void *map(size_t bytes, int flags, int fd)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, fd, 0);
    EXPECT(p != MAP_FAILED);
    return p;
}

static void expect_held_in(void *volatile *place)
{
    hidden block = make_held(place, 200);
    leaks_ask();
    EXPECT_KIND(block, REACHABLE);
    *place = NULL;
    leaks_ask();
    EXPECT_KIND(block, DEFINITE);
}

static void by_mapped_memory(void)
{
    int fd = memfd_create("memory", 0);
    EXPECT(fd >= 0 && ftruncate(fd, 1 << 20) == 0);
    expect_held_in(map(4096, MAP_PRIVATE | MAP_ANONYMOUS, -1));
    expect_held_in((void **)map(1 << 20, MAP_PRIVATE | MAP_ANONYMOUS, -1) + 70000);
    expect_held_in((void **)map(1 << 20, MAP_SHARED | MAP_ANONYMOUS, -1) + 70000);
    expect_held_in((void **)map(1 << 20, MAP_SHARED, fd) + 70000);
    expect_held_in((void **)map(1 << 20, MAP_PRIVATE, fd) + 70000);
}

/* Memory nobody ever touched costs nothing to look through. */
static void by_sparse_memory(void)
{
    size_t bytes = (size_t)64 << 30;
    char *sparse = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (sparse == MAP_FAILED)
        SKIP("no address space");
    expect_held_in((void **)(sparse + bytes / 2));
    munmap(sparse, bytes);
}

static void by_memory_made_constant(void)
{
    void **place = map(4096, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    hidden block = make_held(place, 300);
    EXPECT(mprotect(place, 4096, PROT_READ) == 0);
    leaks_ask();
    EXPECT_KIND(block, REACHABLE);
    EXPECT(munmap(place, 4096) == 0);
    leaks_ask();
    EXPECT_KIND(block, DEFINITE);
}

/* A page of a block that cannot be read: what lies behind it still counts. */
static void by_a_block_with_a_hole(void)
{
    char *block = aligned_alloc(4096, 64 << 10);
    void **before = (void **)(block + 8), **behind = (void **)(block + (60 << 10));
    hidden first = make_held(before, 90), last = make_held(behind, 91);
    EXPECT(mprotect(block + 4096, 4096, PROT_NONE) == 0);
    kept_static = block;
    leaks_ask();
    EXPECT_KIND(first, REACHABLE);
    EXPECT_KIND(last, REACHABLE);
    EXPECT(mprotect(block + 4096, 4096, PROT_READ | PROT_WRITE) == 0);
    *before = *behind = NULL;
    free(block);
    kept_static = NULL;
}

static void by_a_file_cut_short(void)
{
    int fd = memfd_create("short", 0);
    EXPECT(fd >= 0 && ftruncate(fd, 8192) == 0);
    void **place = map(8192, MAP_SHARED, fd);
    hidden block = make_held(place, 44);
    EXPECT(ftruncate(fd, 4096) == 0);
    leaks_ask();
    EXPECT_KIND(block, REACHABLE);
    munmap(place, 8192);
}

/* Home-made alignment, a length in front, a count in front. */
APART hidden make_prefixed(size_t offset, uintptr_t (*prefix)(void *block))
{
    char *p = malloc(200);
    memset(p, 0xee, 200);
    kept_inside = p + offset;
    *(uintptr_t *)(kept_inside - 8) = prefix(p);
    return hide(p);
}

static uintptr_t the_block(void *block) { return (uintptr_t)block; }
static uintptr_t the_length(void *block) { return block ? 192 : 0; }
static uintptr_t twelve_elements(void *block) { return block ? 12 : 0; }

static void behind_a_prefix(void)
{
    hidden wrapped = make_prefixed(64, the_block);
    leaks_ask();
    EXPECT_KIND(wrapped, REACHABLE);
    hidden counted = make_prefixed(8, the_length);
    leaks_ask();
    EXPECT_KIND(counted, REACHABLE);
    hidden array = make_prefixed(8, twelve_elements);
    leaks_ask();
    EXPECT_KIND(array, REACHABLE);
    kept_inside = NULL;
}

/* ---- what the program says ------------------------------------------------------------------------------------ */

static void ignored(void)
{
    hidden nodes[4];
    make_list(nodes, 4);
    __lsan_ignore_object((char *)show(nodes[0]) + 3);
    leaks_ask();
    for (size_t i = 0; i < 4; i++)
        EXPECT_KIND(nodes[i], REACHABLE);
}

/* The call stack remembers it: nobody does unless all of them are recorded. Whether one that is sampled does is chance. */
static void while_disabled(void)
{
    const char *trace = getenv("MEMOIR_TRACE");
    bool traced = trace && strcmp(trace, "full") == 0, sampled = trace && strcmp(trace, "sample") == 0;
    __lsan_disable();
    hidden quiet = lose(51);
    __lsan_enable();
    hidden loud = lose(52);
    leaks_ask();
    if (!sampled)
        EXPECT_KIND(quiet, traced ? REACHABLE : DEFINITE);
    EXPECT_KIND(loud, DEFINITE);
}

APART hidden make_region(size_t size, hidden *held)
{
    void **region = blank(size);
    region[20] = blank(50);
    *held = hide(region[20]);
    __lsan_register_root_region(region, size);
    return hide(region);
}

APART void withdraw(hidden region, size_t size) { __lsan_unregister_root_region(show(region), size); }

static void root_region(void)
{
    hidden held, region = make_region(1000, &held);
    leaks_ask();
    EXPECT_KIND(held, REACHABLE);
    EXPECT_KIND(region, DEFINITE);
    withdraw(region, 1000);
    leaks_ask();
    EXPECT_HELD(held, region);
}

/* ---- the whole ---------------------------------------------------------------------------------------------------- */

static void sums(void)
{
    struct memoir_leak_sum sum[MEMOIR_LEAK_KINDS] = { { 0, 0 } };
    struct memoir_leaks leaks;
    hidden lost = lose(1234);
    leaks_ask();
    EXPECT_KIND(lost, DEFINITE);
    EXPECT(leaks_sums.doubt == NULL);
    for (size_t i = 0; i < leaks_count; i++) {
        sum[leaks_found[i].kind].blocks++;
        sum[leaks_found[i].kind].bytes += leaks_found[i].size;
    }
    EXPECT(memcmp(sum, leaks_sums.kinds, sizeof sum) == 0);
    EXPECT(memoir_leak_check(&leaks, NULL, NULL) == sum[DEFINITE].bytes + sum[INDIRECT].bytes);
}

/* The first case: one block, the constructor's. */
static void nothing_is_lost_yet(void)
{
    leaks_ask();
    EXPECT(leaks_sums.kinds[DEFINITE].blocks == 1 && leaks_sums.kinds[INDIRECT].blocks == 0);
    EXPECT(leaks_sums.kinds[POSSIBLE].blocks == 0);
}

EXPECT_MAIN(CASE(nothing_is_lost_yet), CASE(direct), CASE(zero_size), CASE(list), CASE(tree), CASE(cycle), CASE(cycle_behind_a_head),
            CASE(pointing_to_itself), CASE(after_realloc), CASE(by_the_library), CASE(aligned), CASE(by_a_constructor),
            CASE(in_a_closed_library), CASE(in_a_fork_child), CASE(hidden_by_the_program), CASE(what_was_freed),
            CASE(held_by_a_freed_block), CASE(one_past_the_end), CASE(by_its_middle), CASE(by_globals), CASE(by_the_stack),
            CASE(by_a_chain), CASE(by_mapped_memory), CASE(by_sparse_memory), CASE(by_memory_made_constant), CASE(by_a_block_with_a_hole),
            CASE(by_a_file_cut_short), CASE(behind_a_prefix), CASE(ignored), CASE(while_disabled), CASE(root_region), CASE(sums))
