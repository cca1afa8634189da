#include "../ledger/shelf.h"

#include <dlfcn.h>
#include <link.h>

#include "../../../src/track/stacks.h"

TestSuite(modules, .init = make_shelf, .fini = clear_shelf);

static const struct mr_ledger_module *module(uint32_t i) { return (struct mr_ledger_module *)mr_writer_entries(MR_SECTION_MODULES) + i; }
static const char *path(uint32_t i) { return (const char *)mr_writer_entries(MR_SECTION_STRINGS) + module(i)->path; }

static int in_the_program;

Test(modules, an_address_has_its_object)
{
    open_ledger(NULL);
    cr_assert(mr_track_boot());
    uintptr_t data = (uintptr_t)&in_the_program, printer = (uintptr_t)dlsym(RTLD_DEFAULT, "gnu_get_libc_version");
    uint32_t program = mr_modules_of(data), libc = mr_modules_of(printer);
    cr_expect_neq(program, 0);
    cr_expect_neq(libc, program);
    cr_expect(module(program)->start <= data && data < module(program)->end);
    cr_expect_str_eq(path(program), mr_writer_header->executable);
    cr_expect_not_null(strstr(path(libc), "/libc.so"), "%s", path(libc));
    cr_expect(module(libc)->start <= printer && printer < module(libc)->end);
    cr_expect_eq(module(libc)->build_id_bytes, 20, "Debian's libc has a SHA-1");
    cr_expect_eq(mr_modules_of(printer + 1), libc);
    cr_expect_eq(mr_modules_of(data), program);
    cr_expect_eq(mr_writer_count(MR_SECTION_MODULES), 3);
}

Test(modules, memory_is_in_none)
{
    open_ledger(NULL);
    cr_assert(mr_track_boot());
    void *p = malloc(10);
    cr_expect_eq(mr_modules_of((uintptr_t)p), 0);
    cr_expect_eq(mr_modules_of(0), 0);
    cr_expect_eq(mr_modules_of(UINTPTR_MAX), 0);
    free(p);
}

/* A library that glibc keeps for old programs, which nobody has loaded. */
static struct link_map *load(void)
{
    void *handle = dlopen("libutil.so.1", RTLD_NOW);
    cr_assert_not_null(handle, "%s", dlerror());
    return handle;
}

Test(modules, what_is_unloaded_is_marked_and_comes_back_as_another)
{
    open_ledger("a.memoir");
    cr_assert(mr_track_boot());
    struct link_map *map = load();
    uintptr_t inside = (uintptr_t)map->l_ld, bias = map->l_addr;
    uint32_t first = mr_modules_of(inside), program = mr_modules_of((uintptr_t)&in_the_program);
    cr_assert_neq(first, 0);
    cr_expect_eq(module(first)->bias, bias);
    mr_modules_check();
    cr_expect_eq(module(first)->unloaded_ms, 0);
    dlclose(map);
    mr_modules_check();
    cr_expect_neq(module(first)->unloaded_ms, 0);
    cr_expect_eq(module(program)->unloaded_ms, 0);
    cr_expect_eq(mr_modules_of(inside), 0);
    map = load();
    uint32_t second = mr_modules_of((uintptr_t)map->l_ld);
    cr_expect_neq(second, 0);
    cr_expect_neq(second, first);
    cr_expect_str_eq(path(second), path(first));
}

Test(modules, frames_of_another_object_at_the_same_place_are_new)
{
    open_ledger(NULL);
    cr_assert(mr_track_boot());
    struct link_map *map = load();
    uintptr_t inside = (uintptr_t)map->l_ld;
    uint32_t first = mr_frames_child(0, inside);
    cr_expect_eq(mr_frames_child(0, inside), first);
    dlclose(map);
    mr_modules_check();
    cr_expect_neq(mr_frames_child(0, inside), first);
}
