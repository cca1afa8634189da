/* A request that is refused on purpose (MEMOIR_FAIL=size>1000000) asks the new-handler first, then throws; the nothrow
 * form returns null. */
#include "expect.h"

#include <new>

static int asked;

static void handler()
{
    if (++asked == 3)
        std::set_new_handler(nullptr);
}

static void *ask(size_t size) { return expect_opaque(::operator new(size)); }

int main()
{
    std::set_new_handler(handler);
    bool thrown = false;
    try {
        ask(2000000);
    } catch (const std::bad_alloc &) {
        thrown = true;
    }
    EXPECT(thrown && asked == 3);
    EXPECT(expect_opaque(::operator new(2000000, std::nothrow)) == nullptr);
    ::operator delete(ask(1000));
    return 0;
}
