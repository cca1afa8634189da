/* story_leaks [lines]: shapes of leaks, each in a function of its own, left as they are until the end. With `lines` it
 * prints what memoir must say of each: function, line, class and blocks. */
#include "leaks.h"
#include "plugin.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>

static struct shape {
    const char *function, *kind;
    int line, blocks;
} shapes[64];
static size_t shape_count;

/* The line on which it stands allocates so many blocks, which are of that kind in the end. */
#define AT(kind_, blocks_) (shapes[shape_count++] = shape{ __func__, #kind_, __LINE__, blocks_ })

struct node {
    struct node *next, *other;
    char payload[40];
};

static void *blank(void *p, size_t size) { return memset(p, 0, size); }
static struct node *blank_node(void *p) { return (struct node *)blank(p, sizeof(struct node)); }

/* ---- lost --------------------------------------------------------------------------------------------------- */

static void *volatile passing;

static void lose(void *p)
{
    passing = p;
    passing = NULL;
}

APART void direct() { lose(blank(malloc(40), 40)), AT(definitely_lost, 1); }
APART void many() { for (int i = 0; i < 9; i++) lose(blank(malloc(70), 70)); AT(definitely_lost, 9); }
APART void large() { lose(blank(malloc(300000), 300000)), AT(definitely_lost, 1); }
APART void zero_size() { lose(malloc(0)), AT(definitely_lost, 1); }
APART void cleared() { lose(calloc(3, 50)), AT(definitely_lost, 1); }
APART void aligned() { lose(blank(aligned_alloc(256, 512), 512)), AT(definitely_lost, 1); }
APART void grown() { lose(blank(realloc(malloc(10), 5000), 5000)), AT(definitely_lost, 1); }
APART void duplicated() { lose(strdup("a text that is lost")), AT(definitely_lost, 1); }
APART void by_new() { lose(new int(7)), AT(definitely_lost, 1); }
APART void by_new_array() { lose(blank(new char[90], 90)), AT(definitely_lost, 1); }
APART void to_itself() { struct node *n = blank_node(malloc(sizeof *n)); AT(definitely_lost, 1), lose(n->next = n); }

APART void formatted()
{
    char *text;
    EXPECT(asprintf(&text, "%0100d", 7) == 100); AT(definitely_lost, 1);
    lose(text);
    text = NULL;
}

APART struct node *rest_of_list(struct node *next)
{
    struct node *n = blank_node(malloc(sizeof *n)); if (!next) AT(indirectly_lost, 20);
    n->next = next;
    return n;
}

APART void head_of_list()
{
    struct node *list = NULL;
    for (int i = 0; i < 20; i++)
        list = rest_of_list(list);
    struct node *head = blank_node(malloc(sizeof *head)); AT(definitely_lost, 1);
    head->next = list;
    lose(head);
}

static uintptr_t volatile masked;
APART void masked_by_xor() { masked = (uintptr_t)blank(malloc(56), 56) ^ 0x5555555555555555u, AT(definitely_lost, 1); }

static char *volatile past;
APART void one_past_the_end() { past = (char *)blank(malloc(81920), 81920) + 81920, AT(definitely_lost, 1); }

APART void *in_a_thread(void *arg) { return lose(blank(malloc(33), 33)), AT(definitely_lost, 1), wipe(), arg; }

static void by_an_ended_thread()
{
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, in_a_thread, NULL) == 0 && pthread_join(thread, NULL) == 0);
}

__attribute__((constructor)) APART void by_a_constructor() { lose(blank(malloc(72), 72)), AT(definitely_lost, 1); }

static void by_a_closed_library()
{
    void *plugin = plugin_open("story_lost", RTLD_NOW);
    int line = ((int (*)(void))plugin_find(plugin, "story_lost"))();
    shapes[shape_count++] = shape{ "story_lost", "definitely_lost", line, 1 };
    EXPECT(dlclose(plugin) == 0);
}

/* ---- possibly lost -------------------------------------------------------------------------------------------- */

static char *volatile inside;
APART void by_its_middle() { inside = (char *)blank(malloc(200), 200) + 33, AT(possibly_lost, 1); }

/* ---- held -------------------------------------------------------------------------------------------------------- */

void *story_global;
static void *volatile story_static;
static __thread void *volatile story_local;
static void **mapped;

APART void by_a_global() { story_global = blank(malloc(24), 24), AT(still_reachable, 1); }
APART void by_a_static() { story_static = blank(malloc(25), 25), AT(still_reachable, 1); }
APART void by_a_thread_local() { story_local = blank(malloc(26), 26), AT(still_reachable, 1); }
APART void *by_the_stack() { void *p = blank(malloc(27), 27); AT(still_reachable, 1); return p; }

APART void by_mapped_memory()
{
    mapped = (void **)mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mapped[700] = blank(malloc(28), 28), AT(still_reachable, 1);
    mapped = NULL;
}

struct counted {
    long value[3];
    ~counted() { value[0] = 0; }
};
static struct counted *volatile story_array;
APART void behind_a_cookie() { story_array = new counted[5](), AT(still_reachable, 1); }

struct first {
    long a = 1;
    virtual ~first() {}
};
struct second {
    long b = 2;
    virtual ~second() {}
};
struct both : first, second {
    long c = 3;
};
static struct second *volatile story_second;
APART void by_its_second_base() { story_second = new both, AT(still_reachable, 1); }

/* ---- a fork child: a report of its own ---------------------------------------------------------------------------- */

APART void in_a_fork_child() { lose(blank(malloc(66), 66)), AT(definitely_lost, 1); }

static void fork_a_child(bool for_lines)
{
    pid_t child = for_lines ? 0 : fork();
    if (child == 0)
        in_a_fork_child();
    if (child == 0 && !for_lines)
        wipe(), exit(0);
    if (!for_lines)
        waitpid(child, NULL, 0);
}

static void print_lines()
{
    char text[128];
    for (size_t i = 0; i < shape_count; i++)
        expect_write(1, text, (size_t)snprintf(text, sizeof text, "%s %d %s %d\n", shapes[i].function, shapes[i].line,
                                               shapes[i].kind, shapes[i].blocks));
}

int main(int argc, char **)
{
    static void (*const makers[])() = {
        direct, many, large, zero_size, cleared, aligned, grown, duplicated, by_new, by_new_array, to_itself, formatted,
        head_of_list, masked_by_xor, one_past_the_end, by_an_ended_thread, by_a_closed_library, by_its_middle, by_a_global,
        by_a_static, by_a_thread_local, by_mapped_memory, behind_a_cookie, by_its_second_base,
    };
    for (size_t i = 0; i < COUNT(makers); i++)
        makers[i](), wipe();
    void *volatile here = by_the_stack();
    wipe();
    fork_a_child(argc > 1);
    if (argc > 1)
        print_lines();
    wipe();
    exit(here ? 0 : 1); /* while main's frame, and what it holds, is there */
}
