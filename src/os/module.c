/* module.c: which loaded object comes before ours in the process's symbol order, and what it defines.
 *
 * Read from the dynamic linker's own list (link.h), without its lock: this runs at the first
 * allocation, when nobody opens or closes objects yet, and looks only at what was loaded before us.
 * An address comparison would not do: in a program that is not position-independent the address of
 * an imported function is the program's own stub for it. */
#include <elf.h>
#include <link.h>
#include <string.h>

#include "os.h"

struct tables {
    const ElfW(Sym) *symbols;
    const char *names;
    const uint32_t *gnu_hash, *hash;
};

/* The linker has made most of these addresses absolute; the vDSO's are relative still. */
static const void *address(const struct link_map *map, ElfW(Addr) value)
{
    return (const void *)(value < map->l_addr ? map->l_addr + value : value);
}

static struct tables tables_of(const struct link_map *map)
{
    struct tables t = { 0 };
    for (const ElfW(Dyn) *d = map->l_ld; d && d->d_tag != DT_NULL; d++) {
        if (d->d_tag == DT_SYMTAB)
            t.symbols = address(map, d->d_un.d_ptr);
        else if (d->d_tag == DT_STRTAB)
            t.names = address(map, d->d_un.d_ptr);
        else if (d->d_tag == DT_GNU_HASH)
            t.gnu_hash = address(map, d->d_un.d_ptr);
        else if (d->d_tag == DT_HASH)
            t.hash = address(map, d->d_un.d_ptr);
    }
    return t;
}

static bool is_definition(const struct tables *t, uint32_t i, const char *name)
{
    return t->symbols[i].st_shndx != SHN_UNDEF && strcmp(t->names + t->symbols[i].st_name, name) == 0;
}

/* The layout: buckets, shift, bloom words; the chain of a bucket ends at a hash with its lowest bit set. */
static bool gnu_defines(const struct tables *t, const char *name)
{
    const uint32_t *head = t->gnu_hash;
    uint32_t bucket_count = head[0], first = head[1], bloom_words = head[2];
    const uint32_t *buckets = (const uint32_t *)((const uint64_t *)(head + 4) + bloom_words);
    const uint32_t *chain = buckets + bucket_count;
    uint32_t hash = 5381;
    for (const unsigned char *c = (const unsigned char *)name; *c; c++)
        hash = hash * 33 + *c;
    uint32_t i = bucket_count ? buckets[hash % bucket_count] : 0;
    if (i < first || i == 0)
        return false;
    for (;; i++) {
        uint32_t h = chain[i - first];
        if ((h | 1) == (hash | 1) && is_definition(t, i, name))
            return true;
        if (h & 1)
            return false;
    }
}

static bool sysv_defines(const struct tables *t, const char *name)
{
    for (uint32_t i = 1; i < t->hash[1]; i++)
        if (is_definition(t, i, name))
            return true;
    return false;
}

static bool defines(const struct link_map *map, const char *name)
{
    struct tables t = tables_of(map);
    if (!t.symbols || !t.names)
        return false;
    return t.gnu_hash ? gnu_defines(&t, name) : t.hash && sysv_defines(&t, name);
}

bool mr_module_is_preceded(const char *name)
{
    for (const struct link_map *map = _r_debug.r_map; map && map->l_ld != _DYNAMIC; map = map->l_next)
        if (defines(map, name))
            return true;
    return false;
}
