#include "object.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <string.h>

#if defined(DLFO_STRUCT_HAS_EH_DBASE) && defined(__x86_64__)
#pragma weak _dl_find_object

bool mr_object_known(void) { return _dl_find_object != NULL; }

bool mr_object_find(uintptr_t pc, struct mr_object *object)
{
    struct dl_find_object found;
    if (!_dl_find_object || _dl_find_object((void *)pc, &found) != 0)
        return false;
    object->start = (uintptr_t)found.dlfo_map_start;
    object->end = (uintptr_t)found.dlfo_map_end;
    object->hdr = (uintptr_t)found.dlfo_eh_frame;
    return true;
}

#else

bool mr_object_known(void) { return false; }

bool mr_object_find(uintptr_t pc, struct mr_object *object)
{
    (void)pc, (void)object;
    return false;
}

#endif

unsigned mr_object_tag(const struct mr_object *object)
{
    return mr_mix32((uint32_t)(object->start >> 12) ^ (uint32_t)(object->end >> 4) ^ mr_mix32((uint32_t)object->hdr)) & 0x7f;
}

/* The program headers, when they stand where they always do: in the first OS page of the object. */
static const ElfW(Phdr) *headers_of(const struct mr_object *object, size_t *count)
{
    const ElfW(Ehdr) *elf = (const void *)object->start;
    if (object->end - object->start < 4096 || memcmp(elf->e_ident, ELFMAG, SELFMAG) != 0)
        return NULL;
    if (elf->e_phentsize != sizeof(ElfW(Phdr)) || elf->e_phoff % 8 || elf->e_phoff > 4096)
        return NULL;
    *count = mr_min(elf->e_phnum, (4096 - elf->e_phoff) / sizeof(ElfW(Phdr)));
    return (const void *)(object->start + elf->e_phoff);
}

/* The readable segment an address lies in, as far as it comes from the file. */
static bool segment_of(const struct mr_object *object, uintptr_t at, uintptr_t *start, uintptr_t *end)
{
    size_t count;
    const ElfW(Phdr) *headers = headers_of(object, &count);
    uintptr_t bias = 0;
    bool first = true;
    for (size_t i = 0; headers && i < count; i++) {
        const ElfW(Phdr) *h = &headers[i];
        if (h->p_type != PT_LOAD)
            continue;
        if (first)
            bias = object->start - (h->p_vaddr & ~(uintptr_t)4095);
        first = false;
        *start = bias + h->p_vaddr;
        *end = *start + h->p_filesz;
        if ((h->p_flags & PF_R) && at >= *start && at < *end && *end <= object->end)
            return true;
    }
    return false;
}

bool mr_object_holds(const struct mr_object *object, uintptr_t at, size_t size)
{
    uintptr_t start, end;
    return segment_of(object, at, &start, &end) && end - at >= size;
}

bool mr_object_rules(const struct mr_object *object, uintptr_t pc, struct mr_cfi_rules *rules)
{
    uintptr_t start, end;
    if (!segment_of(object, object->hdr, &start, &end))
        return false;
    struct mr_cfi_data data = { (const uint8_t *)object->hdr, (const uint8_t *)start, (const uint8_t *)end };
    return mr_cfi_find(&data, pc, rules);
}
