/* dw.c: names by elfutils, for files of this machine and the debug files that belong to them.
 *
 * Everything is read when the first address of a module comes, and of DWARF only the units that are
 * asked for: 300 MiB of debug information stay on disk but for those. What libdw has decoded it keeps until it is
 * closed: when that is much, all files are closed and opened again as they are needed. So nothing that is answered may
 * point into them. */
#include "dw.h"

#include <gelf.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUILD_ID_MOST = 64 };

size_t mr_dw_open_most = 64 << 20;

/* A function of the symbol table. */
struct symbol {
    GElf_Addr low, size;
    const char *name;
};

struct module {
    const char *path; /* the key: its address */
    enum mr_symbol_state state;
    Dwfl *dwfl;
    Dwfl_Module *dwfl_module;
    GElf_Addr bias;        /* where libdwfl put the file */
    GElf_Addr dwarf_bias;
    struct mr_die_reader dies;
    struct symbol *symbols; /* ascending; read when DWARF has no answer */
    size_t symbol_count;
    bool symbols_read;
    struct module *next;   /* of all there are */
};

/* A string of one of the files, and what was made of it. */
struct derived {
    char *from; /* the key */
    char *text; /* NULL: nothing came of it */
};

struct dw {
    struct mr_symbol_source source;
    void *modules, *names, *files; /* trees */
    struct module *all, *last;
    size_t spent;                  /* by the files that are open, about: struct mr_die_reader */
    struct mr_symbol_frame frames[MR_DW_FRAMES];
};

/* --- derived strings --------------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
    return strcmp(((const struct derived *)a)->from, ((const struct derived *)b)->from);
}

static struct derived *make_derived(const char *from, char *(*make)(const char *))
{
    struct derived *derived = malloc(sizeof *derived);
    char *copy = strdup(from);
    if (!derived || !copy) {
        free(derived);
        free(copy);
        return NULL;
    }
    *derived = (struct derived){ copy, make(copy) };
    return derived;
}

/* NULL without memory. */
static const struct derived *derive(void **tree, const char *from, char *(*make)(const char *))
{
    struct derived key = { .from = (char *)from }, **slot = tsearch(&key, tree, by_text);
    if (!slot || *slot != &key)
        return slot ? *slot : NULL;
    struct derived *derived = make_derived(from, make);
    if (derived)
        *slot = derived;
    else
        tdelete(&key, tree, by_text);
    return derived;
}

static void free_derived(void *node)
{
    struct derived *derived = node;
    free(derived->from);
    free(derived->text);
    free(derived);
}

/* "/src/./a/../b.c" is "/src/b.c" for people and for patterns; symbolic links are not looked at. */
static char *tidy_path(const char *path)
{
    char *tidy = malloc(strlen(path) + 2), *end = tidy;
    for (const char *p = path; tidy && *p;) {
        size_t len = strcspn(p, "/");
        bool up = len == 2 && p[0] == '.' && p[1] == '.' && end > tidy + 1;
        if (up && !(end - tidy >= 3 && memcmp(end - 3, "../", 3) == 0)) {
            for (end--; end > tidy && end[-1] != '/'; end--)
                continue;
        } else if ((len > 0 || p == path) && !(len == 1 && *p == '.' && p[1])) {
            end = mempcpy(end, p, len);
            *end++ = '/';
        }
        p += len + (p[len] == '/');
    }
    if (end > tidy)
        end[-1] = '\0';
    return tidy;
}

/* --- modules ------------------------------------------------------------------------------------------ */

static bool open_file(struct module *module, const char *path)
{
    static const Dwfl_Callbacks callbacks = {
        .find_elf = dwfl_build_id_find_elf,
        .find_debuginfo = dwfl_standard_find_debuginfo,
        .section_address = dwfl_offline_section_address,
    };
    module->dwfl = dwfl_begin(&callbacks);
    module->dwfl_module = module->dwfl ? dwfl_report_offline(module->dwfl, path, path, -1) : NULL;
    if (module->dwfl_module && dwfl_report_end(module->dwfl, NULL, NULL) == 0 &&
        dwfl_module_getelf(module->dwfl_module, &module->bias))
        return true;
    dwfl_end(module->dwfl);
    module->dwfl = NULL;
    return false;
}

static bool is_wanted(const struct module *module, const struct mr_symbol_place *place)
{
    const unsigned char *bits;
    GElf_Addr where;
    int bytes = dwfl_module_build_id(module->dwfl_module, &bits, &where);
    if (place->build_id_bytes == 0)
        return bytes <= 0;
    return bytes > 0 && (size_t)bytes == place->build_id_bytes && memcmp(bits, place->build_id, (size_t)bytes) == 0;
}

/* A package's debug file is enough, and stays when the module itself is replaced. */
static bool open_debug_file(struct module *module, const struct mr_symbol_place *place)
{
    char path[64 + 2 * BUILD_ID_MOST];
    struct mr_fmt f = mr_fmt_to_buffer(path, sizeof path);
    if (place->build_id_bytes < 2 || place->build_id_bytes > BUILD_ID_MOST)
        return false;
    mr_fmt_print(&f, "/usr/lib/debug/.build-id/%02x/", place->build_id[0]);
    for (size_t i = 1; i < place->build_id_bytes; i++)
        mr_fmt_print(&f, "%02x", place->build_id[i]);
    mr_fmt_print(&f, ".debug");
    return open_file(module, mr_fmt_end_string(&f));
}

static void open_module(struct module *module, const struct mr_symbol_place *place)
{
    bool exists = place->module[0] == '/' && access(place->module, F_OK) == 0;
    module->state = exists ? MR_SYMBOL_UNREADABLE : MR_SYMBOL_GONE;
    if (exists && open_file(module, place->module)) {
        if (is_wanted(module, place)) {
            module->state = MR_SYMBOL_FOUND;
        } else {
            dwfl_end(module->dwfl);
            module->dwfl = NULL;
            module->state = MR_SYMBOL_CHANGED;
        }
    }
    if (module->state != MR_SYMBOL_FOUND && open_debug_file(module, place))
        module->state = MR_SYMBOL_FOUND;
    if (module->state != MR_SYMBOL_FOUND)
        return;
    module->dies.dwarf = dwfl_module_getdwarf(module->dwfl_module, &module->dwarf_bias);
    module->dies.opened++;
}

static void close_module(struct module *module)
{
    dwfl_end(module->dwfl);
    free(module->symbols);
    module->dwfl = NULL;
    module->dies.dwarf = NULL;
    module->symbols = NULL;
    module->symbol_count = 0;
    module->symbols_read = false;
}

static void close_all(struct dw *dw)
{
    for (struct module *module = dw->all; module; module = module->next)
        close_module(module);
    dw->spent = 0;
}

static int by_address(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t)((const struct module *)a)->path, y = (uintptr_t)((const struct module *)b)->path;
    return (x > y) - (x < y);
}

static struct module *module_of(struct dw *dw, const struct mr_symbol_place *place)
{
    if (dw->last && dw->last->path == place->module)
        return dw->last;
    struct module key = { .path = place->module }, **slot = tsearch(&key, &dw->modules, by_address);
    if (!slot)
        return NULL;
    if (*slot == &key) {
        struct module *module = malloc(sizeof *module);
        if (!module) {
            tdelete(&key, &dw->modules, by_address);
            return NULL;
        }
        *module = key;
        *slot = module;
        open_module(module, place);
        module->next = dw->all;
        dw->all = module;
    }
    return dw->last = *slot;
}

static void free_module(void *node)
{
    struct module *module = node;
    mr_die_close(&module->dies);
    close_module(module);
    free(module);
}

/* --- the symbol table ------------------------------------------------------------------------------------ */

/* Of several names of one function the last is met: exported ones stand behind local ones. */
static bool lower(const void *a, const void *b)
{
    const struct symbol *x = a, *y = b;
    return x->low < y->low || (x->low == y->low && x->size < y->size);
}

/* Hand-written assembly gives its functions no type; data and marks of the linker may have none either. */
static bool is_function(const GElf_Sym *sym, Elf *elf, GElf_Word section)
{
    int type = GELF_ST_TYPE(sym->st_info);
    GElf_Shdr header;
    if (sym->st_shndx == SHN_UNDEF || type != STT_NOTYPE)
        return sym->st_shndx != SHN_UNDEF && (type == STT_FUNC || type == STT_GNU_IFUNC);
    return gelf_getshdr(elf_getscn(elf, section), &header) && (header.sh_flags & SHF_EXECINSTR);
}

static void read_symbols(struct module *module)
{
    int count = dwfl_module_getsymtab(module->dwfl_module);
    module->symbols_read = true;
    module->symbols = count > 0 ? malloc((size_t)count * sizeof *module->symbols) : NULL;
    for (int i = 1; module->symbols && i < count; i++) {
        GElf_Sym sym;
        GElf_Addr at;
        GElf_Word section;
        Elf *elf;
        const char *name = dwfl_module_getsym_info(module->dwfl_module, i, &sym, &at, &section, &elf, NULL);
        if (name && *name && is_function(&sym, elf, section))
            module->symbols[module->symbol_count++] = (struct symbol){ at, sym.st_size, name };
    }
    mr_sort(module->symbols, module->symbol_count, sizeof *module->symbols, lower);
}

/* The symbol that covers the address, or, of hand-written assembly without sizes, the last before it. */
static size_t find_symbol(struct module *module, GElf_Addr at, struct mr_symbol_frame *frame)
{
    if (!module->symbols_read)
        read_symbols(module);
    size_t low = 0, high = module->symbol_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (module->symbols[middle].low <= at)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return 0;
    const struct symbol *symbol = &module->symbols[low - 1];
    if (symbol->size && at - symbol->low >= symbol->size)
        return 0;
    *frame = (struct mr_symbol_frame){ .linkage = symbol->name, .into = at - symbol->low };
    return 1;
}

/* --- the source ---------------------------------------------------------------------------------------------- */

static void name(struct dw *dw, struct mr_symbol_frame *frame)
{
    const char *known = frame->function ? frame->function : frame->linkage;
    const struct derived *name = known ? derive(&dw->names, known, mr_demangle) : NULL;
    const struct derived *file = frame->file ? derive(&dw->files, frame->file, tidy_path) : NULL;
    const struct derived *directory = frame->directory ? derive(&dw->files, frame->directory, tidy_path) : NULL;
    frame->linkage = name ? name->from : NULL;
    frame->function = name && !frame->function && name->text ? name->text : frame->linkage;
    frame->file = file ? file->text : NULL;
    frame->directory = directory ? directory->text : NULL;
    /* glibc calls its own functions by names of its own. */
    if (frame->function && strncmp(frame->function, "__GI_", 5) == 0) {
        frame->function += 5;
        frame->function += strncmp(frame->function, "__", 2) == 0 ? 2 : 0;
    }
}

static void find(struct mr_symbol_source *source, const struct mr_symbol_place *place, struct mr_symbol_answer *answer)
{
    struct dw *dw = (struct dw *)source;
    struct module *module = module_of(dw, place);
    if (dw->spent > mr_dw_open_most)
        close_all(dw);
    if (module && module->state == MR_SYMBOL_FOUND && !module->dwfl)
        open_module(module, place);
    *answer = (struct mr_symbol_answer){ dw->frames, 0, module ? module->state : MR_SYMBOL_UNREADABLE };
    if (answer->state != MR_SYMBOL_FOUND)
        return;
    GElf_Addr at = place->offset + module->bias;
    if (module->dies.dwarf)
        answer->count = mr_die_find(&module->dies, at - module->dwarf_bias, dw->frames, MR_DW_FRAMES);
    dw->spent += module->dies.spent;
    module->dies.spent = 0;
    if (answer->count == 0)
        answer->count = find_symbol(module, at, dw->frames);
    for (size_t i = 0; i < answer->count; i++)
        name(dw, &dw->frames[i]);
}

static void shut(struct mr_symbol_source *source)
{
    struct dw *dw = (struct dw *)source;
    tdestroy(dw->modules, free_module);
    tdestroy(dw->names, free_derived);
    tdestroy(dw->files, free_derived);
    free(dw);
}

struct mr_symbol_source *mr_dw_open(bool debuginfod)
{
    struct dw *dw = malloc(sizeof *dw);
    if (!dw)
        return NULL;
    *dw = (struct dw){ .source = { find, shut } };
    /* Without the variable libdwfl does not even load its client. */
    if (!debuginfod)
        unsetenv("DEBUGINFOD_URLS");
    return &dw->source;
}
