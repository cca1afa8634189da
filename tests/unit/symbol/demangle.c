#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "symbol.h"

static void expect(const char *linkage, const char *wanted)
{
    char *name = mr_demangle(linkage);
    if (wanted)
        cr_expect_str_eq(name ? name : "(nothing)", wanted, "%s: %s", linkage, name);
    else
        cr_expect_null(name, "%s: %s", linkage, name);
    free(name);
}

Test(demangle, cxx)
{
    expect("_Znwm", "operator new");
    expect("_ZNSt6vectorIiSaIiEE9push_backERKi", "std::vector<int, std::allocator<int> >::push_back");
    expect("_ZN5outer5innerEv", "outer::inner");
    expect("_ZZ4mainENKUliE_clEi", "main::{lambda(int)#1}::operator()");
}

Test(demangle, both_manglings_of_rust)
{
    expect("_ZN4core3fmt5write17h0123456789abcdefE", "core::fmt::write");
    expect("_ZN71_$LT$Test$u20$$u2b$$u20$$u27$static$u20$as$u20$foo..Bar$LT$Test$GT$$GT$3bar17h930b740aa94f1d3aE",
           "<Test + 'static as foo::Bar<Test>>::bar");
    expect("_RNvC6_123foo3bar", "123foo::bar");
    expect("_RNvNtNtCs1234_7mycrate3foo3bar3baz", "mycrate::foo::bar::baz");
}

Test(demangle, leaves_other_names_alone)
{
    expect("main", NULL);
    expect("", NULL);
    expect("_start", NULL);
    expect("_Z", NULL);
    expect("_ZN", NULL);
    expect("_R", NULL);
}

Test(demangle, names_beyond_reason_are_left_as_they_are)
{
    size_t len = 100000;
    char *name = malloc(len + 1);
    memset(name, 'P', len);
    memcpy(name, "_Z1f", 4);
    name[len] = '\0';
    expect(name, NULL);
    free(name);
}
