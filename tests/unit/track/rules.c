#include "rules.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <pthread.h>

#include "os.h"

static uint64_t rule_of(uintptr_t pc) { return mr_rules_find(atomic_load(&mr_rules_table), pc); }

static bool has_row(uintptr_t pc)
{
    const struct mr_rules_table *t = atomic_load(&mr_rules_table);
    for (size_t home = mr_rules_home(t, pc);; home = mr_rules_next(t, home)) {
        uintptr_t key = mr_rules_row(t, home)->key;
        if (key == pc || key == MR_RULES_FREE)
            return key == pc;
    }
}

static size_t rows_used(void) { return atomic_load(&mr_rules_table)->used; }

#if defined(__x86_64__)

void mr_test_rules_shapes(void);
extern const char mr_test_rules_sp[], mr_test_rules_saved[], mr_test_rules_bp[], mr_test_rules_deref[], mr_test_rules_end[],
    mr_test_rules_odd[];
__asm__(".text\n"
        "mr_test_rules_shapes:\n"
        ".cfi_startproc\n"
        "nop\n"
        "mr_test_rules_sp:\n"
        ".cfi_def_cfa_offset 16\n"
        ".cfi_offset %rbp, -16\n"
        "nop\n"
        "mr_test_rules_saved:\n"
        ".cfi_def_cfa_register %rbp\n"
        "nop\n"
        "mr_test_rules_bp:\n"
        ".cfi_escape 0x0f, 3, 0x76, 0x78, 0x06\n" /* cfa = *(rbp - 8) */
        ".cfi_escape 0x10, 6, 2, 0x76, 0\n"       /* rbp at rbp */
        "nop\n"
        "mr_test_rules_deref:\n"
        ".cfi_undefined %rip\n"
        "nop\n"
        "mr_test_rules_end:\n"
        ".cfi_same_value %rip\n"
        "nop\n"
        "mr_test_rules_odd:\n"
        "nop\n"
        ".cfi_endproc\n");

Test(rules, rows_say_what_the_unwind_information_says)
{
    uint64_t sp = rule_of((uintptr_t)mr_test_rules_sp), saved = rule_of((uintptr_t)mr_test_rules_saved);
    uint64_t bp = rule_of((uintptr_t)mr_test_rules_bp), deref = rule_of((uintptr_t)mr_test_rules_deref);
    cr_expect_eq(mr_row_kind(sp), MR_ROW_SP);
    cr_expect_eq(mr_row_offset(sp), 8);
    cr_expect_not(mr_row_saves_bp(sp));
    cr_expect_eq(mr_row_kind(saved), MR_ROW_SP);
    cr_expect_eq(mr_row_offset(saved), 16);
    cr_expect(mr_row_saves_bp(saved) && !mr_row_bp_of_bp(saved));
    cr_expect_eq(mr_row_bp_offset(saved), -16);
    cr_expect_eq(mr_row_kind(bp), MR_ROW_BP);
    cr_expect_eq(mr_row_kind(deref), MR_ROW_AT_BP);
    cr_expect_eq(mr_row_word(deref), -8);
    cr_expect_eq(mr_row_then(deref), 0);
    cr_expect(mr_row_saves_bp(deref) && mr_row_bp_of_bp(deref));
    cr_expect_eq(mr_row_bp_offset(deref), 0);
    cr_expect_eq(mr_row_kind(rule_of((uintptr_t)mr_test_rules_end)), MR_ROW_END);
    cr_expect_eq(mr_row_kind(rule_of((uintptr_t)mr_test_rules_odd)), MR_ROW_EXACT, "a return address that was not saved");
}

Test(rules, addresses_in_no_object_get_no_row)
{
    static char data[8];
    cr_expect_eq(mr_row_kind(rule_of(4096)), MR_ROW_NONE);
    cr_expect_not(has_row(4096));
    cr_expect_eq(mr_row_kind(rule_of((uintptr_t)data + 1)), MR_ROW_NONE);
}

/* Every address of some code: thousands of rows. */
static void fill_from(const char *name, size_t n)
{
    uintptr_t at = (uintptr_t)dlsym(RTLD_DEFAULT, name);
    for (size_t i = 1; i <= n; i++)
        rule_of(at + i);
}

Test(rules, the_table_grows_and_keeps_its_rows)
{
    uintptr_t at = (uintptr_t)dlsym(RTLD_DEFAULT, "qsort");
    uint64_t before = rule_of(at + 40);
    fill_from("malloc", 20000);
    cr_expect_geq(rows_used(), 15000);
    cr_expect(has_row(at + 40));
    cr_expect_eq(rule_of(at + 40), before);
}

static void *fill(void *name)
{
    for (int i = 0; i < 20; i++)
        fill_from(name, 3000);
    return NULL;
}

Test(rules, threads_fill_at_once)
{
    static const char *const names[] = { "malloc", "qsort", "malloc", "printf" };
    pthread_t threads[MR_COUNT(names)];
    for (size_t i = 0; i < MR_COUNT(names); i++)
        pthread_create(&threads[i], NULL, fill, (void *)(uintptr_t)names[i]);
    for (int i = 0; i < 50; i++)
        mr_rules_flush();
    for (size_t i = 0; i < MR_COUNT(names); i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < MR_COUNT(names); i++) {
        uintptr_t at = (uintptr_t)dlsym(RTLD_DEFAULT, names[i]);
        for (size_t k = 1; k < 3000; k++)
            cr_assert_neq(mr_row_kind(rule_of(at + k)), MR_ROW_NONE + 1);
    }
    /* Single rows may have found no place within the probes that are made. */
    cr_expect_geq(rows_used(), 3000);
}

/* Any library that nothing here needs. */
static const char *const spare[] = { "libresolv.so.2", "libBrokenLocale.so.1", "libanl.so.1", "libutil.so.1", "libnss_dns.so.2" };

static void *open_spare(uintptr_t *code)
{
    for (size_t i = 0; i < MR_COUNT(spare); i++) {
        void *handle = dlopen(spare[i], RTLD_NOW | RTLD_NOLOAD);
        if (handle || !(handle = dlopen(spare[i], RTLD_NOW)))
            continue;
        *code = *(uintptr_t *)handle + 0x1200;
        return handle;
    }
    return NULL;
}

Test(rules, a_flush_drops_the_rows_of_objects_that_are_gone)
{
    uintptr_t code, stays = (uintptr_t)mr_test_rules_sp;
    void *handle = open_spare(&code);
    if (!handle)
        cr_skip_test("no library to open");
    rule_of(code);
    rule_of(stays);
    cr_expect(has_row(code));
    mr_rules_flush();
    cr_expect(has_row(code), "it is still there");
    cr_assert_eq(dlclose(handle), 0);
    mr_rules_flush();
    cr_expect_not(has_row(code));
    cr_expect(has_row(stays));
}

Test(rules, what_was_dropped_makes_room)
{
    uintptr_t code;
    size_t used = 0;
    for (int i = 0; i < 100; i++) {
        void *handle = open_spare(&code);
        if (!handle)
            cr_skip_test("no library to open");
        for (int k = 0; k < 200; k++)
            rule_of(code + (uintptr_t)k);
        dlclose(handle);
        mr_rules_flush();
        if (i == 10)
            used = rows_used();
    }
    cr_expect_leq(rows_used(), used + 300);
}

#endif
