/* modules.c: which object an address belongs to, and which file that is.
 *
 * _dl_find_object answers without the loader's lock, so a thread that is inside dlopen and allocates gets its
 * answer, too. What it says of an object in which the asking thread has a frame holds as long as it asks.
 * Objects are written down when the first address in them is met. */
#include "stacks.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <string.h>

#include "os.h"

enum { CACHED = 1024, PATH_CAP = 4096 };

/* Addresses asked for lately. Frames of new stacks are mostly old frames. */
static struct { uintptr_t pc; uint32_t module; } cache[CACHED];
static uint32_t last_module;

static struct mr_ledger_module *modules(void) { return mr_writer_entries(MR_SECTION_MODULES); }

static bool is_loaded(const struct mr_ledger_module *m) { return MR_PEEK(m->unloaded_ms) == 0; }

/* ---- the build id ------------------------------------------------------------------------------- */

static void note_build_id(struct mr_ledger_module *m, const char *notes, size_t size)
{
    for (size_t at = 0; size - at >= sizeof(ElfW(Nhdr));) {
        const ElfW(Nhdr) *note = (const ElfW(Nhdr) *)(notes + at);
        size_t name = mr_align_up(note->n_namesz, 4), desc = mr_align_up(note->n_descsz, 4);
        at += sizeof *note;
        if (name > size - at || desc > size - at - name)
            return;
        if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && memcmp(notes + at, "GNU", 4) == 0) {
            m->build_id_bytes = (uint32_t)mr_min(note->n_descsz, sizeof m->build_id);
            memcpy(m->build_id, notes + at + name, m->build_id_bytes);
            return;
        }
        at += name + desc;
    }
}

/* The object's first mapped bytes are its ELF header and program headers, as every linker lays it out. */
static void find_build_id(struct mr_ledger_module *m)
{
    const ElfW(Ehdr) *elf = (const ElfW(Ehdr) *)m->start;
    if (memcmp(elf->e_ident, ELFMAG, SELFMAG) != 0 || elf->e_phentsize != sizeof(ElfW(Phdr)) ||
        elf->e_phoff + elf->e_phnum * sizeof(ElfW(Phdr)) > mr_os_page)
        return;
    const ElfW(Phdr) *segments = (const ElfW(Phdr) *)(m->start + elf->e_phoff);
    for (unsigned i = 0; i < elf->e_phnum && m->build_id_bytes == 0; i++) {
        const ElfW(Phdr) *s = &segments[i];
        uint64_t at = m->bias + s->p_vaddr;
        if (s->p_type == PT_NOTE && at >= m->start && at < m->end && s->p_memsz <= m->end - at)
            note_build_id(m, (const char *)at, s->p_memsz);
    }
}

/* ---- names -------------------------------------------------------------------------------------- */

/* The program itself has no name there; a relative one was relative to the directory of the moment. */
static uint32_t path_of(const struct link_map *map)
{
    char text[PATH_CAP];
    if (!map->l_name || map->l_name[0] == '\0')
        return mr_writer_string(mr_writer_header->executable);
    if (map->l_name[0] == '/' || !strchr(map->l_name, '/'))
        return mr_writer_string(map->l_name);
    struct mr_fmt f = mr_fmt_to_buffer(text, sizeof text);
    f.len = mr_file_link_target("/proc/self/cwd", text, sizeof text);
    mr_fmt_print(&f, "/%s", map->l_name);
    return mr_writer_string(mr_fmt_end_string(&f));
}

/* ---- finding ------------------------------------------------------------------------------------ */

static bool is_same(const struct mr_ledger_module *m, const struct dl_find_object *found)
{
    return m->start == (uintptr_t)found->dlfo_map_start && m->end == (uintptr_t)found->dlfo_map_end &&
           m->bias == found->dlfo_link_map->l_addr;
}

static uint32_t known(const struct dl_find_object *found)
{
    const struct mr_ledger_module *all = modules();
    if (is_loaded(&all[last_module]) && is_same(&all[last_module], found))
        return last_module;
    for (uint64_t i = mr_writer_count(MR_SECTION_MODULES); i-- > 1;)
        if (is_loaded(&all[i]) && is_same(&all[i], found))
            return (uint32_t)i;
    return 0;
}

static uint32_t append(const struct dl_find_object *found)
{
    int64_t at = mr_writer_reserve(MR_SECTION_MODULES, 1);
    if (at < 0)
        return 0;
    struct mr_ledger_module *m = &modules()[at];
    *m = (struct mr_ledger_module){ .start = (uintptr_t)found->dlfo_map_start, .end = (uintptr_t)found->dlfo_map_end,
                                    .bias = found->dlfo_link_map->l_addr, .loaded_ms = mr_writer_now_ms() };
    m->path = path_of(found->dlfo_link_map);
    find_build_id(m);
    mr_writer_publish(MR_SECTION_MODULES, 1);
    return (uint32_t)at;
}

static uint32_t find(uintptr_t pc)
{
    struct dl_find_object found;
    if (_dl_find_object((void *)pc, &found) != 0)
        return 0;
    uint32_t module = known(&found);
    last_module = module ? module : append(&found);
    return last_module;
}

uint32_t mr_modules_of(uintptr_t pc)
{
    unsigned i = mr_mix32((uint32_t)pc) % CACHED;
    if (cache[i].pc == pc)
        return cache[i].module;
    uint32_t module = find(pc);
    if (module) { /* where nothing is, something may be loaded any time */
        cache[i].pc = pc;
        cache[i].module = module;
    }
    return module;
}

void mr_modules_check(void)
{
    struct mr_ledger_module *all = modules();
    uint64_t count = mr_writer_count(MR_SECTION_MODULES), now = mr_max(mr_writer_now_ms(), 1);
    for (uint64_t i = 1; i < count; i++) {
        struct dl_find_object found;
        bool there = _dl_find_object((void *)all[i].start, &found) == 0 && is_same(&all[i], &found);
        if (is_loaded(&all[i]) && !there)
            MR_POKE(all[i].unloaded_ms, now);
    }
    memset(cache, 0, sizeof cache);
}
