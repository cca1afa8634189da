/* slots.c: calls between objects, led elsewhere.
 *
 * An object calls what it imports through words of its own, its slots, which the dynamic linker fills in; some lie
 * in memory that is read-only afterwards. The list of objects is walked under the linker's lock, so this is for
 * the time before main, when nobody else opens or closes any. */
#include <elf.h>
#include <link.h>
#include <string.h>

#include "os.h"

#if defined(__x86_64__)
enum { CALL_SLOT = R_X86_64_JUMP_SLOT, WORD_SLOT = R_X86_64_GLOB_DAT };
#elif defined(__aarch64__)
enum { CALL_SLOT = R_AARCH64_JUMP_SLOT, WORD_SLOT = R_AARCH64_GLOB_DAT };
#endif

struct object {
    uintptr_t bias;
    const ElfW(Sym) *symbols;
    const char *names;
    const ElfW(Rela) *tables[2];
    size_t counts[2];
    uintptr_t sealed_from, sealed_to; /* read-only since it was relocated */
};

static void read_dynamic(struct object *o, const ElfW(Dyn) *d)
{
    for (; d->d_tag != DT_NULL; d++) {
        const void *at = (const void *)d->d_un.d_ptr;
        if (d->d_tag == DT_SYMTAB)
            o->symbols = at;
        else if (d->d_tag == DT_STRTAB)
            o->names = at;
        else if (d->d_tag == DT_JMPREL)
            o->tables[0] = at;
        else if (d->d_tag == DT_PLTRELSZ)
            o->counts[0] = d->d_un.d_val / sizeof(ElfW(Rela));
        else if (d->d_tag == DT_RELA)
            o->tables[1] = at;
        else if (d->d_tag == DT_RELASZ)
            o->counts[1] = d->d_un.d_val / sizeof(ElfW(Rela));
    }
}

/* False for our own object, and for the vDSO, whose addresses are relative still. */
static bool read_object(struct object *o, const struct dl_phdr_info *info)
{
    const ElfW(Dyn) *dynamic = NULL;
    *o = (struct object){ .bias = info->dlpi_addr };
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t at = o->bias + segment->p_vaddr;
        if (segment->p_type == PT_DYNAMIC)
            dynamic = (const void *)at;
        if (segment->p_type == PT_GNU_RELRO) {
            o->sealed_from = mr_align_down(at, mr_os_page);
            o->sealed_to = mr_align_down(at + segment->p_memsz, mr_os_page);
        }
    }
    if (!dynamic || dynamic == _DYNAMIC)
        return false;
    read_dynamic(o, dynamic);
    return o->symbols && o->names && (uintptr_t)o->symbols >= o->bias;
}

static bool write_slot(const struct object *o, void **slot, void *to)
{
    void *page = (void *)mr_align_down((uintptr_t)slot, mr_os_page);
    bool sealed = (uintptr_t)slot - o->sealed_from < o->sealed_to - o->sealed_from;
    if (sealed && !mr_vm_permit(page, mr_os_page, MR_VM_READ | MR_VM_WRITE))
        return false;
    *slot = to;
    return !sealed || mr_vm_permit(page, mr_os_page, MR_VM_READ);
}

static void *find_name(const char *name, const struct mr_slot *wanted, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(wanted[i].name, name) == 0)
            return wanted[i].to;
    return NULL;
}

static size_t replace_in(const struct object *o, const struct mr_slot *wanted, size_t count)
{
    size_t done = 0;
    for (unsigned t = 0; t < MR_COUNT(o->tables); t++)
        for (size_t i = 0; i < o->counts[t] && o->tables[t]; i++) {
            const ElfW(Rela) *r = &o->tables[t][i];
            uint32_t type = (uint32_t)ELF64_R_TYPE(r->r_info);
            if (type != CALL_SLOT && type != WORD_SLOT)
                continue;
            void *to = find_name(o->names + o->symbols[ELF64_R_SYM(r->r_info)].st_name, wanted, count);
            done += to && write_slot(o, (void **)(o->bias + r->r_offset), to);
        }
    return done;
}

struct order {
    const struct mr_slot *wanted;
    size_t count, done;
};

static int visit(struct dl_phdr_info *info, size_t bytes, void *ctx)
{
    struct order *order = ctx;
    struct object o;
    (void)bytes;
    if (read_object(&o, info))
        order->done += replace_in(&o, order->wanted, order->count);
    return 0;
}

size_t mr_slots_replace(const struct mr_slot *wanted, size_t count)
{
    struct order order = { .wanted = wanted, .count = count };
    dl_iterate_phdr(visit, &order);
    return order.done;
}
