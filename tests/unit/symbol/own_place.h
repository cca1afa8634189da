/* own_place.h: an address of this very program as a place to look up. */
#ifndef OWN_PLACE_H
#define OWN_PLACE_H

#include <elf.h>
#include <link.h>
#include <string.h>

#include "symbol.h"

/* One string for all places: a module is known by the address of its path. */
static char place_path[4096];

static inline int place_fill(struct dl_phdr_info *info, size_t size, void *ctx)
{
    struct mr_symbol_place *place = ctx;
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + segment->p_vaddr;
        const ElfW(Nhdr) *note = (const ElfW(Nhdr) *)start;
        if (segment->p_type == PT_LOAD && place->address >= start && place->address < start + segment->p_memsz)
            place->offset = place->address - info->dlpi_addr;
        if (segment->p_type != PT_NOTE)
            continue;
        for (; (uintptr_t)note < start + segment->p_memsz && place->build_id_bytes == 0;) {
            const char *name = (const char *)(note + 1);
            size_t name_bytes = (note->n_namesz + 3) & ~3u;
            if (note->n_type == NT_GNU_BUILD_ID) {
                place->build_id = (const uint8_t *)name + name_bytes;
                place->build_id_bytes = note->n_descsz;
            }
            note = (const ElfW(Nhdr) *)(name + name_bytes + ((note->n_descsz + 3) & ~3u));
        }
    }
    return 1; /* the first object is the program */
}

static inline struct mr_symbol_place place_at(const void *address)
{
    struct mr_symbol_place place = { .module = place_path, .address = (uintptr_t)address };
    if (!*place_path && readlink("/proc/self/exe", place_path, sizeof place_path - 1) < 0)
        place_path[0] = '\0';
    dl_iterate_phdr(place_fill, &place);
    return place;
}

#endif
