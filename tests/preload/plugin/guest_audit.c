/* The smallest auditor: sees every object and binding, allocates in its own namespace. */
#include <link.h>
#include <stdint.h>
#include <stdlib.h>

unsigned la_version(unsigned version)
{
    free(malloc(100));
    return version;
}

unsigned la_objopen(struct link_map *map, Lmid_t lmid, uintptr_t *cookie)
{
    (void)map, (void)lmid, (void)cookie;
    free(malloc(3000));
    return LA_FLG_BINDTO | LA_FLG_BINDFROM;
}

uintptr_t la_symbind64(Elf64_Sym *sym, unsigned index, uintptr_t *from, uintptr_t *to, unsigned *flags, const char *name)
{
    (void)index, (void)from, (void)to, (void)flags, (void)name;
    return sym->st_value;
}
