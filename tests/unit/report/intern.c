#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "intern.h"

Test(intern, ids_in_order_of_first_sight)
{
    struct mr_intern table = { 0 };
    cr_expect_eq(mr_intern_find(&table, "a", 1), -1);
    cr_expect_eq(mr_intern_id(&table, "a", 1), 0);
    cr_expect_eq(mr_intern_id(&table, "", 0), 1);
    cr_expect_eq(mr_intern_id(&table, "ab", 2), 2);
    cr_expect_eq(mr_intern_id(&table, "a", 1), 0);
    cr_expect_eq(mr_intern_find(&table, "", 0), 1);
    cr_expect_eq(mr_intern_find(&table, "b", 1), -1);
    cr_expect_str_eq(mr_intern_key(&table, 2), "ab");
    cr_expect(!mr_intern_add(&table, "ab", 2));
    cr_expect(mr_intern_add(&table, "ab\0c", 4)); /* bytes, not strings */
    mr_intern_free(&table);
    cr_expect_eq(table.count, 0);
}

Test(intern, many)
{
    struct mr_intern table = { 0 };
    char key[16];
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 20000; i++) {
            snprintf(key, sizeof key, "%d", i * 7919);
            cr_assert_eq(mr_intern_id(&table, key, strlen(key)), (uint32_t)i);
        }
    cr_expect_eq(table.count, 20000);
    cr_expect_leq(2 * table.count, table.slot_count);
    mr_intern_free(&table);
}

/* Published test vectors of FNV-1a. */
Test(intern, hash)
{
    cr_expect_eq(mr_intern_hash("", 0), 0xcbf29ce484222325u);
    cr_expect_eq(mr_intern_hash("a", 1), 0xaf63dc4c8601ec8cu);
    cr_expect_eq(mr_intern_hash("foobar", 6), 0x85944171f73967e8u);
}

Test(intern, arrays_grow_with_zeros)
{
    size_t cap = 0;
    uint32_t *array = mr_intern_grow(NULL, &cap, 3, sizeof *array);
    array[2] = 7;
    for (size_t i = 0; i < 2; i++)
        cr_expect_eq(array[i], 0);
    array = mr_intern_grow(array, &cap, 1000, sizeof *array);
    cr_expect(cap >= 1000 && array[2] == 7 && array[3] == 0 && array[999] == 0);
    cr_expect_eq(mr_intern_grow(array, &cap, 1000, sizeof *array), array);
    free(array);
}
