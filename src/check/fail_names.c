/* fail_names.c: what a frame is called, from the symbol table of its object's file.
 *
 * The loader knows exported names only and answers under its lock; a file can be read anywhere, and has them all as
 * long as it is not stripped. Names are as the linker has them: those of C++ are mangled. */
#include "fail.h"

#include <elf.h>
#include <string.h>

#include "os.h"
#include "zone.h"

enum { SYMBOLS_AT_ONCE = 64, NAME_CAP = 512 };

static bool fits(const char *pattern, const char *text)
{
    if (*pattern == '*')
        return fits(pattern + 1, text) || (*text && fits(pattern, text + 1));
    if (*pattern == '\0' || *text == '\0')
        return *pattern == *text;
    return (*pattern == '?' || *pattern == *text) && fits(pattern + 1, text + 1);
}

static bool read_at(int fd, void *to, size_t bytes, uint64_t at) { return mr_file_read_at(fd, to, bytes, at) == bytes; }

/* The full table, else that of exported names. */
static bool find_symbols(int fd, Elf64_Shdr *symbols, Elf64_Shdr *strings)
{
    Elf64_Ehdr elf;
    Elf64_Shdr section;
    *symbols = (Elf64_Shdr){ .sh_type = SHT_NULL };
    if (!read_at(fd, &elf, sizeof elf, 0) || memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0 ||
        elf.e_shentsize != sizeof section)
        return false;
    for (unsigned i = 0; i < elf.e_shnum && symbols->sh_type != SHT_SYMTAB; i++)
        if (read_at(fd, &section, sizeof section, elf.e_shoff + i * sizeof section) &&
            (section.sh_type == SHT_SYMTAB || section.sh_type == SHT_DYNSYM))
            *symbols = section;
    return symbols->sh_type != SHT_NULL &&
           read_at(fd, strings, sizeof *strings, elf.e_shoff + symbols->sh_link * sizeof section);
}

static bool covers(const Elf64_Sym *symbol, uint64_t address)
{
    return ELF64_ST_TYPE(symbol->st_info) == STT_FUNC && symbol->st_shndx != SHN_UNDEF &&
           address - symbol->st_value < symbol->st_size;
}

/* Where the name of the function at an address begins in the file; 0: it has none. */
static uint64_t find_name(int fd, uint64_t address)
{
    Elf64_Shdr symbols, strings;
    Elf64_Sym some[SYMBOLS_AT_ONCE];
    if (!find_symbols(fd, &symbols, &strings))
        return 0;
    for (uint64_t at = 0; at < symbols.sh_size; at += sizeof some) {
        size_t got = mr_file_read_at(fd, some, mr_min(sizeof some, symbols.sh_size - at), symbols.sh_offset + at);
        for (size_t i = 0; i < got / sizeof *some; i++)
            if (covers(&some[i], address))
                return strings.sh_offset + some[i].st_name;
        if (got == 0)
            break;
    }
    return 0;
}

static bool function_fits(const char *pattern, const char *path, uint64_t address)
{
    char name[NAME_CAP + 1];
    const char *why;
    int fd = mr_file_open(path, &why);
    uint64_t at = fd >= 0 ? find_name(fd, address) : 0;
    name[at ? mr_file_read_at(fd, name, NAME_CAP, at) : 0] = '\0';
    if (fd >= 0)
        mr_file_close(fd);
    return *name && fits(pattern, name);
}

bool mr_fail_names_fit(const char *pattern, uint32_t frame)
{
    const struct mr_ledger_frame *frames = mr_writer_entries(MR_SECTION_FRAMES), *f = &frames[frame];
    const struct mr_ledger_module *modules = mr_writer_entries(MR_SECTION_MODULES), *module = &modules[f->module];
    if (f->module == 0)
        return false;
    const char *path = (const char *)mr_writer_entries(MR_SECTION_STRINGS) + module->path, *slash = strrchr(path, '/');
    return fits(pattern, slash ? slash + 1 : path) || function_fits(pattern, path, f->pc - 1 - module->bias);
}
