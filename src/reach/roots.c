/* roots.c: which memory of the process may hold its pointers. */
#include <string.h>

#include "reach.h"

enum { TEXT_CAP = 16 << 20, RANGES = 1 << 16, EXCLUDED = 1 << 16, VECTORS = 1 << 15, RED_ZONE = 128 };

/* A mapping this long is no memory of the program's but somebody's table of all addresses (a sanitizer's shadow):
 * finding out which of its OS pages exist would take minutes. */
static const uintptr_t TOO_LONG = (uintptr_t)1 << 40;

/* ---- memory -------------------------------------------------------------------------------------------- */

static bool take_memory(struct mr_roots *roots)
{
    size_t constants = RANGES * sizeof *roots->constants, excluded = EXCLUDED * sizeof *roots->excluded;
    roots->bytes = RANGES * sizeof *roots->roots + constants + excluded + VECTORS * sizeof *roots->vectors + TEXT_CAP;
    roots->memory = mr_vm_reserve(roots->bytes, mr_os_page);
    if (!roots->memory || !mr_vm_commit(roots->memory, roots->bytes))
        return false;
    roots->roots = roots->memory;
    roots->constants = (struct mr_range *)(roots->roots + RANGES);
    roots->excluded = roots->constants + RANGES;
    roots->vectors = (uintptr_t *)(roots->excluded + EXCLUDED);
    roots->text = (char *)(roots->vectors + VECTORS);
    return true;
}

void mr_roots_release(struct mr_roots *roots)
{
    mr_vm_release(roots->memory, roots->memory ? roots->bytes : 0);
    *roots = (struct mr_roots){ 0 };
}

static void exclude(struct mr_roots *roots, uintptr_t from, uintptr_t to)
{
    if (from < to && roots->excluded_count < EXCLUDED)
        roots->excluded[roots->excluded_count++] = (struct mr_range){ from, to };
}

static void add(struct mr_roots *roots, uintptr_t from, uintptr_t to, bool own)
{
    if (from >= to)
        return;
    if (roots->count < RANGES)
        roots->roots[roots->count++] = (struct mr_root){ from, to, own };
    else
        roots->cut = true;
}

/* ---- mappings ---------------------------------------------------------------------------------------------- */

static bool name_is(const struct mr_map *row, const char *name)
{
    return row->name_len == strlen(name) && memcmp(row->name, name, row->name_len) == 0;
}

static bool name_begins(const struct mr_map *row, const char *name)
{
    return row->name_len >= strlen(name) && memcmp(row->name, name, strlen(name)) == 0;
}

/* Reading a device may do something, and what the kernel shares with us holds no pointers of ours. */
static bool is_device(const struct mr_map *row)
{
    return name_is(row, "[vvar]") || name_is(row, "[vdso]") || name_is(row, "[vsyscall]") || name_is(row, "[vvar_vclock]") ||
           name_begins(row, "anon_inode:") ||
           (name_begins(row, "/dev/") && !name_begins(row, "/dev/shm/") && !name_begins(row, "/dev/zero"));
}

static bool is_root(const struct mr_map *row)
{
    return row->readable && !is_device(row) && row->to - row->from < TOO_LONG &&
           (row->writable || (!row->shared && !row->executable));
}

static bool is_constant(const struct mr_map *row)
{
    return row->readable && !row->writable && !row->shared && row->name_len > 0 && row->name[0] == '/';
}

/* ---- stacks -------------------------------------------------------------------------------------------------
 *
 *   | no access | dead part | live part | static TLS | struct pthread |        a stack glibc made
 *   ^ guard                 ^ sp                      ^ self: a word that holds its own address
 *
 * The part below sp is dead if this is the stack of the thread, and its only one: a guard below, its self
 * above, in the same mapping, and no other thread's sp or self between. Otherwise (coroutines,
 * alternate stacks, stacks of the program's own making) all of the mapping counts: to look at too much
 * hides a leak, to look at too little invents one. */

struct stacks {
    struct mr_roots *roots;
    const struct mr_world *world;
    const struct mr_reach_self *self;
    size_t tid_at; /* where struct pthread keeps the thread id, from self on; 0: not known */
};

static bool is_between(uintptr_t at, uintptr_t from, uintptr_t to) { return at - from < to - from; }

static bool is_alone(const struct stacks *s, const struct mr_reach_self *thread, uintptr_t from, uintptr_t to)
{
    const struct mr_reach_self *self = s->self;
    if (self != thread && (is_between(self->sp, from, to) || is_between(self->self, from, to)))
        return false;
    for (uint32_t i = 0; i < s->world->count; i++) {
        const struct mr_world_thread *t = &s->world->threads[i];
        if (t->state == MR_WORLD_STOPPED && t->self != thread->self &&
            (is_between(t->sp, from, to) || is_between(t->self, from, to)))
            return false;
    }
    return true;
}

/* What is interrupted may use the red zone. The caller's function has called us: there lie our own frames. */
static void exclude_dead_part(struct stacks *s, const struct mr_map *row, bool guarded, const struct mr_reach_self *thread)
{
    bool main_stack = name_is(row, "[stack]");
    bool own = main_stack || (guarded && is_between(thread->self, thread->sp, row->to));
    uintptr_t live = mr_align_down(thread->sp - (thread == s->self ? 0 : RED_ZONE), sizeof(uintptr_t));
    if (own && is_alone(s, thread, row->from, thread->sp))
        exclude(s->roots, row->from, mr_max(live, row->from));
}

/* The offset of the id in the calling thread's own struct pthread, which is the same in all. */
MR_NO_SANITIZE static size_t find_tid(uintptr_t self, int32_t tid)
{
    size_t found = 0;
#if defined(__x86_64__)
    enum { FROM = 0x100, TO = 0x700 };
    for (size_t at = FROM; at < TO; at += sizeof tid)
        if (*(const int32_t *)(self + at) == tid) {
            if (found)
                return 0;
            found = at;
        }
#else
    (void)self, (void)tid;
#endif
    return found;
}

/* A thread that has ended has the id 0, once it was joined -1; its stack waits in glibc's cache for the next thread,
 * and so do its thread-local blocks. The header at its top is looked for where glibc puts it, within an OS page or
 * two:
 *
 *   self | vector of thread-local blocks | self | ...                  x86-64 psABI, and glibc's tcbhead */
MR_NO_SANITIZE static void exclude_ended(struct stacks *s, const struct mr_map *row)
{
    enum { TOP = 16 << 10, STEP = 64, PTHREAD = 0x700 };
    uintptr_t from = row->to - row->from > TOP ? row->to - TOP : row->from;
    for (uintptr_t at = row->to - PTHREAD; s->tid_at && at >= from && at < row->to; at -= STEP) {
        const uintptr_t *header = (const uintptr_t *)at;
        if (header[0] != at || header[2] != at)
            continue;
        if (*(const int32_t *)(at + s->tid_at) <= 0) {
            exclude(s->roots, row->from, at + 2 * sizeof *header);
            if (s->roots->vector_count < VECTORS)
                s->roots->vectors[s->roots->vector_count++] = header[1];
        }
        return;
    }
}

static bool is_anonymous(const struct mr_map *row)
{
    return row->readable && row->writable && !row->shared && (row->name_len == 0 || row->name[0] == '[');
}

static void look_at_stack(struct stacks *s, const struct mr_map *row, bool guarded)
{
    if (!is_anonymous(row))
        return;
    if (is_between(s->self->sp, row->from, row->to))
        exclude_dead_part(s, row, guarded, s->self);
    for (uint32_t i = 0; i < s->world->count; i++) {
        const struct mr_world_thread *t = &s->world->threads[i];
        struct mr_reach_self thread = { t->sp, t->self, t->tid };
        if (t->state == MR_WORLD_STOPPED && is_between(t->sp, row->from, row->to))
            exclude_dead_part(s, row, guarded, &thread);
    }
    if (guarded)
        exclude_ended(s, row);
}

/* ---- all of it -------------------------------------------------------------------------------------------------- */

static bool comes_first(const void *a, const void *b)
{
    return ((const struct mr_range *)a)->from < ((const struct mr_range *)b)->from;
}

/* What is left of a mapping. The excluded ranges ascend by their beginnings, as the mappings do. */
static void add_rest(struct mr_roots *roots, const struct mr_map *row, size_t *next)
{
    uintptr_t from = row->from;
    while (*next < roots->excluded_count && roots->excluded[*next].to <= row->from)
        ++*next;
    for (size_t i = *next; i < roots->excluded_count && roots->excluded[i].from < row->to; i++) {
        add(roots, from, roots->excluded[i].from, !row->shared);
        from = mr_max(from, roots->excluded[i].to);
    }
    add(roots, from, row->to, !row->shared);
}

static void read_stacks(struct stacks *s, const char *end)
{
    struct mr_map row, before = { 0 };
    for (const char *at = s->roots->text; mr_maps_next(&at, end, &row); before = row)
        look_at_stack(s, &row, before.to == row.from && !before.readable && !before.writable);
}

static void read_mappings(struct mr_roots *roots, const char *end)
{
    struct mr_map row;
    size_t next = 0;
    for (const char *at = roots->text; mr_maps_next(&at, end, &row);) {
        if (is_constant(&row) && roots->constant_count < RANGES)
            roots->constants[roots->constant_count++] = (struct mr_range){ row.from, row.to };
        if (is_root(&row))
            add_rest(roots, &row, &next);
    }
}

/* The kernel saved them below the stack pointer, in what counts as dead. */
static void add_registers(struct mr_roots *roots, const struct mr_world *world)
{
    for (uint32_t i = 0; i < world->count; i++) {
        const struct mr_world_thread *t = &world->threads[i];
        if (t->state != MR_WORLD_STOPPED)
            continue;
        add(roots, (uintptr_t)t->registers, (uintptr_t)t->registers + t->register_bytes, false);
        add(roots, (uintptr_t)t->more_registers, (uintptr_t)t->more_registers + t->more_bytes, false);
    }
}

const char *mr_roots_collect(struct mr_roots *roots, const struct mr_world *world, const struct mr_reach_self *self,
                             const struct mr_range *excluded, size_t excluded_count)
{
    *roots = (struct mr_roots){ 0 };
    if (!take_memory(roots))
        return "there is no memory for the list of mappings";
    size_t len = mr_maps_read(roots->text, TEXT_CAP);
    if (len == 0)
        return "/proc/self/maps cannot be read";
    struct stacks stacks = { roots, world, self, find_tid(self->self, self->tid) };
    read_stacks(&stacks, roots->text + len);
    for (size_t i = 0; i < excluded_count; i++)
        exclude(roots, excluded[i].from, excluded[i].to);
    exclude(roots, (uintptr_t)roots->memory, (uintptr_t)roots->memory + roots->bytes);
    mr_sort(roots->excluded, roots->excluded_count, sizeof *roots->excluded, comes_first);
    read_mappings(roots, roots->text + len);
    add_registers(roots, world);
    return NULL;
}
