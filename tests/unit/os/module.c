#include <criterion/criterion.h>
#include <dlfcn.h>
#include <link.h>

#include "os.h"

/* Two copies: the one in the library, which stops at the program itself, for that is where it is linked
 * into; and one that meets no end, so it looks through every object of the process. */
bool is_anywhere(const char *name);
static ElfW(Dyn) nobody[1];
#define _DYNAMIC nobody
#define mr_module_is_preceded is_anywhere
#include "../../../src/os/module.c"
#undef mr_module_is_preceded
#undef _DYNAMIC

static const char *const defined[] = {
    "malloc", "free", "printf", "pthread_create", "strlen", "qsort", "environ", "dlsym",
};

Test(module, nothing_precedes_the_program)
{
    for (size_t i = 0; i < MR_COUNT(defined); i++)
        cr_expect_not(mr_module_is_preceded(defined[i]), "%s", defined[i]);
    cr_expect_not(mr_module_is_preceded("mr_nowhere_at_all"));
}

Test(module, definitions_of_loaded_objects_are_found)
{
    for (size_t i = 0; i < MR_COUNT(defined); i++) {
        cr_assert_not_null(dlsym(RTLD_DEFAULT, defined[i]), "%s", defined[i]);
        cr_expect(is_anywhere(defined[i]), "%s", defined[i]);
    }
}

Test(module, what_nobody_defines_is_not_found)
{
    static const char *const absent[] = { "mr_nowhere_at_all", "mallo", "malloc_", "", "criterion_no_such_thing" };
    for (size_t i = 0; i < MR_COUNT(absent); i++)
        cr_expect_not(is_anywhere(absent[i]), "%s", absent[i]);
}

/* The program imports it, and does not export a definition of its own: an import is no definition. */
Test(module, an_import_is_no_definition)
{
    struct tables program = tables_of(_r_debug.r_map);
    cr_assert_not_null(program.symbols);
    cr_expect(!program.gnu_hash || !gnu_defines(&program, "waitpid"));
}

/* Objects without a GNU hash: chains count the symbols, the first one is nobody's. */
Test(module, the_old_hash_table_serves_as_well)
{
    static const char names[] = "\0one\0two\0three";
    static const ElfW(Sym) symbols[] = {
        { 0 },
        { .st_name = 1, .st_shndx = 5 },
        { .st_name = 5, .st_shndx = SHN_UNDEF },
        { .st_name = 9, .st_shndx = 5 },
    };
    static const uint32_t hash[] = { 1, MR_COUNT(symbols) };
    struct tables t = { .symbols = symbols, .names = names, .hash = hash };
    cr_expect(sysv_defines(&t, "one"));
    cr_expect_not(sysv_defines(&t, "two"), "an import");
    cr_expect(sysv_defines(&t, "three"));
    cr_expect_not(sysv_defines(&t, "four"));
}
