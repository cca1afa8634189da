/* gc_roots.c: where a program keeps pointers: what it said, its registers and stack, its data segments. */
#include "gc_inside.h"

#include <errno.h>
#include <link.h>

/* ---- by hand ---------------------------------------------------------------------------------------- */

bool memoir_gc_add_root(struct memoir_gc *gc, const void *from, size_t bytes)
{
    struct mr_gc *g = mr_gc_whole(gc);
    if (!from || (uintptr_t)from % 8 != 0 || (uintptr_t)from + bytes < (uintptr_t)from) {
        mr_gc_tell(&g->options, gc, MEMOIR_GC_BAD_REQUEST, from,
                   "a root must begin at a multiple of 8, and not at NULL");
        return false;
    }
    if (mr_gc_is_reentered(g))
        return false;
    if (g->root_count == MR_GC_ROOTS) {
        errno = ENOMEM;
        return false;
    }
    g->roots[g->root_count++] = (struct mr_gc_root){ from, (const char *)from + bytes };
    return true;
}

bool memoir_gc_remove_root(struct memoir_gc *gc, const void *from)
{
    struct mr_gc *g = mr_gc_whole(gc);
    if (mr_gc_is_reentered(g))
        return false;
    for (uint32_t i = g->root_count; i-- > 0;)
        if (g->roots[i].from == from) {
            g->roots[i] = g->roots[--g->root_count];
            return true;
        }
    mr_gc_tell(&g->options, gc, MEMOIR_GC_BAD_REQUEST, from, "no root begins here");
    return false;
}

/* ---- the stack -------------------------------------------------------------------------------------- */

static bool is_between(uintptr_t at, uintptr_t from, uintptr_t to) { return at - from < to - from; }

/* Looks for the mapping that holds the stack pointer: right for the first thread, for others, for coroutines and for
 * alternate stacks alike. Its upper end may lie above the stack's; then more counts as a root. What is found stays
 * right as long as the thread runs, if it is the thread's own stack: the first one's, or glibc's, with the thread's
 * descriptor on top. */
static void find_stack(struct mr_gc *g, const char *sp, struct mr_gc_root *stack, bool *lasts)
{
    enum { TEXT = 16 << 20 };
    char *text = mr_vm_reserve(TEXT, mr_os_page);
    if (text && mr_vm_commit(text, TEXT)) {
        const char *at = text, *end = text + mr_maps_read(text, TEXT);
        for (struct mr_map row; mr_maps_next(&at, end, &row);)
            if (is_between((uintptr_t)sp, row.from, row.to)) {
                *stack = (struct mr_gc_root){ (const char *)row.from, (const char *)row.to };
                *lasts = is_between(mr_thread_self(), row.from, row.to) ||
                         (row.name_len == 7 && memcmp(row.name, "[stack]", 7) == 0);
            }
    }
    mr_vm_release(text, text ? TEXT : 0);
    g->stack = *lasts ? *stack : (struct mr_gc_root){ 0 };
    g->stack_thread = mr_thread_self();
}

MR_NOINLINE static void mark_stack_from_here(struct mr_gc *g)
{
    const char *sp = __builtin_frame_address(0); /* the caller's frame, with its registers, lies above */
    struct mr_gc_root stack = g->stack;
    bool lasts = false;
    if (g->stack_thread != mr_thread_self() || !is_between((uintptr_t)sp, (uintptr_t)stack.from,
                                                           (uintptr_t)stack.to)) {
        stack = (struct mr_gc_root){ sp, sp };
        find_stack(g, sp, &stack, &lasts);
    }
    mr_gc_mark_range(g, sp, stack.to);
}

MR_NOINLINE static void mark_stack(struct mr_gc *g)
{
    __builtin_unwind_init(); /* has this function save all registers that its callers may keep pointers in */
    mark_stack_from_here(g);
    __asm__ volatile("" : : : "memory"); /* no tail call, which would restore them first */
}

/* ---- data ------------------------------------------------------------------------------------------- */

static const char *align_page(uintptr_t at) { return (const char *)mr_align_down(at, mr_os_page); }

/* What became read-only after relocation is left out: whole OS pages from its start on. */
static void mark_segment(struct mr_gc *g, const struct dl_phdr_info *object, const ElfW(Phdr) *segment)
{
    const char *from = (const char *)object->dlpi_addr + segment->p_vaddr, *to = from + segment->p_memsz;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &object->dlpi_phdr[i];
        uintptr_t relro = object->dlpi_addr + p->p_vaddr;
        if (p->p_type == PT_GNU_RELRO && is_between(relro, (uintptr_t)from, (uintptr_t)to)) {
            mr_gc_mark_range(g, from, align_page(relro));
            from = align_page(relro + p->p_memsz);
        }
    }
    mr_gc_mark_range(g, from, to);
}

static int mark_loaded_object(struct dl_phdr_info *object, size_t size, void *gc)
{
    struct mr_gc *g = gc;
    bool data = (g->options.flags & MEMOIR_GC_NO_DATA) == 0, own = (g->options.flags & MEMOIR_GC_NO_STACK) == 0;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &object->dlpi_phdr[i];
        if (p->p_type == PT_LOAD && p->p_flags & PF_W && data)
            mark_segment(g, object, p);
        if (p->p_type == PT_TLS && own && size >= sizeof *object && object->dlpi_tls_data)
            mr_gc_mark_range(g, object->dlpi_tls_data, (const char *)object->dlpi_tls_data + p->p_memsz);
    }
    return 0;
}

/* ---- all of them ------------------------------------------------------------------------------------ */

void mr_gc_roots_mark(struct mr_gc *g)
{
    for (uint32_t i = 0; i < g->root_count; i++)
        mr_gc_mark_range(g, g->roots[i].from, g->roots[i].to);
    if (g->finalizing)
        mr_gc_mark_object(g, g->finalizing);
    if (!(g->options.flags & MEMOIR_GC_NO_STACK))
        mark_stack(g);
    if ((g->options.flags & (MEMOIR_GC_NO_DATA | MEMOIR_GC_NO_STACK)) != (MEMOIR_GC_NO_DATA | MEMOIR_GC_NO_STACK))
        dl_iterate_phdr(mark_loaded_object, g);
}
